// The steps of a job: state, what is happening, attempts, children, errors, and a way to run one again.

import { element, ENDED, secondsBetween, setBar, span, taskWord } from "./words.js";

export function drawTasks(list, job, retry) {
  const open = new Set([...list.querySelectorAll("details[open]")].map((details) => details.dataset.task));
  list.replaceChildren(...job.tasks.map((task) => row(task, job, retry, open.has(task.name))));
}

function row(task, job, retry, open) {
  const working = task.state === "running" || task.state === "joining";
  return element("li", {},
    element("span", { className: `badge ${task.state}`, text: taskWord(task) }),
    element("div", { className: "what" },
      element("div", { className: "name", text: task.name.replaceAll("_", " ") }),
      element("div", { className: "more", text: story(task) })),
    element("div", { className: "side" },
      task.attempts > 1 && element("span", { text: `attempt ${task.attempts}` }),
      task.started_at && element("span", { text: span(secondsBetween(task.started_at, task.ended_at)) }),
      retryable(task, job) && element("button", {
        type: "button", className: "small", text: "Retry", "aria-label": `Retry ${task.name}`, "data-key": `retry-${task.name}`, onclick: () => retry(task.name),
      })),
    working && task.progress > 0 && progress(task),
    task.error && error(task, open));
}

function story(task) {
  const parts = [];
  if (task.message && !task.ended_at) parts.push(task.message);
  if (task.children.total) {
    const failed = task.children.failed ? `, ${task.children.failed} failed` : "";
    parts.push(`${task.children.completed} of ${task.children.total} parts done${failed}`);
  }
  if (task.state === "pending" && task.needs.length) parts.push(`after ${task.needs.join(", ")}`);
  if (task.state === "ready") parts.push(`for a worker of the ${task.queue} queue`);
  if (task.optional) parts.push("optional");
  return parts.join(" · ");
}

// A skipped step can be run again once its job has ended; a cancelled one comes back with what cancelled it.
function retryable(task, job) {
  return task.state === "failed" || (task.state === "skipped" && ENDED.has(job.status));
}

function progress(task) {
  const bar = element("div", { className: "bar thin", role: "progressbar", "aria-label": task.name, "aria-valuemin": "0", "aria-valuemax": "100" }, element("div"));
  setBar(bar, task.progress);
  return bar;
}

function error(task, open) {
  const [first, ...rest] = task.error.split("\n");
  if (!rest.join("").trim()) return element("div", { className: "error", text: first });
  return element("details", { className: "error", open, "data-task": task.name },
    element("summary", { text: first, "data-key": `error-${task.name}` }), element("pre", { text: rest.join("\n").trim() }));
}
