// The finished transcript, read from transcript.json: who says what and when, how it is said, and the text as mended or as heard.

import { clock, element, setText } from "./words.js";

const EVEN = "even"; // how everything is said that stands out in nothing
const NEAR_END_PX = 40;
const SPEAKERS_TOLD_APART = 8; // colours; more speakers begin again

// → {draw(transcript), clear(), startOf(place), placeAt(seconds)}; the lines have the ids s0, s1 … that links in the notes lead to.
export function reading(list, choice, said) {
  let segments = [];
  const asHeard = choice.querySelector("input");
  asHeard.addEventListener("change", show);

  function draw(transcript) {
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - NEAR_END_PX; // who followed it growing reads from the beginning
    segments = transcript.segments ?? [];
    choice.hidden = !segments.some((segment) => segment.cleaned);
    show();
    if (atEnd) list.scrollTop = 0;
  }

  function show() {
    const speakers = [...new Set(segments.map((segment) => segment.speaker).filter(Boolean))];
    const told = speakers.length > 1 || speakers.some((speaker) => speakerName(speaker) === speaker); // one alone needs no number
    let before = null;
    list.replaceChildren(...segments.map((segment, place) => {
      const changes = told && segment.speaker && segment.speaker !== before;
      before = segment.speaker;
      return line(segment, place, changes ? speakers.indexOf(segment.speaker) % SPEAKERS_TOLD_APART : null);
    }));
    setText(said, speakers.length > 1 ? `${speakers.length} speakers` : "");
  }

  function line(segment, place, colour) {
    const label = segment.delivery?.label;
    return element("li", { id: `s${place}`, tabindex: "-1" },
      colour !== null && element("strong", { className: `speaker c${colour}`, text: speakerName(segment.speaker) }),
      element("time", { text: clock(segment.start) }),
      element("span", {},
        element("span", { text: (asHeard.checked ? segment.text : segment.cleaned || segment.text).trim() }),
        label && label !== EVEN && element("span", { className: "delivery", text: ` ${label}` })));
  }

  return {
    draw,
    clear() {
      segments = [];
      choice.hidden = true;
      list.replaceChildren();
    },
    startOf: (place) => segments[place]?.start ?? null,
    placeAt: (seconds) => segments.findIndex((segment) => segment.end > seconds),
  };
}

// "S2" → "Speaker 2"; a name that its owner has given stays as it is.
export const speakerName = (speaker) => speaker.replace(/^S(\d+)$/, "Speaker $1");
