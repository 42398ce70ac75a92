// Home: choose or drop recordings, see what will be done and how long it may take, send them, and keep the list of jobs true.

import { ask, initial } from "./api.js";
import { chosen } from "./files.js";
import { listOfJobs } from "./jobs.js";
import { sender } from "./sending.js";
import { about, bytes, capital, count, setBar, setText, span } from "./words.js";

const ESTIMATE_MS = 350; // after the last change
const at = (id) => document.getElementById(id);
const [form, drop, input, start] = ["new", "drop", "file", "start"].map(at);
const { limits } = initial;

const jobs = listOfJobs({
  list: at("jobs"), title: at("jobs-title"), none: at("no-jobs"), noneSaid: at("no-jobs-said"), all: at("all-jobs"), more: at("more"),
  wrong: at("more-wrong"), lost: at("jobs-lost"), filters: at("filters"), states: at("states"), kind: at("kind"), text: at("find"), everybody: at("everybody"),
});
let batch = 0; // recordings that were started and have not been told of
let made = []; // their jobs, as far as they are there
let sent = 0; // bytes of those that are there
const files = chosen(at("files"), limits, { changed, retry: (file) => { batch += 1; sending.again(file); }, stop: (file) => sending.stop(file) });
const sending = sender({ wanted, drawn, taken, idle });

at("file-hint").textContent = `Audio or video, up to ${bytes(limits.bytes)} and ${span(limits.seconds)} each`;

const ready = () => files.all.filter((file) => file.state === "ready" && !file.wrong);

function changed() {
  const [there, fit] = [files.all.length > 0, ready()];
  drop.classList.toggle("chosen", there);
  at("files").hidden = !there;
  setText(at("drop-title"), there ? "Drop more, or " : "Drop recordings here, or ");
  start.disabled = fit.length === 0;
  start.hidden = fit.length === 0 && sending.busy(); // the bar stands in its place
  setText(start, fit.length > 1 ? `Start ${count(fit.length, "job")}` : "Start");
  foresee();
}

// How far all of what was started is, by bytes.
function drawn(file) {
  files.draw(file);
  const under = files.all.filter((one) => ["waiting", "sending", "checking", "later"].includes(one.state));
  const total = under.reduce((sum, one) => sum + one.file.size, sent);
  const gone = under.reduce((sum, one) => sum + one.file.size * one.share, sent);
  at("upload").hidden = under.length === 0;
  if (under.length) {
    setBar(at("upload-bar"), (gone / total) * 100);
    const which = batch > 1 ? `${made.length} of ${batch} sent` : gone < total ? "Uploading" : "Checking the recording…";
    setText(at("upload-said"), `${which}${gone < total ? `, ${Math.floor((gone / total) * 100)} %` : ""}`);
  }
  changed();
}

function taken(file, job) {
  made.push(job);
  sent += file.file.size;
  files.remove(file);
  if (made.length < batch || files.all.length) jobs.refresh();
}

function idle() {
  const alone = batch === 1 && made.length === 1 && files.all.length === 0;
  if (alone) return location.assign(`/jobs/${made[0].id}`);
  if (made.length) {
    setText(at("started"), `${count(made.length, "job")} started. Follow ${made.length === 1 ? "it" : "them"} below.`);
    at("started").hidden = false;
    jobs.refresh();
  }
  [batch, made, sent] = [0, [], 0];
  changed();
}

function choose(given) {
  at("started").hidden = true;
  files.add(given);
}

input.addEventListener("change", () => { choose([...input.files]); input.value = ""; }); // so that the same one can be chosen again
if (input.files.length) choose([...input.files]); // chosen before this script was there
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => { // anywhere on the page: a near miss must not open the file instead
  event.preventDefault();
  drop.classList.remove("over");
  choose([...event.dataTransfer.files].filter((file) => file.size || file.type)); // a folder has neither
});
addEventListener("beforeunload", (event) => { if (sending.busy()) event.preventDefault(); });

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fit = ready();
  if (!fit.length) return;
  at("started").hidden = true;
  batch += fit.length;
  sending.start(fit);
});

// What is asked for, as parameters of the transcription.
function wanted() {
  const params = {};
  for (const step of form.querySelectorAll("[data-param]")) params[step.dataset.param] = JSON.parse(step.checked ? step.dataset.on : step.dataset.off);
  if (at("language").value) params.language = at("language").value;
  const words = at("vocabulary").value.split(/[,;\n]/).map((word) => word.trim()).filter(Boolean);
  if (words.length) params.vocabulary = [...new Set(words)];
  return params;
}

// The time that it may take, once every length is known; nothing where that is not.
let timer = null;
let asked = 0;

function foresee() {
  clearTimeout(timer);
  const question = asked += 1;
  const fit = ready();
  const known = fit.length > 0 && fit.every((file) => file.seconds > 0);
  const total = known ? fit.reduce((sum, file) => sum + file.seconds, 0) : 0;
  setText(at("total"), known && fit.length > 1 ? `${count(fit.length, "recording")}, ${span(Math.round(total))}` : "");
  if (!known) return setText(at("estimate"), "");
  timer = setTimeout(async () => {
    const { vocabulary, ...params } = wanted(); // takes no time, and may be too long for an address
    const query = new URLSearchParams([...fit.slice(0, 200).map((file) => ["seconds", file.seconds]), ["params", JSON.stringify(params)]]);
    const told = await ask(`/api/estimate?${query}`).then((answer) => answer.body, () => null);
    if (question === asked) setText(at("estimate"), told ? inWords(told, fit.length) : "");
  }, ESTIMATE_MS);
}

function inWords({ work_seconds: work, wait_seconds: wait, held, message }, many) {
  if (held && message) return `${capital(message)}.`;
  if (work === null) return "";
  const takes = `${many > 1 ? "Together they take" : "It takes"} ${about(work)}`;
  return wait >= 10 ? `${takes}, after ${about(wait)} behind others.` : `${takes}.`;
}

form.addEventListener("change", (event) => { if (event.target !== input) foresee(); });
changed();
