// The first card of a job's page: state, bar, what is happening, what was skipped, how long it waits and works; the tab's title and icon.

import { terms } from "./shown.js";
import { atWork, saidOf, stepName } from "./steps.js";
import { ago, element, ENDED, jobState, paused, putOff, secondsBetween, setBar, setText, span, standing, withoutSettings } from "./words.js";

const at = (id) => document.getElementById(id);
const icon = document.querySelector("link[rel='icon']");
const SETTING = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;
let iconShown = "";

export function drawHead(job, { choose }) {
  const { word, look } = jobState(job);
  const badge = at("status");
  badge.className = `badge ${look}`;
  setText(badge, word);
  setBar(at("bar"), job.progress, look);
  setText(at("percent"), `${Math.floor(job.progress)} %`);
  const { message, estimate } = standing(job);
  const below = job.status === "completed" && job.warnings.length > 0; // the warnings have a place of their own
  setText(at("message"), below ? message.replace(/^completed, .*/s, "completed") : message);
  setText(at("estimate"), estimate);
  document.title = `${ENDED.has(job.status) || paused(job) || putOff(job) ? word : `${Math.floor(job.progress)} %`} · ${job.title} · Lectern`;
  showIcon(job, look);
  drawWarnings(job, choose);
  at("facts").replaceChildren(...terms(facts(job)));
}

// How far it is, by quarters, in the tab.
function showIcon(job, look) {
  const still = ENDED.has(job.status) ? job.status : "waiting";
  const wanted = look === "running" ? `working-${Math.min(3, Math.floor(job.progress / 25))}` : still;
  if (wanted === iconShown) return;
  icon.href = `/static/icons/${wanted}.svg`;
  iconShown = wanted;
}

// While it is held, how long it has worked and where it stands mean nothing: what holds it is said above.
function facts(job) {
  const known = [["Submitted", ago(job.created_at)]];
  const [ended, began] = [ENDED.has(job.status), job.started_at];
  const waited = began && secondsBetween(job.created_at, began);
  if (!began && !ended && !job.held && !putOff(job)) known.push(["Waiting for", whole(secondsBetween(job.created_at))]);
  if (began && waited >= 1) known.push(["Waited", whole(waited)]);
  if (began && ended) known.push(["Took", whole(secondsBetween(began, job.ended_at))]);
  else if (began && job.tasks.some(atWork)) known.push(["Working for", whole(secondsBetween(began))]);
  else if (began && !job.held) known.push(["Begun", ago(began)]);
  known.push(["Priority", job.priority], ["By", job.user]);
  return known;
}

const whole = (seconds) => span(Math.max(1, Math.round(seconds))); // as the list of jobs says it

// What was skipped leads to its step; an admin is told how to configure it.
function drawWarnings(job, choose) {
  const box = at("warnings");
  const key = JSON.stringify([job.warnings, job.tasks.map((task) => task.state)]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.hidden = job.warnings.length === 0;
  const skipped = job.tasks.filter((task) => task.state === "skipped");
  const admin = Boolean(at("job").dataset.admin);
  const settings = [...new Set(skipped.flatMap((task) => saidOf(task.error ?? "").line.match(SETTING) ?? []))];
  box.replaceChildren(
    element("ul", {}, ...job.warnings.map((text) => element("li", { text: admin ? text : withoutSettings(text) }))),
    ...[skipped.length > 0 && element("p", { className: "looks" }, ...skipped.map((task) => element("button", {
      type: "button", className: "link-button", text: `Look at ${stepName(task.name)}`, onclick: () => choose(task.name),
    }))),
    settings.length > 0 && admin && element("p", { className: "configure" }, "To configure it: set ", ...listed(settings),
      " for the workers and the web (docs/settings.md says what to), restart them, then retry the step.")].filter(Boolean));
}

function listed(names) {
  const between = (n) => (n === names.length - 1 ? " and " : ", ");
  return names.flatMap((name, n) => [...(n ? [between(n)] : []), element("code", { text: name })]);
}
