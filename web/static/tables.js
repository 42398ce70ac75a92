// Tables that can be sorted by their heads, and lists that are drawn anew without taking away the keyboard's place or what was unfolded.

import { element } from "./words.js";

export function redraw(container, ...children) {
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = new Set([...container.querySelectorAll("details[open][data-key]")].map((details) => details.dataset.key));
  container.replaceChildren(...children);
  for (const details of container.querySelectorAll("details[data-key]")) details.open = open.has(details.dataset.key);
  if (focused) container.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

// columns: [{head, by, cell, className}], `by` a row's value to sort by, `cell` what stands in it: text, an element, or a list of them.
export function table(container, label, columns, first = 0) {
  let [sorted, down, rows] = [first, false, []];

  function draw() {
    const by = columns[sorted].by;
    const order = [...rows].sort((a, b) => compare(by(a), by(b)) * (down ? -1 : 1));
    const heads = columns.map((column, n) => element("th", { scope: "col", className: column.className ?? "", "aria-sort": n === sorted ? (down ? "descending" : "ascending") : false },
      column.by ? element("button", { type: "button", text: column.head, "data-key": `${label}-${n}`, onclick: () => sort(n) })
        : element("span", { className: "visually-hidden", text: column.head })));
    const lines = order.map((row) => element("tr", {}, ...columns.map((column) =>
      element("td", { className: column.className ?? "", "data-label": column.short ?? false }, ...[column.cell(row)].flat()))));
    redraw(container, ...(rows.length ? [element("table", { className: "rows", "aria-label": label },
      element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...lines))] : []));
  }

  function sort(n) {
    down = n === sorted ? !down : false;
    sorted = n;
    draw();
  }

  return (fresh) => { rows = fresh; draw(); };
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
