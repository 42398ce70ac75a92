// One step, looked at closely: what it does, how it went, what it failed with, its parts, and a way to run it again.

import { failure, progressBar, terms, unfolded } from "./shown.js";
import { atWork, does, parts, retryable, stepName, took } from "./steps.js";
import { svg } from "./svg.js";
import { workerName } from "./timeline.js";
import { ago, element, ENDED, secondsBetween, setText, span, taskWord } from "./words.js";

const MOST_FAILED = 20; // parts that are named each
const CELL = 13;
const CROSS = `M3 3l${CELL - 8} ${CELL - 8}m0 ${8 - CELL}l${8 - CELL} ${CELL - 8}`;
const MOST_CELLS = 600;

// card has a heading, a badge, a button to close it, and a body. → {draw(job, task, children)}; nothing is drawn without a task
export function stepPanel(card, retry) {
  const body = card.querySelector(".body");
  let shown = null;

  function draw(job, task, children) {
    card.hidden = !task;
    if (!task) return;
    const open = shown === task.name ? unfolded(body) : new Set();
    shown = task.name;
    setText(card.querySelector("h3"), stepName(task.name));
    const badge = card.querySelector(".badge");
    badge.className = `badge ${task.state}`;
    setText(badge, taskWord(task));
    body.replaceChildren(...[
      does(task) && element("p", { className: "muted", text: `${does(task)}.` }),
      atWork(task) && working(task),
      task.error && failure(task.name, task.error, open, task.state === "skipped" ? "error mild" : "error"),
      facts(task),
      task.children.total > 0 && partsOf(task, children ?? [], open),
      retryable(task, ENDED.has(job.status)) && element("div", { className: "actions" },
        element("button", { type: "button", text: "Retry this step", "data-key": `again-${task.name}`, onclick: () => retry(task.name) })),
    ].filter(Boolean));
  }

  function partsOf(task, children, open) {
    const amiss = children.filter((child) => child.error && child.state !== "completed");
    amiss.sort((one, other) => (other.state === "failed") - (one.state === "failed"));
    const named = amiss.slice(0, MOST_FAILED);
    return element("div", { className: "parts" },
      element("h4", { text: parts(task.children) }),
      children.length > 0 && children.length <= MOST_CELLS && cells(children),
      named.length > 0 && element("ul", { className: "failed-parts" }, ...named.map((child) => part(task, child, open))),
      amiss.length > named.length && element("p", { className: "muted", text: `And ${amiss.length - named.length} more.` }));
  }

  function part(task, child, open) {
    const name = `${task.name}.${child.n}`;
    const tried = child.attempts === 1 ? "1 attempt" : `${child.attempts} attempts`;
    const failed = child.state === "failed";
    const where = child.worker ? `, on ${workerName(child.worker)}` : "";
    return element("li", {},
      element("div", { className: "between wraps" },
        element("span", {},
          element("strong", { text: `Part ${child.n} ${failed ? "failed" : "is tried again"}` }),
          element("span", { className: "muted", text: ` · ${tried}${where}` })),
        failed && element("button", {
          type: "button", className: "small", text: "Retry this part", "aria-label": `Retry this part: ${child.n}`,
          "data-key": `retry-${name}`, onclick: () => retry(name),
        })),
      failure(name, child.error, open));
  }

  return { draw };
}

function working(task) {
  return element("div", { className: "doing" }, task.message && element("p", { text: task.message }), progressBar(task));
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
  return element("dl", { className: "facts" }, ...terms(known));
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
      child.state === "failed" && svg("path", { class: "cross", d: CROSS })));
  });
  return root;
}

function counted(children) {
  const counts = new Map();
  for (const child of children) counts.set(taskWord(child), (counts.get(taskWord(child)) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} ${word.toLowerCase()}`).join(", ");
}
