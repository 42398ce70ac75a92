// The steps of a job as a list: state, what is happening, attempts, parts, errors, and a way to run one again.

import { failure, progressBar, unfolded } from "./shown.js";
import { atWork, retryable, stepName, took } from "./steps.js";
import { element, ENDED, span, taskWord } from "./words.js";

export function drawTasks(list, job, { retry, choose, chosen }) {
  const open = unfolded(list);
  list.replaceChildren(...job.tasks.map((task) => row(task, job, { retry, choose, chosen, open })));
}

function row(task, job, { retry, choose, chosen, open }) {
  const seconds = took(task);
  return element("li", {},
    element("span", { className: `badge ${task.state}`, text: taskWord(task) }),
    element("div", { className: "what" },
      element("button", {
        type: "button", className: "name", text: stepName(task.name), "data-key": `step-${task.name}`,
        "aria-pressed": String(task.name === chosen), onclick: () => choose(task.name),
      }),
      element("div", { className: "more", text: story(task) })),
    element("div", { className: "side" },
      task.attempts > 1 && element("span", { text: `attempt ${task.attempts}` }),
      seconds !== null && element("span", { text: span(seconds) }),
      retryable(task, ENDED.has(job.status)) && element("button", {
        type: "button", className: "small", text: "Retry", "aria-label": `Retry ${stepName(task.name)}`,
        "data-key": `retry-${task.name}`, onclick: () => retry(task.name),
      })),
    atWork(task) && task.progress > 0 && progressBar(task),
    task.error && failure(task.name, task.error, open));
}

function story(task) {
  const told = [];
  if (task.message && !task.ended_at) told.push(task.message);
  if (task.children.total) {
    const { total, completed, failed } = task.children;
    told.push(`${completed} of ${total} ${total === 1 ? "part" : "parts"} done${failed ? `, ${failed} failed` : ""}`);
  }
  if (task.state === "pending" && task.needs.length) told.push(`after ${task.needs.map(stepName).join(", ")}`);
  if (task.state === "ready") told.push(`for a worker of the ${task.queue} queue`);
  if (task.optional) told.push("optional");
  return told.join(" · ");
}
