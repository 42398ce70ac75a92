// Search in what the page shows, without regard to case and accents. Matches are marked by the browser, the page stays as it is.

import { setText } from "./words.js";

const PAUSE_MS = 120; // between two keys, before it is looked for
const at = (id) => document.getElementById(id);
const MARKS = typeof Highlight === "function" && CSS.highlights;

// `list` has the lines; told.seen(line) is called with the line to look at.
// → {again(), mark()}: what the lines say has changed; some have come near, and got elements for their words.
export function finder(list, told) {
  const input = at("find-words");
  let texts = null; // [{node, text, from}], read when it is first looked for
  let matches = []; // [{node, start, end}]
  let now = -1;
  let here = null; // the line of that match
  let timer = 0;

  function read() {
    texts ??= [...list.querySelectorAll(".words")].map((node) => ({ node, ...folded(node.textContent) }));
    return texts;
  }

  function look(keep = false) {
    clearTimeout(timer);
    const wanted = folded(input.value.trim()).text;
    matches = [];
    if (wanted) {
      for (const { node, text, from } of read()) {
        for (let place = text.indexOf(wanted); place >= 0; place = text.indexOf(wanted, place + wanted.length)) {
          matches.push({ node, start: from ? from[place] : place, end: from ? from[place + wanted.length] : place + wanted.length });
        }
      }
    }
    now = keep ? Math.min(Math.max(now, matches.length ? 0 : -1), matches.length - 1) : -1;
    mark();
    if (!keep && matches.length) go(1);
    else say();
  }

  // Begin with the first match that is not above what is read.
  function go(by) {
    if (!matches.length) return;
    if (now < 0) {
      now = below(matches.map(({ node }) => node.parentNode)) % matches.length;
    } else now = (now + by + matches.length) % matches.length;
    mark();
    told.seen(matches[now].node.parentNode);
    say();
  }

  function say() {
    const none = input.value.trim() !== "" && matches.length === 0;
    setText(at("find-count"), matches.length ? `${now + 1} of ${matches.length}` : none ? "Not found" : "");
    at("find").classList.toggle("none", none);
    at("find-before").disabled = at("find-next").disabled = matches.length === 0;
  }

  function mark() {
    here?.classList.remove("found-here");
    here = matches[now]?.node.parentNode;
    here?.classList.add("found-here");
    if (!MARKS) return; // the line is marked; its words cannot be
    CSS.highlights.set("found", new Highlight(...matches.filter(({ node }) => node.parentNode.filled).map(range)));
    CSS.highlights.set("found-now", new Highlight(...(matches[now] ? [range(matches[now])] : [])));
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS);
  });
  at("find").addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      if (now < 0) look();
      else go(event.shiftKey ? -1 : 1);
    }
    if (event.key === "Escape") {
      input.value = "";
      look();
      input.blur();
    }
  });
  at("find-next").addEventListener("click", () => go(1));
  at("find-before").addEventListener("click", () => go(-1));

  return {
    mark: () => { if (matches.length) mark(); },
    again() {
      texts = null;
      if (input.value.trim()) look(true);
    },
  };
}

// The first of `rows`, from top to bottom, that ends in sight or further down; their number where all are above.
function below(rows) {
  let [low, high] = [0, rows.length];
  while (low < high) { // only a few are measured: a row that was never in sight has no layout yet
    const middle = (low + high) >> 1;
    if (rows[middle].getBoundingClientRect().bottom > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

// "Kreb’s Zürich" → {text: "krebs zurich"…}: small letters without accents; `from` leads each of them back, null where all stand where they stood.
function folded(text) {
  if (/^[\x00-\x7f]*$/.test(text)) return { text: text.toLowerCase(), from: null };
  let plain = "";
  const from = [];
  let place = 0;
  for (const letter of text) {
    const bare = letter.normalize("NFD").replace(/\p{M}/gu, "").replace(/[’‘]/g, "'").toLowerCase();
    plain += bare;
    for (let n = 0; n < bare.length; n += 1) from.push(place);
    place += letter.length;
  }
  from.push(place);
  return { text: plain, from };
}

// Places in the text of an element become places in its text nodes.
function range({ node, start, end }) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const found = {};
  let behind = 0;
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const length = text.data.length;
    if (found.startContainer === undefined && start < behind + length) Object.assign(found, { startContainer: text, startOffset: start - behind });
    if (end <= behind + length) return new StaticRange({ ...found, endContainer: text, endOffset: end - behind });
    behind += length;
  }
  return new StaticRange({ startContainer: node, startOffset: 0, endContainer: node, endOffset: node.childNodes.length });
}
