// One step, looked at closely: what it does, how it went, what it failed with, its parts, and a way to run it again.

import { atWork, does, parts, retryable, saidOf, stepName, took } from "./steps.js";
import { change, svg } from "./svg.js";
import { workerName } from "./timeline.js";
import { ago, element, ENDED, secondsBetween, setBar, setText, span, taskWord } from "./words.js";

const MOST_FAILED = 20; // parts that are named each
const CELL = 13;
const MOST_CELLS = 600;

// card has a heading, a badge, a button to close it, and a body. → {draw(job, task, children)}; nothing is drawn without a task
export function stepPanel(card, retry) {
  const body = card.querySelector(".body");
  let shown = null;

  function draw(job, task, children) {
    card.hidden = !task;
    if (!task) return;
    const open = shown === task.name ? new Set([...body.querySelectorAll("details[open]")].map((details) => details.dataset.key)) : new Set();
    shown = task.name;
    setText(card.querySelector("h3"), stepName(task.name));
    const badge = card.querySelector(".badge");
    badge.className = `badge ${task.state}`;
    setText(badge, taskWord(task));
    body.replaceChildren(...[
      does(task) && element("p", { className: "muted", text: `${does(task)}.` }),
      atWork(task) && working(task),
      task.error && failure(task, open, task.state === "skipped"),
      facts(task),
      task.children.total > 0 && partsOf(task, children ?? [], open),
      retryable(task, ENDED.has(job.status)) && element("div", { className: "actions" },
        element("button", { type: "button", text: "Retry this step", "data-key": `again-${task.name}`, onclick: () => retry(task.name) })),
    ].filter(Boolean));
  }

  function partsOf(task, children, open) {
    const failed = children.filter((child) => child.state === "failed");
    const trying = children.filter((child) => child.state !== "failed" && child.state !== "completed" && child.error);
    return element("div", { className: "parts" },
      element("h4", { text: parts(task.children) }),
      children.length > 0 && children.length <= MOST_CELLS && cells(children),
      failed.length > 0 && element("ul", { className: "failed-parts" }, ...failed.slice(0, MOST_FAILED).map((child) => part(task, child, open, "failed"))),
      trying.length > 0 && element("ul", { className: "failed-parts" }, ...trying.slice(0, MOST_FAILED).map((child) => part(task, child, open, "again"))),
      failed.length + trying.length > 2 * MOST_FAILED && element("p", { className: "muted", text: `And ${failed.length + trying.length - 2 * MOST_FAILED} more.` }));
  }

  function part(task, child, open, kind) {
    const name = `${task.name}.${child.n}`;
    const tried = child.attempts === 1 ? "1 attempt" : `${child.attempts} attempts`;
    const word = kind === "again" ? "is tried again" : "failed";
    return element("li", {},
      element("div", { className: "between wraps" },
        element("span", {}, element("strong", { text: `Part ${child.n} ${word}` }), element("span", { className: "muted", text: ` · ${tried}${child.worker ? `, on ${workerName(child.worker)}` : ""}` })),
        kind === "failed" && element("button", { type: "button", className: "small", text: "Retry this part", "aria-label": `Retry part ${child.n}`, "data-key": `retry-${name}`, onclick: () => retry(name) })),
      failure({ name, error: child.error ?? "" }, open));
  }

  return { draw };
}

// The sentence of an error, and the traceback folded.
function failure({ name, error }, open, mild = false) {
  const { line, more } = saidOf(error);
  const className = mild ? "error mild" : "error";
  if (!more) return element("p", { className, text: line });
  return element("details", { className, open: open.has(`error-${name}`), "data-key": `error-${name}` },
    element("summary", { text: line }), element("pre", { text: more, tabindex: "0" }));
}

function working(task) {
  const bar = element("div", { className: "bar thin", role: "progressbar", "aria-label": stepName(task.name), "aria-valuemin": "0", "aria-valuemax": "100" }, element("div"));
  setBar(bar, task.progress);
  return element("div", { className: "doing" }, task.message && element("p", { text: task.message }), bar);
}

function facts(task) {
  const seconds = took(task);
  const known = [];
  if (seconds !== null) known.push([atWork(task) ? "Working for" : "Took", span(seconds)]);
  if (task.started_at && seconds !== null) known.push(["Began", clockOf(task.started_at)]);
  if (task.ended_at) known.push(["Ended", clockOf(task.ended_at)]);
  if (task.attempts) known.push(["Attempts", String(task.attempts)]);
  if (task.worker) known.push(["Worker", workerName(task.worker)]);
  known.push(["Queue", task.queue]);
  if (task.needs.length) known.push(["After", task.needs.map(stepName).join(", ")]);
  if (task.optional) known.push(["Optional", "the job goes on without it"]);
  return element("dl", { className: "facts" }, ...known.map(([term, value]) => element("div", {}, element("dt", { text: term }), element("dd", { text: value }))));
}

function clockOf(stamp) {
  return secondsBetween(stamp) < 20 * 3600 ? new Date(stamp).toLocaleTimeString() : ago(stamp);
}

// A square for each part: full when it is done, half while it runs, crossed when it failed.
function cells(children) {
  const across = Math.min(children.length, 48);
  const root = svg("svg", {
    class: "cells", role: "img", "aria-label": counted(children),
    viewBox: `0 0 ${across * CELL} ${Math.ceil(children.length / across) * CELL}`, width: across * CELL,
  });
  children.forEach((child, n) => {
    const [x, y] = [(n % across) * CELL, Math.floor(n / across) * CELL];
    const side = CELL - 3;
    const share = child.state === "running" ? Math.max(0.15, child.progress / 100) : 0;
    root.append(svg("g", { class: child.state, transform: `translate(${x} ${y})` },
      svg("title", { text: `Part ${child.n}: ${taskWord(child).toLowerCase()}` }),
      svg("rect", { class: "box", x: 0.5, y: 0.5, width: side, height: side, rx: 2.5 }),
      share > 0 && svg("rect", { class: "share", x: 0.5, y: 0.5 + side * (1 - share), width: side, height: side * share, rx: 2 }),
      child.state === "failed" && svg("path", { class: "cross", d: `M3 3l${side - 5} ${side - 5}m0 ${5 - side}l${5 - side} ${side - 5}` })));
  });
  change(root, { preserveAspectRatio: "xMinYMin meet" });
  return root;
}

function counted(children) {
  const counts = new Map();
  for (const child of children) counts.set(taskWord(child), (counts.get(taskWord(child)) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} ${word.toLowerCase()}`).join(", ");
}
