// How states, times and sizes are said on every page, and how elements are made. Text only ever becomes text, never markup.

export const ENDED = new Set(["completed", "failed", "cancelled"]);

const TASK_WORDS = {
  pending: "Not yet", ready: "Waiting", delayed: "Again shortly", running: "Working", joining: "Working",
  completed: "Done", skipped: "Skipped", failed: "Failed", cancelled: "Cancelled",
};
const JOB_WORDS = { completed: "Done", failed: "Failed", cancelled: "Cancelled" };

const KIND_WORDS = {
  transcription: "Transcript", notes: "Notes", export: "Package", quality: "Quality check", synthetic: "Synthetic",
  maintenance: "Maintenance", callback: "Callback",
};

export const kindWord = (type) => KIND_WORDS[type] ?? type;

// 1, "job" → "1 job"; 2, "job" → "2 jobs"
export const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

// What is delayed before its first attempt belongs to a job that was put off.
export const taskWord = (task) => (task.state === "delayed" && task.attempts === 0 ? "Later" : TASK_WORDS[task.state] ?? task.state);

// Waiting for a worker is not working: a running job none of whose tasks has a worker waits as well. What was paused does neither.
export function jobState(job) {
  if (ENDED.has(job.status)) return { word: JOB_WORDS[job.status], look: job.status };
  if (paused(job)) return { word: "Paused", look: "paused" };
  if (putOff(job)) return { word: "Later", look: "later" };
  const atWork = job.tasks ? job.tasks.some((task) => task.state === "running" || task.state === "joining") : job.status === "running";
  return atWork ? { word: "Working", look: "running" } : { word: "Waiting for a worker", look: "waiting" };
}

export const paused = (job) => job.held === "queue" || job.held === "organisation" || job.held === "type";

// Nothing of it begins before a time that somebody set.
export const putOff = (job) => !ENDED.has(job.status) && !job.started_at && job.run_at !== null && Date.parse(job.run_at) > Date.now();

// Where a job stands, and apart from it what that means in time, which changes too often to be read aloud.
// → {message, estimate}: "Place 7 in the queue" and ", done in about 12 min"; "Transcribing" and " · about 4 min left"
export function standing(job) {
  if (putOff(job) && !job.held) return { message: `Begins ${moment(job.run_at)}`, estimate: "" };
  const known = !ENDED.has(job.status) && job.eta_seconds !== null;
  if (job.held || job.queue_position === null) return { message: job.message, estimate: known ? ` · ${about(job.eta_seconds)} left` : "" };
  const place = job.queue_position === 1 ? "Next in the queue" : `Place ${job.queue_position} in the queue`;
  return { message: place, estimate: known ? `, done in ${about(job.eta_seconds)}` : "" };
}

// An estimate is said as roughly as it is known: 7 → "a few seconds", 42 → "about 50 s", 735 → "about 12 min", 5000 → "about 1 h 25 min"
export function about(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds <= 50) return `about ${Math.ceil(seconds / 10) * 10} s`;
  if (seconds < 3570) return `about ${Math.max(1, Math.round(seconds / 60))} min`;
  return `about ${span(Math.round(seconds / 300) * 300)}`;
}

export function element(tag, { text, className, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter(Boolean));
  return made;
}

export function setBar(bar, percent, look = "") {
  const value = Math.max(0, Math.min(100, percent));
  bar.className = `bar ${look} ${bar.classList.contains("thin") ? "thin" : ""}`.trim();
  bar.setAttribute("aria-valuenow", String(Math.round(value)));
  bar.firstElementChild.style.width = `${value}%`;
}

export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text; // else a screen reader would say it again
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function bytes(count) {
  if (count < 1000) return `${count} bytes`;
  const unit = Math.min(Math.floor(Math.log10(count) / 3), 4);
  const value = count / 1000 ** unit;
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ${["", "KB", "MB", "GB", "TB"][unit]}`;
}

// 0.31 → "0.3 s", 75 → "1 min 15 s"
export function span(seconds) {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1).replace(/\.0$/, "")} s`;
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${rest} s`;
}

// 3725 → "1:02:05"
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function secondsBetween(start, end) {
  return ((end ? Date.parse(end) : Date.now()) - Date.parse(start)) / 1000;
}

// A time to come, as clocks here show it: "at 18:30", "tomorrow at 08:00", "on 3 Dec 2026 at 08:00"
export function moment(stamp) {
  const then = new Date(stamp);
  const [time, tomorrow] = [then.toLocaleTimeString([], { timeStyle: "short" }), new Date()];
  if (then.toDateString() === tomorrow.toDateString()) return `at ${time}`;
  tomorrow.setDate(tomorrow.getDate() + 1);
  if (then.toDateString() === tomorrow.toDateString()) return `tomorrow at ${time}`;
  return `on ${then.toLocaleDateString([], { dateStyle: "medium" })} at ${time}`;
}

// What a warning says to those who cannot change the settings: all but the clause that names one.
export const withoutSettings = (text) => text.replace(/; [^;]*\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b.*$/s, "");

export function ago(stamp) {
  const seconds = secondsBetween(stamp);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  const then = new Date(stamp);
  const today = new Date().toDateString() === then.toDateString();
  return then.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}
