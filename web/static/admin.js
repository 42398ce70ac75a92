// The admin's page: what stands in the way on top, then queues, workers, failed jobs, organisations and people, live while looked at.

import { drawHistory, drawQueues } from "./admin-queues.js";
import { organisationsKnown, readFailed } from "./admin-failed.js";
import { readPeople } from "./admin-people.js";
import { ask, Refused } from "./api.js";
import { askFor } from "./dialog.js";
import { redraw, table } from "./tables.js";
import { bytes, element, secondsBetween, setText, span } from "./words.js";

const POLL_MS = 5000;
const at = (id) => document.getElementById(id);
const STATES = { idle: ["Idle", "idle"], busy: ["Working", "running"], suspended: ["Suspended", "paused"], dead: ["Gone", "dead"], started: ["Starting", "idle"] };

// Often what changes often; the rest now and then, and after each change that is made here.
const OFTEN = [readQueues, readWorkers, readHealth];
const RARELY = [[readHistory, 30_000], [readFailed, 15_000], [readOrganisations, 30_000], [readPeople, 60_000]];
const due = new Map(RARELY.map(([read]) => [read, 0]));
let queues = [];
let organisations = [];

async function readQueues() {
  queues = (await ask("/api/queues")).body.queues;
  drawQueues(at("queues"), queues, act);
  organisationsKnown(queues.flatMap((queue) => queue.organisations.map((share) => share.org)));
  drawOrganisations();
}

async function readHistory() {
  drawHistory((await ask("/api/queues/history")).body);
}

async function readHealth() {
  const { body } = await ask("/api/health");
  at("all-well").hidden = body.troubles.length > 0;
  redraw(at("troubles"), ...body.troubles.map((trouble) => element("li", { className: trouble.weight }, trouble.says, element("span", { className: "todo", text: trouble.todo }))));
  const { used_bytes: used, max_bytes: most } = body.redis;
  setText(at("memory"), `Redis holds ${bytes(used)}${most ? ` of ${bytes(most)}` : ""}`);
}

const drawWorkers = table(at("workers"), "Workers", [
  { head: "Worker", by: (one) => one.name, className: "name", cell: (one) => [element("span", { text: named(one), title: one.name }), element("span", { className: "sub", text: one.queues.join(", ") })] },
  { head: "State", by: (one) => one.state, cell: (one) => badge(one) },
  { head: "Runs", by: (one) => one.running?.task ?? "~", className: "wide", cell: runs },
  { head: "Done", short: "done", by: (one) => one.completed, className: "count", cell: (one) => [String(one.completed), one.failed ? element("span", { className: "sub", text: `${one.failed} failed` }) : ""] },
  { head: "Heard of", short: "heard of", by: (one) => -Date.parse(one.heartbeat_at), className: "count", cell: (one) => since(one.heartbeat_at) },
  { head: "Up for", short: "up for", by: (one) => -Date.parse(one.born_at), className: "count", cell: (one) => since(one.born_at) },
  { head: "Steer", className: "does", cell: steer },
]);

const named = (one) => one.name.split(":").slice(0, 2).join(":");
const since = (stamp) => (stamp ? span(Math.round(secondsBetween(stamp))) : "–");

function badge(one) {
  const [word, look] = STATES[one.state] ?? [one.state, "idle"];
  return element("span", { className: `badge ${look}`, text: word });
}

function runs({ running }) {
  if (!running) return element("span", { className: "muted", text: "–" });
  if (!running.job) return [running.rq_job, element("span", { className: "sub", text: "a plain RQ job" })];
  const times = running.began_at ? `, for ${since(running.began_at)}` : "";
  return [element("a", { href: `/jobs/${running.job}`, text: running.task.replaceAll("_", " "), "data-key": `runs-${running.rq_job}` }),
    element("span", { className: "sub", text: `${running.type} of ${running.user}${times}` })];
}

function steer(one) {
  if (one.state === "dead") return [];
  const path = `/api/workers/${encodeURIComponent(one.name)}`;
  const button = (text, options) => element("button", { type: "button", className: "small", text, "aria-label": `${text} ${named(one)}`, "data-key": `${text}-${one.name}`,
    onclick: () => askFor({ ...options, does: text, act: () => change("POST", `${path}/${text.toLowerCase()}`) }) });
  const made = [button("Drain", { title: `Let ${named(one)} end?`, says: `${one.running ? "It hands its task back, which loses no attempt, and ends" : "It runs nothing, and ends"}. Whoever looks after it may start another.` })];
  if (one.running) made.push(button("Kill", { title: "Kill what it runs?", danger: true, says: "An attempt of the task is spent, and it is tried again if there are any left. The worker goes on." }));
  return made;
}

async function readWorkers() {
  const { workers } = (await ask("/api/workers")).body;
  drawWorkers(workers);
  at("no-workers").hidden = workers.length > 0;
  const busy = workers.filter((one) => one.running).length;
  setText(at("workers-said"), workers.length ? `${busy} of ${workers.length} at work` : "");
}

const total = (org, what) => queues.reduce((sum, queue) => sum + (queue.organisations.find((share) => share.org === org)?.[what] ?? 0), 0);
const drawOrgs = table(at("orgs"), "Organisations", [
  { head: "Organisation", by: (one) => one.org, className: "name", cell: (one) => one.org },
  { head: "State", by: (one) => Number(one.paused), cell: (one) => (one.paused ? element("span", { className: "badge paused", text: "Paused" }) : "") },
  { head: "Waiting", short: "waiting", by: (one) => total(one.org, "waiting"), className: "count", cell: (one) => String(total(one.org, "waiting")) },
  { head: "Running", short: "running", by: (one) => total(one.org, "running"), className: "count", cell: (one) => `${total(one.org, "running")}${one.max_running ? ` of ${one.max_running}` : ""}` },
  { head: "Weight", short: "weight", by: (one) => one.weight, className: "count", cell: (one) => String(Number(one.weight.toPrecision(6))) },
  { head: "Change", className: "does", cell: (one) => [tune(one), hold(one)] },
]);

function tune(one) {
  return element("button", { type: "button", className: "small", text: "Change", "aria-label": `Change ${one.org}`, "data-key": `tune-${one.org}`, onclick: () => askFor({
    title: one.org, does: "Set", says: "It takes effect before the next task begins; what runs goes on.",
    fields: [
      { name: "weight", label: "Weight: 2 is twice the worker time of others", type: "number", step: "any", min: "0.001", max: "1000", value: one.weight, required: true },
      { name: "max_running", label: "Limit of tasks that run at once; empty is none", type: "number", min: "1", max: "1000000", value: one.max_running || null },
    ],
    act: ({ weight, max_running: most }) => change("POST", `/api/orgs/${one.org}`, { weight: Number(weight), max_running: Number(most || 0) }),
  }) });
}

function hold(one) {
  const text = one.paused ? "Resume" : "Pause";
  return element("button", { type: "button", className: "small", text, "aria-label": `${text} ${one.org}`, "data-key": `hold-${one.org}`, onclick: () => act("POST", `/api/orgs/${one.org}`, { paused: !one.paused }) });
}

function drawOrganisations() {
  const known = new Set(organisations.map((one) => one.org));
  const busy = queues.flatMap((queue) => queue.organisations).filter((share) => !known.has(share.org) && known.add(share.org));
  drawOrgs([...organisations, ...busy]); // who waits without belonging to anybody here: plain RQ jobs, people who were removed
}

async function readOrganisations() {
  organisations = (await ask("/api/orgs")).body.organisations;
  organisationsKnown(organisations.map((one) => one.org));
  drawOrganisations();
}

// Change something and look at what came of it. Throws what was refused.
async function change(method, path, body) {
  await ask(path, { method, json: body });
  for (const read of due.keys()) due.set(read, 0);
  await look();
}

async function act(method, path, body) {
  complain("");
  try {
    await change(method, path, body);
  } catch (error) {
    complain(error instanceof Refused ? error.message : "The connection broke off. Try again.");
  }
}

function complain(reason) {
  at("wrong").hidden = !reason;
  setText(at("wrong"), reason);
}

async function look() {
  const now = Date.now();
  const late = RARELY.filter(([read]) => due.get(read) <= now);
  for (const [read, every] of late) due.set(read, now + every);
  await readQueues(); // first: the history is drawn into its cards
  await Promise.all([...OFTEN.slice(1), ...late.map(([read]) => read)].map((read) => read()));
}

async function poll() {
  try {
    if (!document.hidden) await look();
    at("lost").hidden = true;
  } catch (error) {
    if (error instanceof Refused && error.status < 500) complain(error.message);
    else at("lost").hidden = false;
  }
  setTimeout(poll, POLL_MS);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) look().catch(() => { at("lost").hidden = false; }); });
poll();
