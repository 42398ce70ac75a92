// The page of a transcript: read it, hear it, search it, put it right, and learn from the notes on it.

import { ask, initial, Refused } from "./api.js";
import { finder } from "./find.js";
import { keyboard } from "./keys.js";
import { lines } from "./lines.js";
import { mending } from "./mending.js";
import { drawNotes } from "./notes.js";
import { player } from "./player.js";
import { drawDownloads, reader } from "./results.js";
import { drawTabs, showTab } from "./tabs.js";
import { drawStripe, drawVoices, speakerName } from "./voices.js";
import { capital, element, ENDED, setText, span } from "./words.js";

const POLL_MS = 2000;
const READ_AT = 0.3; // of the window's height: where the line that is said stands
const at = (id) => document.getElementById(id);
const path = `/api/jobs/${initial.id}`;
const [readTranscript, readNotes] = [reader("transcript.json"), reader("notes.json")];
const asHeard = at("as-heard").querySelector("input");

let job = initial;
let etag = null;
let transcript = null;
let corrections = { segments: {}, speakers: {} };
let listening = null;
let follows = true;
let quiet = false; // nothing was playing when a word was clicked

const said = lines(at("lines"), {
  draft: (place) => mended.draft(place), sent: () => mended.sent(), was: (place) => corrections.segments[place]?.was, name, filled: () => found.mark(),
});
const mended = mending(initial.id, at("lines"), said, { changed, taken: (place) => corrections.segments[place] });
const found = finder(at("lines"), { seen: (line) => { leave(); scrollTo(line, 0.45); } });

// A speaker of the transcript is a number, or the name that numbers were given.
function numbers(speaker) {
  const named = Object.keys(corrections.speakers).filter((one) => corrections.speakers[one] === speaker);
  return named.length ? named : [speaker];
}

function name(speaker) {
  const changedOne = numbers(speaker).find((one) => mended.renamed(one));
  return changedOne ? mended.name(changedOne) ?? speakerName(changedOne) : speakerName(speaker);
}

function changed() {
  found.again();
  at("save").disabled = job.status !== "completed";
}

async function load() {
  const [text, notes] = [await readTranscript(job), await readNotes(job)];
  if (text.fresh && text.content) {
    corrections = (await ask(`${path}/corrections`)).body;
    transcript = text.content;
    mended.close();
    mended.done();
    drawTranscript();
    mended.fits();
  }
  at("said").hidden = at("tab-said").hidden = !text.content;
  at("notes-card").hidden = at("tab-notes").hidden = !notes.content;
  if (notes.content && (notes.fresh || text.fresh)) drawNotes(at("notes"), notes.content, said);
  drawDownloads(at("files"), job.artifacts);
  at("columns").classList.toggle("plain", !text.content);
  drawTabs();
}

function drawTranscript() {
  const [top] = [...at("lines").children].map((row) => row).filter((row) => row.getBoundingClientRect().bottom > 0);
  const keeps = window.scrollY > 0 && top?.id ? { id: top.id, y: top.getBoundingClientRect().top } : null;
  if (transcript.language) at("lines").lang = transcript.language;
  at("as-heard").hidden = !transcript.segments.some((segment) => segment.cleaned);
  said.draw(transcript, asHeard.checked);
  at("silent").hidden = said.count() > 0;
  drawVoices(at("voices"), said, voices);
  const seconds = transcript.recording?.seconds ?? transcript.segments.at(-1)?.end ?? 0;
  const speakers = said.speakers().length;
  if (speakers > 1) drawStripe(at("stripe"), said, seconds);
  const words = transcript.segments.reduce((sum, segment) => sum + segment.text.split(/\s+/).length, 0);
  setText(at("facts"), [seconds && span(Math.round(seconds)), `${words.toLocaleString("en")} words`, speakers > 1 && `${speakers} speakers`, language()].filter(Boolean).join(" · "));
  at("lines").classList.toggle("fixed", !mends());
  if (keeps) window.scrollBy(0, (at(keeps.id)?.getBoundingClientRect().top ?? keeps.y) - keeps.y);
  if (listening) tell(listening.time(), listening.playing());
  found.again();
}

function language() {
  try {
    return transcript.language && new Intl.DisplayNames(["en"], { type: "language" }).of(transcript.language);
  } catch {
    return transcript.language;
  }
}

const mends = () => !["failed", "cancelled"].includes(job.status);
const voices = {
  name,
  number: (speaker) => speakerName(numbers(speaker)[0]),
  rename(speaker, given) {
    mended.rename(numbers(speaker), given, corrections.speakers);
    said.relabel();
  },
};

// What is being made again is asked for until it is there.
async function watch() {
  for (;;) {
    try {
      const answer = await ask(path, { etag });
      if (answer.body) [job, etag] = [answer.body, answer.etag];
      if (ENDED.has(job.status)) await load();
      tellState();
      if (ENDED.has(job.status)) return;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return location.assign("/");
      state("The connection is lost. Trying again…");
    }
    await new Promise((go) => setTimeout(go, POLL_MS));
  }
}

function tellState() {
  if (job.status === "failed" && mended.sent()) complain("Your corrections are kept, but the files could not be made again. The job's page says why.");
  if (ENDED.has(job.status)) state("");
  else state(mended.sent() ? `Your corrections are being worked in. ${capital(job.message)}` : `The job is working: what you correct can be saved when it is done. ${capital(job.message)}`);
  at("save").disabled = job.status !== "completed";
}

function state(text) {
  at("state").hidden = !text;
  setText(at("state"), text);
}

function complain(text) {
  at("wrong").hidden = !text;
  at("wrong").textContent = text;
}

async function save() {
  complain("");
  mended.close();
  if (!mended.count()) return;
  at("save").disabled = true;
  try {
    const answer = await ask(`${path}/corrections`, { method: "PATCH", json: mended.asked() });
    [job, etag] = [answer.body, null];
    mended.send();
    tellState();
    await watch();
  } catch (error) {
    complain(error instanceof Refused ? error.message : "The connection broke off. Your corrections are kept here: save them again.");
    scrollTo(at("wrong"), 0.1);
  }
  at("save").disabled = job.status !== "completed";
}

// Playing: the word that is said is marked, its line stays in sight as long as somebody follows.
function tell(seconds, playing) {
  const line = said.now(seconds);
  if (line && playing && follows) scrollTo(line, READ_AT);
}

function scrollTo(target, part) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const top = target.getBoundingClientRect().top + window.scrollY - window.innerHeight * part;
  window.scrollTo({ top: Math.max(0, top), behavior: calm ? "auto" : "smooth" });
}

function follow(on) {
  follows = on;
  at("follow").setAttribute("aria-pressed", String(on));
  if (on && said.current()) scrollTo(said.current(), READ_AT);
}

const leave = () => { if (follows && listening?.playing()) follow(false); };
const hear = (seconds, options) => listening?.seek(seconds, options);

function listen() {
  if (!initial.recording) return;
  const seconds = transcript?.recording?.seconds ?? 0;
  listening = player(initial.recording, { id: initial.id, seconds, title: initial.title }, {
    time: tell,
    unplayable() {
      listening = null;
      at("unplayable").hidden = false;
      at("unplayable").replaceChildren("Your browser cannot play this recording. It can be ",
        element("a", { href: initial.recording.url, download: initial.recording.filename, text: "downloaded" }), ", and everything else here works without it.");
      at("share").hidden = true;
    },
  });
  at("share").hidden = false;
}

at("lines").addEventListener("click", (event) => {
  const line = event.target.closest("li");
  if (event.target.closest(".editing") || !line) return;
  if (event.target.matches(".edit")) return mended.edit(line.place);
  if (event.target.matches(".at")) hear(line.place === undefined ? line.starts : said.startOf(line.place), { play: true });
  else if (event.target.matches(".w") && event.detail < 2 && String(getSelection()) === "") {
    quiet = listening && !listening.playing();
    hear(event.target.starts, { play: true });
  }
});
at("lines").addEventListener("dblclick", (event) => {
  const line = event.target.closest("li.line");
  if (!line || !mends() || !event.target.closest(".words")) return;
  if (quiet && listening.playing()) listening.toggle(); // the first of the two clicks began to play
  getSelection().removeAllRanges();
  mended.edit(line.place, [...line.querySelectorAll(".w")].indexOf(event.target));
});
for (const place of [at("notes"), at("files")]) {
  place.addEventListener("click", (event) => {
    const link = event.target.closest("a.when");
    if (!link) return;
    showTab("said");
    leave();
    hear(Number(link.dataset.at));
  });
}
asHeard.addEventListener("change", () => { mended.close(); drawTranscript(); });
at("save").addEventListener("click", save);
at("discard").addEventListener("click", () => {
  mended.forget();
  said.relabel();
  drawVoices(at("voices"), said, voices);
});
at("follow").addEventListener("click", () => follow(!follows));
for (const kind of ["wheel", "touchmove"]) window.addEventListener(kind, leave, { passive: true });
window.addEventListener("beforeunload", (event) => { if (mended.count()) event.preventDefault(); });
window.addEventListener("beforeprint", () => {
  said.fillAll();
  for (const part of document.querySelectorAll("#notes details")) part.open = true;
});

at("share-make").addEventListener("click", async () => {
  try {
    const { body } = await ask(`${path}/links`, { method: "POST", json: {} });
    at("share-url").value = new URL(body.url, location).href;
    at("shared").hidden = at("share-said").hidden = false;
    at("share-url").select();
  } catch (error) {
    complain(error.message);
  }
});
at("share-copy").addEventListener("click", async () => {
  at("share-url").select();
  const copied = await navigator.clipboard?.writeText(at("share-url").value).then(() => true, () => false) ?? document.execCommand("copy");
  if (copied) setText(at("share-said"), "Copied. Whoever has this link can hear the recording for an hour.");
});

keyboard(at("lines"), {
  toggle: () => listening?.toggle(),
  skip: (by) => listening?.skip(by),
  play: (place) => hear(said.startOf(place), { play: true }),
  edit: (place) => { if (mends()) mended.edit(place); },
  current: () => said.current()?.place ?? 0,
});

await load();
listen();
if (/^#s\d+$/.test(location.hash)) hear(said.startOf(Number(location.hash.slice(2))) ?? 0);
if (!ENDED.has(job.status)) watch();
tellState();
