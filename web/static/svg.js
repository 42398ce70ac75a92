// Make and change SVG elements. What has not changed is not written, so that nothing flickers and no screen reader says it again.

const NAMESPACE = "http://www.w3.org/2000/svg";

export function svg(tag, { text, ...attributes } = {}, ...children) {
  const made = document.createElementNS(NAMESPACE, tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter(Boolean));
  return made;
}

export function change(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
}

// Keeps one element per key in `parent`, in the order of `items`; what is gone is removed. → the elements by key
export function keyed(parent, items, make) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const kept = new Map();
  let before = parent.firstElementChild;
  for (const item of items) {
    const node = old.get(item.key) ?? make(item);
    node.dataset.key = item.key;
    if (node === before) before = node.nextElementSibling;
    else parent.insertBefore(node, before);
    kept.set(item.key, node);
  }
  for (const [key, node] of old) if (!kept.has(key)) node.remove();
  return kept;
}

const pen = document.createElement("canvas").getContext("2d");

// As much of a text as fits into so many pixels: "Transcri…"
export function fitted(text, width, font) {
  pen.font = font;
  if (pen.measureText(text).width <= width) return text;
  let [fits, not] = [0, text.length];
  while (not - fits > 1) {
    const middle = (fits + not) >> 1;
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= width) fits = middle;
    else not = middle;
  }
  return `${text.slice(0, fits).trimEnd()}…`;
}
