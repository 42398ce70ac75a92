// The study notes, read from notes.json: each item with the places in the transcript that it rests on. Text is only ever text.

import { clock, element } from "./words.js";

// Draw `notes` into `card`. Of the transcript: startOf(place) is when a segment begins, null where that is not known;
// placeAt(seconds) is the segment that is said then, -1 where none is. The links to them are `a.when`, with the time in data-at.
export function drawNotes(card, notes, { startOf, placeAt }) {
  const open = new Set([...card.querySelectorAll("details[open]")].map((part) => part.dataset.part));
  const first = card.childElementCount === 0;
  const timed = notes.outline.some((section) => section.end > 0); // a plain text has no times
  const parts = [
    part("Summary", notes.summary, (items) => element("ul", { className: "points" }, ...items.map((item) => point(item)))),
    part("Outline", notes.outline, (items) => element("ol", { className: "outline" }, ...items.map(chapter))),
    part("Key terms", notes.terms, (items) => element("dl", { className: "terms" }, ...items.map(term))),
    part("Questions", notes.questions, (items) => element("ol", { className: "points numbered" }, ...items.map((item) => point(item)))),
    part("Flashcards", notes.flashcards, (items) => element("ul", { className: "cards" }, ...items.map(flashcard))),
    part("Quiz", notes.quiz, quiz),
  ];
  card.replaceChildren(
    notes.title?.text && element("h3", { className: "notes-title", text: notes.title.text }),
    element("p", { className: "muted", text: [madeBy(notes), leftOut(notes.dropped)].filter(Boolean).join(" ") }),
    ...(notes.warnings ?? []).map((text) => element("p", { className: "notice", text })),
    ...parts.filter(Boolean));
  if (first) return;
  for (const drawn of card.querySelectorAll("details")) drawn.open = open.has(drawn.dataset.part);

  function part(name, items, drawItems) {
    if (!items?.length) return null;
    const opens = name === "Summary" || name === "Outline";
    return element("details", { className: "part", open: opens, "data-part": name },
      element("summary", {}, element("h3", { text: name }), element("span", { className: "muted", text: String(items.length) })),
      drawItems(items));
  }

  function point(item) {
    return element("li", {}, element("span", { text: item.text }), sources(item));
  }

  function chapter(section) {
    return element("li", {},
      element("div", { className: "chapter" }, timed && when(placeAt(section.start), section.start), element("strong", { text: section.title })),
      element("ul", { className: "points" }, ...(section.points ?? []).map((item) => point(item))));
  }

  function term(item) {
    return element("div", {}, element("dt", { text: item.term }), element("dd", {}, element("span", { text: item.definition }), sources(item)));
  }

  function flashcard(item) {
    const side = element("span", { className: "side muted", text: "Question" });
    const text = element("span", { className: "face", text: item.front });
    const turn = () => {
      const back = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(back));
      side.textContent = back ? "Answer" : "Question";
      text.textContent = back ? item.back : item.front;
    };
    const button = element("button", { type: "button", className: "flash", "aria-pressed": "false", "aria-live": "polite", onclick: turn }, side, text);
    return element("li", {}, button, sources(item));
  }

  // The first choice that is right or wrong counts; every question can be tried until it is right.
  function quiz(items) {
    const score = element("p", { className: "muted", role: "status", text: `${items.length} questions` });
    const right = new Set();
    const tried = new Set();
    const asked = items.map((item, n) => {
      const told = element("p", { className: "told", "aria-live": "polite", hidden: true });
      const choices = (item.choices ?? []).map((choice, place) => element("button", { type: "button", className: "choice", text: choice, onclick: () => answer(place) }));
      function answer(place) {
        const hit = place === item.answer;
        if (hit && !tried.has(n)) right.add(n);
        tried.add(n);
        choices[place].classList.add(hit ? "right" : "amiss");
        if (hit) for (const choice of choices) choice.disabled = true;
        told.hidden = false;
        told.textContent = hit ? `Right. ${item.explanation ?? ""}`.trim() : `“${item.choices[place]}” is not it. Try again.`;
        score.textContent = `${right.size} of ${tried.size} right at once`;
      }
      return element("li", {},
        element("fieldset", { className: "question" }, element("legend", { text: `${n + 1}. ${item.question}` }),
          element("div", { className: "choices" }, ...choices), told, sources(item)));
    });
    return element("div", { className: "stack" }, element("ol", { className: "quiz" }, ...asked), score);
  }

  // Where in the recording an item rests: a link to the line of each segment, of neighbours to the first.
  function sources(item) {
    const places = (item.segments ?? []).filter((place, n, all) => n === 0 || place !== all[n - 1] + 1);
    const links = places.filter((place) => startOf(place) !== null).map((place) => when(place, startOf(place)));
    return links.length ? element("span", { className: "sources" }, ...links) : null;
  }

  function when(place, seconds) {
    if (startOf(place) === null) return element("span", { className: "when", text: clock(seconds) });
    return element("a", { className: "when", href: `#s${place}`, "data-at": String(seconds), text: clock(seconds), title: "To this place in the transcript" });
  }
}

function madeBy(notes) {
  if (notes.engine === "gemini") return `Written by Gemini${notes.model ? ` (${notes.model})` : ""} from the transcript, which was sent to Google.`;
  return "Made offline, on this server: sentences and terms taken from the transcript as they were said.";
}

function leftOut(dropped) {
  if (!dropped) return "";
  return dropped === 1 ? "1 item was left out, which the transcript does not bear out." : `${dropped} items were left out, which the transcript does not bear out.`;
}
