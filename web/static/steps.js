// How a step of a job is called, what is said of it, and the sign of its state: a shape of its own, so that no colour is needed to tell.

import { secondsBetween, span, taskWord } from "./words.js";

// In a square of 16, drawn with a stroke.
const SIGNS = {
  pending: "M8 2.6a5.4 5.4 0 1 1-.01 0",
  ready: "M8 2.6a5.4 5.4 0 1 1-.01 0M8 5v3.2l2.2 1.5",
  delayed: "M13 8a5 5 0 1 1-1.6-3.7M11.8 1.6v3H8.8",
  running: "M5 3.4v9.2l7.4-4.6z",
  joining: "M5 3.4v9.2l7.4-4.6z",
  completed: "M3 8.6l3.4 3.4L13 4.6",
  skipped: "M3.4 4l4 4-4 4M8.6 4l4 4-4 4",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 2.6a5.4 5.4 0 1 1-.01 0M4.2 11.8l7.6-7.6",
};

const DOES = {
  inspect: "Looks into the recording: what it is, how long, whether there is sound",
  prepare: "Decodes the sound and cuts it in its pauses",
  transcribe: "Turns speech into text, a part at a time",
  align: "Finds when each word is said, and makes sentences",
  diarize: "Tells who speaks when",
  emotions: "Measures how it is said: energy, pitch, pace, pauses",
  cleanup: "Has Gemini mend punctuation and slips",
  read: "Reads the transcript",
  notes: "Makes summary, outline, terms, flashcards and a quiz",
  merge: "Puts all that was found together, in all its forms",
  export: "Packs everything into one file, with checksums",
  synthetic: "Sleeps, fails or crashes as it is told to",
  callback: "Tells an address that a job has ended",
  doctor: "Looks whether what Redis holds is sound, and mends what is safe to mend",
  retention: "Deletes what is past its time",
  quality: "Listens to each recording and says what is wrong with it",
};

export const signOf = (task) => SIGNS[task.state === "delayed" && task.attempts === 0 ? "ready" : task.state]; // put off: a clock

export const does = (task) => DOES[task.engine] ?? "";

export function stepName(name) {
  const said = name.replaceAll("_", " ");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

export const atWork = (task) => task.state === "running" || task.state === "joining";

// What it has taken so far; of one that waits to be tried again, nothing: what is known is when the last attempt began.
export function took(task) {
  if (!task.started_at || (!task.ended_at && !atWork(task))) return null;
  return secondsBetween(task.started_at, task.ended_at);
}

export function parts({ total, completed, failed }) {
  if (!total) return "";
  return `${completed} of ${total} ${total === 1 ? "part" : "parts"}${failed ? `, ${failed} failed` : ""}`;
}

// All in words, for those who do not see the drawing: "Transcribe: working, 45 %, 12 of 40 parts, for 3 min"
export function sentence(task) {
  const seconds = took(task);
  const told = [taskWord(task).toLowerCase()];
  if (atWork(task) && task.progress > 0) told.push(`${Math.floor(task.progress)} %`);
  if (task.children.total) told.push(parts(task.children));
  if (task.attempts > 1) told.push(`attempt ${task.attempts}`);
  if (seconds !== null) told.push(`${atWork(task) ? "for" : "took"} ${span(seconds)}`);
  if (task.optional) told.push("optional");
  if (task.needs.length) told.push(`after ${task.needs.map(stepName).join(", ")}`);
  return `${stepName(task.name)}: ${told.join(", ")}`;
}

// An error's sentence, and the traceback if there is one. The sentence comes first; of a bare traceback it is the last line.
export function saidOf(error) {
  const [first, ...rest] = error.trim().split("\n");
  const more = rest.join("\n").trim();
  if (!first.startsWith("Traceback")) return { line: first, more };
  return { line: rest.at(-1) ?? first, more: error.trim() };
}

// A skipped step can be run again once its job has ended; a cancelled one comes back with what cancelled it.
export function retryable(task, ended) {
  return task.state === "failed" || (task.state === "skipped" && ended);
}
