// A job's page: ask every two seconds, show what is so, stop when it has ended.

import { ask, initial, Refused } from "./api.js";
import { drawNotes } from "./notes.js";
import { reading } from "./reading.js";
import { drawDownloads, reader } from "./results.js";
import { drawTasks } from "./tasks.js";
import { follow } from "./transcript.js";
import { ago, element, ENDED, jobState, secondsBetween, paused, setBar, setText, span, standing } from "./words.js";

const POLL_MS = 2000;
const SLOWEST_POLL_MS = 15000;
const at = (id) => document.getElementById(id);
const path = `/api/jobs/${initial.id}`;
const growing = follow(`${path}/partial`, at("transcript-card"), at("transcript"), at("transcript-said"));
const finished = reading(at("transcript"), at("as-heard"), at("transcript-said"));
const [readTranscript, readNotes] = [reader("transcript.json"), reader("notes.json")];

let job = initial;
let etag = null;
let wait = POLL_MS;
let timer = null; // set while nothing is being asked
let polling = Promise.resolve();

function draw() {
  const { word, look } = jobState(job);
  const badge = at("status");
  badge.className = `badge ${look}`;
  setText(badge, word);
  setBar(at("bar"), job.progress, look);
  setText(at("percent"), `${Math.floor(job.progress)} %`);
  const { message, estimate } = standing(job);
  setText(at("message"), message);
  setText(at("estimate"), estimate);
  document.title = `${ENDED.has(job.status) || paused(job) ? word : `${Math.floor(job.progress)} %`} · ${job.title} · Lectern`;

  at("warnings").hidden = job.warnings.length === 0;
  at("warnings").replaceChildren(...job.warnings.map((text) => element("li", { text })));
  at("facts").replaceChildren(...facts().map(([term, value]) => element("div", {}, element("dt", { text: term }), element("dd", { text: value }))));

  const ended = ENDED.has(job.status);
  at("cancel").hidden = ended;
  at("retry").hidden = !(job.status === "failed" || job.status === "cancelled");
  at("delete").hidden = !ended;

  at("downloads-card").hidden = job.artifacts.length === 0;
  keepFocus(at("downloads"), () => drawDownloads(at("downloads"), job.artifacts));
  keepFocus(at("tasks"), () => drawTasks(at("tasks"), job, (task) => act("POST", `/tasks/${task}/retry`)));
}

function facts() {
  const known = [["Submitted", ago(job.created_at)]];
  if (job.started_at) known.push([job.ended_at ? "Took" : "Working for", span(Math.round(secondsBetween(job.started_at, job.ended_at)))]);
  if (job.held && job.queue_position !== null) known.push(["Place in the queue", String(job.queue_position)]); // else it is said above
  known.push(["Priority", job.priority], ["By", job.user]);
  return known;
}

// Redrawing must not take the keyboard's place away.
function keepFocus(list, redraw) {
  const key = list.contains(document.activeElement) ? document.activeElement.dataset.key ?? document.activeElement.getAttribute("href") : null;
  redraw();
  if (key) list.querySelector(`[data-key="${CSS.escape(key)}"], [href="${CSS.escape(key)}"]`)?.focus();
}

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
    } else if (job.started_at) {
      draw(); // the time it takes goes on
    }
    await drawResults();
    at("lost").hidden = true;
    wait = POLL_MS;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return location.assign("/");
    at("lost").hidden = false;
    wait = Math.min(wait * 2, SLOWEST_POLL_MS);
  }
  clearTimeout(timer);
  if (!ENDED.has(job.status) || !at("lost").hidden) timer = setTimeout(poll, document.hidden ? SLOWEST_POLL_MS : wait);
}

// The transcript grows until it is finished; what was made of it is shown as soon as it is there, and goes when it is to be made again.
async function drawResults() {
  const [transcript, notes] = [await readTranscript(job), await readNotes(job)];
  if (transcript.fresh && transcript.content) finished.draw(transcript.content);
  if (transcript.fresh && !transcript.content) {
    finished.clear();
    growing.forget();
  }
  if (transcript.content) at("transcript-card").hidden = transcript.content.segments.length === 0;
  else await growing.read(ENDED.has(job.status));
  at("notes-card").hidden = !notes.content;
  if (notes.content && (notes.fresh || transcript.fresh)) drawNotes(at("notes"), notes.content, finished);
  if (notes.fresh && !notes.content) at("notes").replaceChildren();
}

async function act(method, tail) {
  complain("");
  try {
    await ask(path + tail, { method });
    if (method === "DELETE") return location.assign("/");
    etag = null;
    await poll();
  } catch (error) {
    complain(error instanceof Refused ? error.message : "The connection broke off. Try again.");
  }
}

function complain(reason) {
  at("wrong").hidden = !reason;
  at("wrong").textContent = reason;
}

at("cancel").addEventListener("click", () => act("POST", "/cancel"));
at("retry").addEventListener("click", () => act("POST", "/retry"));
at("delete").addEventListener("click", () => {
  if (confirm("Delete this job, its recording and its results?")) act("DELETE", "");
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && timer && !ENDED.has(job.status)) poll(); });

draw();
poll();
