// Corrections that are being made: gathered here, kept over a reload, sent all at once. Knows lines and speakers; sends nothing itself.

import { element, setText } from "./words.js";

const at = (id) => document.getElementById(id);

// `lines` shows them; told.changed() when what is to be saved has changed; told.taken(place) tells a correction made before: {text, was}.
// → {edit, draft, name, rename, count, asked, send, done, forget, sent}
export function mending(id, list, lines, told) {
  const kept = `lectern.drafts.${id}`;
  let drafts = read(kept);
  let sending = null; // what was sent, and is being worked in
  let editor = null; // {place, field}

  const draft = (place) => (drafts.segments[place] ?? sending?.segments[place])?.text;

  function keep() {
    if (count()) sessionStorage.setItem(kept, JSON.stringify(drafts));
    else sessionStorage.removeItem(kept);
    const many = count();
    at("unsaved").hidden = many === 0;
    setText(at("unsaved-said"), many === 1 ? "1 correction is not saved yet" : `${many} corrections are not saved yet`);
    setText(at("save"), many === 1 ? "Save 1 correction" : `Save ${many} corrections`);
    told.changed();
  }

  const count = () => Object.keys(drafts.segments).length + Object.keys(drafts.speakers).length;

  // Write where the line stands; `word` is selected.
  function edit(place, word = null) {
    if (editor?.place === place) return editor.field.focus();
    close(true);
    lines.fill(place);
    const row = lines.row(place);
    const text = lines.shown(place);
    const field = element("textarea", { className: "editor", rows: "1", "aria-label": "What was said", spellcheck: "true", lang: list.lang || null });
    field.value = text;
    const before = told.taken(place);
    const box = element("div", { className: "editing" }, field,
      element("div", { className: "editing-side" },
        element("span", { className: "muted", text: "Enter keeps it, Esc leaves it" }),
        (before || drafts.segments[place]) && element("button", {
          type: "button", className: "quiet small", text: drafts.segments[place] ? "Leave as it is saved" : "As it was heard", onclick: () => takeBack(place),
        }),
        element("button", { type: "button", className: "small", text: "Keep", onclick: () => close(true) })));
    row.classList.add("is-edited");
    row.querySelector(".marks").before(box);
    editor = { place, field, box, text };
    fit();
    field.focus();
    const spot = word === null ? -1 : nth(text, word);
    if (spot >= 0) field.setSelectionRange(spot, spot + text.slice(spot).search(/\s|$/));
    field.addEventListener("input", fit);
    field.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the page's own keys
      if (event.key === "Escape") close(false);
      if (event.key === "Enter" && !event.isComposing) close(true);
      if (event.key === "Enter" || event.key === "Escape") event.preventDefault();
    });
  }

  function fit() {
    editor.field.style.height = "auto";
    editor.field.style.height = `${editor.field.scrollHeight + 2}px`;
  }

  function close(keeps) {
    if (!editor) return;
    const { place, field, box, text } = editor;
    const now = field.value.split(/\s+/).join(" ").trim();
    editor = null;
    box.remove();
    const row = lines.row(place);
    row?.classList.remove("is-edited");
    if (keeps && now && now !== text) put(place, now);
    row?.focus({ preventScroll: true });
  }

  function put(place, text) {
    const segment = lines.segment(place);
    drafts.segments[place] = { text, start: segment.start };
    lines.redraw(place);
    keep();
  }

  // What is not saved is dropped; what was saved is taken back, and says again what was heard.
  function takeBack(place) {
    const { box } = editor;
    editor = null;
    box.remove();
    lines.row(place).classList.remove("is-edited");
    if (drafts.segments[place]) delete drafts.segments[place];
    else drafts.segments[place] = { text: told.taken(place).was ?? lines.segment(place).text, start: lines.segment(place).start, back: true };
    lines.redraw(place);
    keep();
    lines.row(place).focus({ preventScroll: true });
  }

  // A speaker's number gets a name; its own again when that is empty.
  function rename(speakers, name, known) {
    for (const speaker of speakers) {
      if (name === (known[speaker] ?? "")) delete drafts.speakers[speaker];
      else drafts.speakers[speaker] = name || null;
    }
    keep();
  }

  // → the body of PATCH
  function asked() {
    close(true);
    const segments = Object.entries(drafts.segments).map(([place, one]) => [place, one.back ? null : { text: one.text }]);
    return { segments: Object.fromEntries(segments), speakers: drafts.speakers };
  }

  function redraw(places) {
    for (const place of places) if (lines.row(place)) lines.redraw(Number(place));
  }

  return {
    edit, draft, rename, count, asked,
    close: () => close(true),
    name: (speaker) => (speaker in drafts.speakers ? drafts.speakers : sending?.speakers ?? {})[speaker],
    renamed: (speaker) => speaker in drafts.speakers || Boolean(sending && speaker in sending.speakers),
    sent: () => sending !== null,
    fits() { // what was kept over a reload is of lines that are still there
      for (const [place, one] of Object.entries(drafts.segments)) if (lines.segment(place)?.start !== one.start) delete drafts.segments[place];
      keep();
    },
    send() {
      sending = drafts;
      drafts = nothing();
      redraw(Object.keys(sending.segments));
      keep();
    },
    done() {
      sending = null;
    },
    forget() {
      const places = Object.keys(drafts.segments);
      close(false);
      drafts = nothing();
      redraw(places);
      keep();
    },
  };
}

const nothing = () => ({ segments: {}, speakers: {} });

function read(kept) {
  try {
    return { ...nothing(), ...JSON.parse(sessionStorage.getItem(kept)) };
  } catch {
    return nothing();
  }
}

// Where the word of this number begins in a text; -1 where it has none of it.
function nth(text, word) {
  const found = [...text.matchAll(/\S+/g)][word];
  return found ? found.index : -1;
}
