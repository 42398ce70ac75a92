// The queues: what waits, runs and was done, a card each that stays while its figures change.

import { curve } from "./curves.js";
import { redraw } from "./tables.js";
import { element, setText, span } from "./words.js";

const PRIORITIES = ["high", "normal", "low", "background"];
const cards = new Map();

// A long wait is said in whole minutes.
const wait = (seconds) => (seconds === null ? "–" : span(seconds < 600 ? Math.round(seconds) : Math.round(seconds / 60) * 60));

export function drawQueues(list, queues, act) {
  for (const queue of queues) {
    if (!cards.has(queue.queue)) cards.set(queue.queue, card(queue.queue, act));
    cards.get(queue.queue).update(queue);
  }
  const names = queues.map((queue) => queue.queue);
  const there = [...list.children].map((item) => item.dataset.queue);
  if (names.join() !== there.join()) list.replaceChildren(...names.map((name) => cards.get(name).element));
}

export function drawHistory(history) {
  for (const [name, made] of cards) made.draw(history.queues[name] ?? { at: [], waiting: [], oldest_wait_seconds: [], completed: [], failed: [] });
}

function card(name, act) {
  const title = element("h3", { text: name });
  const badge = element("span", { className: "badge" });
  let paused = false;
  const button = element("button", { type: "button", className: "small", "data-key": `pause-${name}`, onclick: () => act("POST", `/api/queues/${name}/${paused ? "resume" : "pause"}`) });
  const [waiting, oldest, done] = [curve("Waiting"), curve("Longest wait", wait), curve("Done a minute")];
  const counts = element("p", { className: "counts" });
  const orgs = element("div");
  const summary = element("summary");
  const more = element("details", { className: "more-of" }, summary, orgs);
  const made = element("li", { "data-queue": name },
    element("div", { className: "queue-head" }, title, badge, element("span", { className: "spring" }), button),
    element("div", { className: "curves" }, waiting.element, oldest.element, done.element), counts, more);

  return {
    element: made,
    update(queue) {
      paused = queue.paused;
      const [word, look] = state(queue);
      badge.className = `badge ${look}`;
      setText(badge, word);
      setText(button, paused ? "Resume" : "Pause");
      button.setAttribute("aria-label", `${paused ? "Resume" : "Pause"} ${name}`);
      const split = PRIORITIES.filter((priority) => queue.priorities[priority]).map((priority) => `${queue.priorities[priority]} ${priority}`);
      waiting.value(String(queue.waiting), split.length > 1 || (split.length && !queue.priorities.normal) ? split.join(", ") : "");
      oldest.value(wait(queue.oldest_wait_seconds));
      counts.replaceChildren(...[["running", queue.running], [queue.workers === 1 ? "worker" : "workers", queue.workers], ["a run, on average", queue.mean_seconds && span(queue.mean_seconds)]].filter(([what, count]) => count || !what.startsWith("a run"))
        .map(([what, count]) => element("span", {}, element("b", { text: count }), ` ${what}`)));
      more.hidden = queue.organisations.length === 0;
      const left = queue.organisations_left_off;
      setText(summary, `By organisation (${queue.organisations.length + left}${left ? `, ${left} not shown` : ""})`);
      redraw(orgs, shares(name, queue.organisations));
    },
    draw(noted) {
      waiting.draw(noted.at, noted.waiting);
      oldest.draw(noted.at, noted.oldest_wait_seconds);
      done.draw(noted.at, noted.completed, noted.failed);
      const [last, failed] = [noted.completed.at(-1), noted.failed.at(-1)];
      const total = (row) => row.reduce((sum, count) => sum + count, 0);
      done.value(last === undefined ? "–" : String(last), last === undefined ? "" : `${failed ? `${failed} failed; ` : ""}${total(noted.completed)} in an hour`);
    },
  };
}

function state(queue) {
  if (queue.paused) return ["Paused", "paused"];
  if (!queue.workers) return queue.waiting ? ["No worker", "unserved"] : ["Nobody serves it", "idle"];
  return queue.running ? ["Working", "running"] : queue.waiting ? ["Waiting", "waiting"] : ["At rest", "idle"];
}

function shares(name, organisations) {
  const row = (share) => element("tr", {},
    element("td", { className: "name", text: share.org }),
    element("td", { className: "count", "data-label": "waiting", text: share.waiting }),
    element("td", { className: "count", "data-label": "running", text: share.max_running ? `${share.running} of ${share.max_running}` : share.running }),
    element("td", { className: "count", "data-label": "longest", text: wait(share.oldest_wait_seconds) }));
  const heads = ["Organisation", "Waiting", "Running", "Longest wait"].map((text, n) => element("th", { scope: "col", text, className: n ? "count" : "" }));
  return element("table", { className: "rows", "aria-label": `Organisations in ${name}` }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...organisations.map(row)));
}
