// A job's page: ask every two seconds, show what is so, stop when it has ended.

import { ask, initial, Refused } from "./api.js";
import { childrenOf } from "./children.js";
import { graph, MOST_DRAWN } from "./graph.js";
import { drawHead } from "./head.js";
import { outcome } from "./outcome.js";
import { drawDownloads } from "./results.js";
import { stepPanel } from "./step.js";
import { tabs } from "./views.js";
import { drawTasks } from "./tasks.js";
import { timeline } from "./timeline.js";
import { follow } from "./transcript.js";
import { ENDED, setText } from "./words.js";

const POLL_MS = 2000;
const SLOWEST_POLL_MS = 15000;
const MUCH_PERCENT = 15; // from here on a cancel is asked about first
const at = (id) => document.getElementById(id);
const path = `/api/jobs/${initial.id}`;
const growing = follow(`${path}/partial`, {
  card: at("transcript-card"), list: at("transcript"), live: at("live"), said: at("transcript-said"), newest: at("newest"),
});
const drawOutcome = outcome({ root: at("outcome-card"), title: at("outcome-title"), body: at("outcome") }, at("job").dataset.reader);
const children = childrenOf(path);
const retry = (node) => act("POST", `/tasks/${node}/retry`);
const [drawing, times, panel] = [graph(at("graph"), choose), timeline(at("timeline"), choose), stepPanel(at("step"), retry)];
const listed = initial.tasks.length > MOST_DRAWN;
const view = tabs(document.querySelector(".views"), "graph", () => drawSteps());

let job = initial;
let etag = null;
let chosen; // a step's name; null: none, by wish; undefined: nobody has said
let wait = POLL_MS;
let timer = null; // set while nothing is being asked
let polling = Promise.resolve();

function draw() {
  drawHead(job, { choose });
  const ended = ENDED.has(job.status);
  at("cancel").hidden = ended;
  at("retry").hidden = !(job.status === "failed" || job.status === "cancelled");
  at("delete").hidden = !ended;
  at("downloads-card").hidden = job.artifacts.length === 0;
  keepFocus(at("downloads"), () => drawDownloads(at("downloads"), job.artifacts));
  drawSteps();
}

// What failed is shown at once, unless somebody looks at another step.
function step() {
  const name = chosen === undefined ? job.tasks.find((task) => task.state === "failed")?.name : chosen;
  return job.tasks.find((task) => task.name === name);
}

function drawSteps() {
  const [shown, task] = [view.current(), step()];
  if (shown === "graph") drawing.draw(job, task?.name);
  if (shown === "timeline") times.draw(job, children.of, task?.name);
  keepFocus(at("tasks"), () => drawTasks(at("tasks"), job, { retry, choose, chosen: task?.name }));
  keepFocus(at("step"), () => panel.draw(job, task, children.of.get(task?.name)));
  lookAtChildren();
}

// The parts of a step are asked for only while they are shown.
let looking = null;
function lookAtChildren() {
  const task = step();
  const wanted = view.current() === "timeline" ? null : new Set(task ? [task.name] : []);
  if (looking || wanted?.size === 0) return;
  looking = children.read(job, wanted).then((fresh) => { looking = null; if (fresh) drawSteps(); }, () => { looking = null; });
}

function choose(name) {
  chosen = step()?.name === name ? null : name;
  drawSteps();
  if (chosen && matchMedia("(max-width: 40rem)").matches) at("step").scrollIntoView({ block: "nearest" });
}

// Redrawing must not take the keyboard's place away.
function keepFocus(list, redraw) {
  const key = list.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  redraw();
  if (!key) return;
  const it = CSS.escape(key);
  list.querySelector(`[data-key="${it}"]:not(details), [href="${it}"], details[data-key="${it}"] > summary`)?.focus();
}

const keyOf = (node) => node.dataset.key ?? node.getAttribute("href") ?? (node.matches("summary") ? node.parentElement.dataset.key : null);

// One at a time: two at once would both show what came since the same cursor.
function poll() {
  clearTimeout(timer);
  timer = null;
  polling = polling.then(pollOnce);
  return polling;
}

async function pollOnce() {
  try {
    const answer = await ask(path, { etag });
    if (answer.body) {
      [job, etag] = [answer.body, answer.etag];
      draw();
    } else if (!ENDED.has(job.status)) {
      draw(); // the time it takes goes on
    }
    await drawResults();
    at("lost").hidden = true;
    wait = POLL_MS;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return gone();
    at("lost").hidden = false;
    wait = Math.min(wait * 2, SLOWEST_POLL_MS);
  }
  clearTimeout(timer);
  if (!ENDED.has(job.status) || !at("lost").hidden) timer = setTimeout(poll, document.hidden ? SLOWEST_POLL_MS : wait);
  return undefined;
}

// The transcript grows until it is finished; then the card of what the job came to leads to it.
async function drawResults() {
  await drawOutcome(job);
  const finished = job.artifacts.some((artifact) => artifact.name === "transcript.json");
  if (finished) growing.forget();
  else await growing.read(ENDED.has(job.status));
}

function gone() {
  for (const card of document.querySelectorAll("main > .card")) card.hidden = card.id !== "gone";
  document.title = "Gone · Lectern";
}

async function act(method, tail) {
  complain("");
  try {
    await ask(path + tail, { method });
    if (method === "DELETE") return location.assign("/");
    [etag, chosen] = [null, chosen ?? undefined];
    await poll();
  } catch (error) {
    complain(error instanceof Refused ? error.message : "The connection broke off. Try again.");
  }
  return undefined;
}

function complain(reason) {
  at("wrong").hidden = !reason;
  at("wrong").textContent = reason;
}

// Asks before what cannot be undone. → Promise of whether to do it
function sure(title, says, no, yes) {
  const dialog = at("sure");
  for (const [id, text] of [["sure-title", title], ["sure-says", says], ["sure-no", no], ["sure-yes", yes]]) setText(at(id), text);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => { dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }); });
}

at("cancel").addEventListener("click", async () => {
  const told = `${Math.floor(job.progress)} % of it is done. What is done stays; Retry goes on from there.`;
  const little = job.progress < MUCH_PERCENT;
  if (little || await sure("Cancel this job?", told, "Go on working", "Cancel the job")) act("POST", "/cancel");
});
at("retry").addEventListener("click", () => act("POST", "/retry"));
at("delete").addEventListener("click", async () => {
  const told = "Its recording and its results are deleted with it. This cannot be undone.";
  if (await sure("Delete this job?", told, "Keep it", "Delete")) act("DELETE", "");
});
at("step-close").addEventListener("click", () => {
  const before = step()?.name;
  chosen = null;
  drawSteps();
  document.querySelector(`.view:not([hidden]) [data-step="${before}"], .view:not([hidden]) [data-key="step-${before}"]`)?.focus();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && timer && !ENDED.has(job.status)) poll(); });

if (listed) {
  at("tab-graph").hidden = true;
  at("too-many").hidden = false;
  setText(at("too-many"), `${job.tasks.length} steps are too many to draw as a graph.`);
}
view.show(listed && view.kept() === "graph" ? "list" : view.kept());
draw();
poll();
