// The transcript as lines to read: who says what and when, word by word, and which word is said now. Text is only ever text.
// A line is plain text until it comes near the window; then each of its words is an element. Three hours have 30,000 of them.

import { lastBefore, timed } from "./timed.js";
import { clock, element } from "./words.js";

const EVEN = "even"; // how everything is said that stands out in nothing
const COLOURS = 8; // more speakers begin again
const LINGERS_S = 0.6; // a word stays marked in the pause behind it
const NEAR = "900px 0px";

// `told` says what stands over the transcript: draft(place), sent(), name(speaker), was(place); filled() is called when lines got their words.
// Lines have the ids s0, s1 … that links lead to.
export function lines(list, told) {
  let segments = [];
  let asHeard = false;
  let voices = false;
  let colours = new Map(); // by speaker
  let rows = []; // by place, as the two that follow
  let starts = new Float64Array();
  let spoken = []; // the words of a line, once they were asked for
  let [word, row] = [null, null]; // that are said now

  const near = new IntersectionObserver((seen) => {
    const come = seen.filter((one) => one.isIntersecting);
    for (const one of come) fill(one.target.place);
    if (come.length) told.filled();
  }, { rootMargin: NEAR });

  function draw(transcript, heard) {
    segments = transcript.segments ?? [];
    asHeard = heard;
    const speakers = [...new Set(segments.map((segment) => segment.speaker).filter(Boolean))];
    colours = new Map(speakers.map((speaker, n) => [speaker, n % COLOURS]));
    voices = speakers.length > 1 || speakers.some((speaker) => told.name(speaker) === speaker); // one alone needs no number
    starts = Float64Array.from(segments, (segment) => segment.start);
    [rows, spoken, word, row] = [[], [], null, null];
    near.disconnect();
    const page = document.createDocumentFragment();
    const gaps = [...(transcript.uncovered ?? [])];
    let before = null;
    for (const [place, segment] of segments.entries()) {
      while (gaps.length && gaps[0][0] < segment.start) page.append(gap(gaps.shift()));
      page.append(line(segment, place, voices && segment.speaker && segment.speaker !== before));
      before = segment.speaker;
    }
    page.append(...gaps.map(gap));
    list.replaceChildren(page);
    for (const made of rows) near.observe(made);
  }

  function line(segment, place, opens) {
    const made = element("li", { id: `s${place}`, className: "line", tabindex: place === 0 ? "0" : "-1" });
    made.place = place;
    rows[place] = made;
    if (voices && segment.speaker) made.classList.add("voiced", `c${colours.get(segment.speaker)}`);
    if (opens) {
      made.classList.add("opens");
      made.append(element("span", { className: "says", text: told.name(segment.speaker) }));
    }
    const time = clock(segment.start);
    made.append(
      element("button", { type: "button", className: "at", tabindex: "-1", text: time, "aria-label": `Play from ${time}` }),
      element("p", { className: "words", text: shown(place) }));
    return made;
  }

  // Make elements of a line's words, and say what is to be known of it, unless that is done.
  function fill(place) {
    const made = rows[place];
    if (made.filled) return;
    made.filled = true;
    near.unobserve(made);
    const draft = told.draft(place);
    const paragraph = document.createDocumentFragment();
    for (const one of said(place)) {
      if (one.gap) paragraph.append(one.gap);
      const node = document.createElement("span");
      node.className = "w";
      if (one.low && draft === undefined) {
        node.className = "w low";
        node.title = "Not sure: listen to it";
      }
      node.textContent = one.text;
      node.starts = one.start;
      paragraph.append(node);
    }
    made.querySelector(".words").replaceChildren(paragraph);
    made.querySelector(".marks")?.remove();
    made.append(element("span", { className: "marks" }, ...marks(segments[place], place, draft)));
    made.classList.toggle("draft", draft !== undefined);
    made.classList.toggle("hangs", draft === undefined && Boolean(segments[place].corrected));
  }

  function marks(segment, place, draft) {
    const made = [];
    const label = segment.delivery?.label;
    if (label && label !== EVEN) made.push(element("span", { className: "delivery", text: label }));
    if (draft !== undefined) made.push(element("span", { className: "mark unsaved-mark", text: told.sent() ? "being worked in" : "not saved yet" }));
    else if (segment.corrected) {
      const was = told.was(place);
      made.push(element("span", { className: "mark mended", tabindex: was ? "0" : null, text: "corrected" }));
      if (was) made.push(element("span", { className: "was", text: `Heard as: ${was.trim()}` }));
    } else if (segment.doubt) made.push(element("span", { className: "mark doubt", text: "doubtful", title: String(segment.doubt) }));
    made.push(element("button", { type: "button", className: "edit", tabindex: "-1", text: "Correct" }));
    return made;
  }

  function gap([start, end]) {
    const made = element("li", { className: "gap" },
      element("button", { type: "button", className: "at", text: clock(start), "aria-label": `Play from ${clock(start)}` }),
      element("span", { text: `Speech that was not transcribed, ${clock(start)}–${clock(end)}` }));
    made.starts = start;
    return made;
  }

  // → the words of a line with their times; one for all of it where those are not known
  function said(place) {
    const { start, end, words } = segments[place];
    const text = shown(place);
    return spoken[place] ??= timed(text, words) ?? [{ text, gap: "", start, end }];
  }

  function shown(place) {
    const segment = segments[place];
    return (told.draft(place) ?? (asHeard ? segment.text : segment.cleaned || segment.text)).trim();
  }

  // Mark the word that is said at `seconds` → the line that it is in when that has changed, else null.
  function now(seconds) {
    const place = lastBefore(starts, seconds);
    const words = place < 0 ? [] : said(place);
    const n = lastBefore(words.map((one) => one.start), seconds);
    let next = null;
    if (n >= 0 && seconds <= words[n].end + LINGERS_S) {
      fill(place);
      next = rows[place].querySelectorAll(".w")[n];
    }
    if (next !== word) {
      word?.classList.remove("spoken");
      next?.classList.add("spoken");
      word = next;
    }
    const line = rows[place] ?? null;
    if (line === row) return null;
    row?.classList.remove("now");
    line?.classList.add("now");
    row = line;
    return row;
  }

  return {
    draw, now, shown, fill,
    redraw(place) {
      delete spoken[place];
      rows[place].filled = false;
      fill(Number(place));
    },
    fillAll: () => { for (const place of rows.keys()) fill(place); },
    relabel() {
      for (const made of list.querySelectorAll(".says")) made.textContent = told.name(segments[made.parentNode.place].speaker);
    },
    row: (place) => rows[place],
    current: () => row,
    count: () => segments.length,
    segment: (place) => segments[place],
    startOf: (place) => segments[place]?.start ?? null,
    placeAt: (seconds) => segments.findIndex((segment) => segment.end > seconds),
    colour: (speaker) => colours.get(speaker),
    speakers: () => (voices ? [...colours.keys()] : []),
  };
}
