// Small things that several parts of a job's page show alike.

import { saidOf, stepName } from "./steps.js";
import { element, setBar } from "./words.js";

export function progressBar(task) {
  const bar = element("div", {
    className: "bar thin", role: "progressbar", "aria-label": stepName(task.name), "aria-valuemin": "0", "aria-valuemax": "100",
  }, element("div"));
  setBar(bar, task.progress);
  return bar;
}

// [[term, value], …] → elements of a <dl>
export function terms(known) {
  return known.map(([term, value]) => element("div", {}, element("dt", { text: term }), element("dd", { text: value })));
}

// An error's sentence, and its traceback folded; `open` are the keys of those that are unfolded.
export function failure(name, error, open, className = "error") {
  const { line, more } = saidOf(error);
  const key = `error-${name}`;
  if (!more) return element("p", { className, text: line });
  return element("details", { className, open: open.has(key), "data-key": key },
    element("summary", { text: line }), element("pre", { text: more, tabindex: "0" }));
}

// The keys of the errors that are unfolded in a part of the page.
export function unfolded(root) {
  return new Set([...root.querySelectorAll("details[open]")].map((details) => details.dataset.key));
}
