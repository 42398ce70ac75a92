// Home: choose or drop a recording, send it with its options, and keep the list of jobs true.

import { ask, initial, Refused, send } from "./api.js";
import { ago, bytes, element, ENDED, jobState, setBar, setText, span } from "./words.js";

const REFRESH_MS = 4000;
const at = (id) => document.getElementById(id);
const [form, drop, input, wrong, start, upload] = ["new", "drop", "file", "wrong", "start", "upload"].map(at);
const { limits } = initial;
let chosen = null;
let sending = null;

at("file-hint").textContent = `Audio or video, up to ${bytes(limits.bytes)} and ${span(limits.seconds)}`;

function choose(file) {
  if (!file || sending) return;
  const reason = file.size === 0 ? "This file is empty." : file.size > limits.bytes ? `This file has ${bytes(file.size)}; at most ${bytes(limits.bytes)} are accepted.` : "";
  complain(reason);
  chosen = reason ? null : file;
  drop.classList.toggle("chosen", Boolean(chosen));
  at("chosen").textContent = file.name;
  at("file-hint").textContent = `${bytes(file.size)} · choose another`;
  start.disabled = !chosen;
}

function complain(reason) {
  wrong.hidden = !reason;
  wrong.textContent = reason;
}

input.addEventListener("change", () => choose(input.files[0]));
choose(input.files[0]); // chosen before this script was there, or kept by the browser on the way back
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => { // anywhere on the page: a near miss must not open the file instead
  event.preventDefault();
  drop.classList.remove("over");
  const files = event.dataTransfer.files;
  choose(files[0]);
  if (files.length > 1) complain("One recording at a time: the first was taken.");
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!chosen || sending) return;
  const params = wanted();
  const body = new FormData();
  body.append("type", "transcription");
  body.append("params", JSON.stringify(params));
  body.append("file", chosen);
  complain("");
  show(true);
  try {
    sending = send("/api/jobs", body, (share) => {
      setBar(at("upload-bar"), share * 100);
      setText(at("upload-said"), share < 1 ? `Uploading, ${Math.floor(share * 100)} %` : "Checking the recording…");
    });
    const job = await sending.done;
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    complain(error.message);
    show(false);
  } finally {
    sending = null;
  }
});
at("upload-stop").addEventListener("click", () => sending?.stop());

// What is asked for, as parameters of the transcription.
function wanted() {
  const params = {};
  for (const step of form.querySelectorAll("[data-param]")) params[step.dataset.param] = JSON.parse(step.checked ? step.dataset.on : step.dataset.off);
  if (at("language").value) params.language = at("language").value;
  const words = at("vocabulary").value.split(/[,;\n]/).map((word) => word.trim()).filter(Boolean);
  if (words.length) params.vocabulary = [...new Set(words)];
  return params;
}

function show(uploading) {
  upload.hidden = !uploading;
  start.hidden = uploading;
  input.disabled = uploading;
  setBar(at("upload-bar"), 0);
}

// The list of jobs: the newest are asked for again while the page is looked at, older ones once.
let jobs = initial.jobs;
let cursor = initial.cursor;

function draw() {
  at("no-jobs").hidden = jobs.length > 0;
  at("more").hidden = !cursor;
  at("jobs").replaceChildren(...jobs.map(row));
}

function row(job) {
  const { word, look } = jobState(job);
  const bar = element("div", { className: "bar thin", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, element("div"));
  setBar(bar, job.progress, look);
  return element("li", {}, element("a", { href: `/jobs/${job.id}` },
    element("span", { className: "name", text: job.title }),
    element("span", { className: `badge ${look}`, text: word }),
    element("span", { className: "said", text: job.message }),
    element("span", { className: "when", text: ago(job.created_at) }),
    ENDED.has(job.status) ? null : bar));
}

async function refresh() {
  try {
    if (!document.hidden) {
      const { body } = await ask("/api/jobs?limit=20&user=" + encodeURIComponent(initial.user));
      const newest = new Set(body.jobs.map((job) => job.id));
      const last = body.jobs.at(-1)?.created_at ?? "";
      // What lies behind the newest stays, as far as it joins them: more than a page of new ones would leave a gap.
      const older = body.cursor && jobs.some((job) => newest.has(job.id)) ? jobs.filter((job) => !newest.has(job.id) && job.created_at <= last) : [];
      jobs = [...body.jobs, ...older];
      if (older.length === 0) cursor = body.cursor;
      const focused = document.activeElement?.getAttribute("href");
      draw();
      if (focused) at("jobs").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    }
  } catch { /* the next time will tell */ }
  setTimeout(refresh, REFRESH_MS);
}

at("more").addEventListener("click", async () => {
  at("more").disabled = true; // a second click would show the same ones again
  at("more-wrong").hidden = true;
  try {
    const { body } = await ask(`/api/jobs?limit=20&user=${encodeURIComponent(initial.user)}&cursor=${encodeURIComponent(cursor)}`);
    const shown = new Set(jobs.map((job) => job.id));
    jobs = [...jobs, ...body.jobs.filter((job) => !shown.has(job.id))];
    cursor = body.cursor;
    draw();
  } catch (error) {
    setText(at("more-wrong"), error instanceof Refused ? error.message : "The connection broke off. Try again.");
    at("more-wrong").hidden = false;
  }
  at("more").disabled = false;
});

draw();
setTimeout(refresh, REFRESH_MS);
