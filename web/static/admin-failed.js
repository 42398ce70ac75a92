// Failed jobs: with their errors, chosen by type, organisation and what is said, and retried some or all at once.

import { ask, Refused } from "./api.js";
import { redraw } from "./tables.js";
import { ago, element, setText } from "./words.js";

const PAGE = 25;
const MOST = 200; // jobs that one request retries
const at = (id) => document.getElementById(id);

let jobs = []; // newest first
let cursor = null;
const picked = new Set();

export async function readFailed() {
  const { body } = await ask(query());
  if (body === null) return;
  const newest = new Set(body.jobs.map((job) => job.id));
  const last = body.jobs.at(-1)?.created_at ?? "";
  const older = body.cursor && jobs.some((job) => newest.has(job.id)) ? jobs.filter((job) => !newest.has(job.id) && job.created_at <= last) : [];
  if (older.length === 0) cursor = body.cursor;
  jobs = [...body.jobs, ...older];
  draw();
}

export function organisationsKnown(names) {
  const select = at("filter-org");
  const there = new Set([...select.options].map((option) => option.value));
  for (const name of names) if (!there.has(name)) select.append(element("option", { value: name, text: name }));
}

function query(more = "") {
  const asked = new URLSearchParams({ status: "failed", limit: PAGE });
  for (const name of ["type", "org"]) if (at(`filter-${name}`).value) asked.set(name, at(`filter-${name}`).value);
  return `/api/jobs?${asked}${more}`;
}

// The step that failed first is what the others were cancelled for.
function failure(job) {
  const tasks = job.tasks.filter((task) => task.state === "failed").sort((a, b) => (a.ended_at < b.ended_at ? -1 : 1));
  return { step: tasks[0]?.name ?? "", error: (tasks[0]?.error ?? job.message).trim() };
}

function shown() {
  const text = at("filter-text").value.trim().toLowerCase();
  const fit = text ? jobs.filter((job) => `${job.title} ${job.user} ${job.id} ${failure(job).error}`.toLowerCase().includes(text)) : [...jobs];
  return fit.sort((a, b) => ((a.ended_at ?? "") < (b.ended_at ?? "") ? 1 : -1)); // what failed last comes first, whenever it was submitted
}

function draw() {
  const rows = shown();
  const ids = new Set(rows.map((job) => job.id));
  for (const id of picked) if (!ids.has(id)) picked.delete(id); // what is not seen is not retried
  redraw(at("failed"), ...rows.map(row));
  const filtered = at("filter-text").value.trim() || at("filter-type").value || at("filter-org").value;
  at("no-failed").hidden = rows.length > 0;
  setText(at("no-failed"), filtered ? "None that fit." : "None. What fails for good is listed here, with its error.");
  at("filters").hidden = !filtered && jobs.length === 0;
  at("bulk").hidden = rows.length === 0;
  at("more-failed").hidden = !cursor;
  setText(at("failed-said"), rows.length ? `${rows.length}${cursor ? " and more" : ""}` : "");
  const choosable = Math.min(rows.length, MOST);
  at("all").checked = picked.size > 0 && picked.size >= choosable;
  at("all").indeterminate = picked.size > 0 && picked.size < choosable;
  setText(at("picked-said"), picked.size ? `${picked.size} selected` : "Select all");
  at("retry-picked").disabled = picked.size === 0;
  setText(at("retry-picked"), picked.size > 1 ? `Retry ${picked.size} jobs` : "Retry");
}

function row(job) {
  const { step, error } = failure(job);
  const pick = element("input", { type: "checkbox", checked: picked.has(job.id), "aria-label": `Select ${job.title}`, "data-key": `pick-${job.id}`, onchange: (event) => {
    if (event.target.checked && picked.size < MOST) picked.add(job.id);
    else picked.delete(job.id);
    draw();
  } });
  return element("li", {}, pick,
    element("div", {}, element("a", { href: `/jobs/${job.id}`, text: job.title, "data-key": `open-${job.id}` }),
      element("div", { className: "about", text: `${job.type} · ${job.user} of ${job.org}${step ? ` · in ${step.replaceAll("_", " ")}` : ""}` })),
    element("span", { className: "about", text: ago(job.ended_at ?? job.created_at) }),
    error && told(job, error));
}

// The first line is for people. A traceback's last line is its error, and says what happened when the first does not.
function told(job, error) {
  const lines = error.split("\n");
  const line = lines[0].startsWith("Traceback") ? lines.at(-1) : lines[0];
  if (lines.length === 1) return element("div", { className: "error", text: line });
  return element("details", { className: "error", "data-key": `error-${job.id}` }, element("summary", { text: line, "data-key": `fold-${job.id}` }), element("pre", { text: error }));
}

async function retry() {
  at("retry-picked").disabled = true;
  try {
    const { body } = await ask("/api/jobs/retry", { method: "POST", json: { ids: [...picked] } });
    const refused = body.results.filter((result) => !result.done);
    const done = body.done === 1 ? "1 job runs again" : `${body.done} jobs run again`;
    say(refused.length ? `${done}; ${refused.length} not: ${refused[0].problem.detail}.` : `${done}.`);
    picked.clear();
    await readFailed();
  } catch (error) {
    say(error instanceof Refused ? error.message : "The connection broke off. Try again.");
  }
  draw();
}

function say(text) {
  setText(at("bulk-said"), text);
  at("bulk-said").hidden = !text;
}

at("retry-picked").addEventListener("click", retry);
at("all").addEventListener("change", (event) => {
  picked.clear();
  if (event.target.checked) for (const job of shown().slice(0, MOST)) picked.add(job.id);
  draw();
});
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("filter-text").addEventListener("input", draw);
for (const id of ["filter-type", "filter-org"]) at(id).addEventListener("change", () => {
  jobs = [];
  readFailed().catch(() => say("The connection broke off. Try again."));
});
at("more-failed").addEventListener("click", async () => {
  at("more-failed").disabled = true;
  try {
    const { body } = await ask(query(`&cursor=${encodeURIComponent(cursor)}`));
    const there = new Set(jobs.map((job) => job.id));
    jobs = [...jobs, ...body.jobs.filter((job) => !there.has(job.id))];
    cursor = body.cursor;
    draw();
  } catch {
    say("The connection broke off. Try again.");
  }
  at("more-failed").disabled = false;
});
