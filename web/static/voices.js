// Who speaks: each with a colour, a name that can be changed, and how long.

import { element, span } from "./words.js";

// "S2" → "Speaker 2"; a name that somebody has given stays as it is.
export const speakerName = (speaker) => speaker.replace(/^S(\d+)$/, "Speaker $1");

// Draw the speakers of `lines` into `card`. told.name(speaker) is what one is called now; told.rename(speaker, name) has them called so.
export function drawVoices(card, lines, told) {
  const speakers = lines.speakers();
  card.hidden = speakers.length === 0;
  const spoken = new Map(speakers.map((speaker) => [speaker, 0]));
  for (let place = 0; place < lines.count(); place += 1) {
    const { speaker, start, end } = lines.segment(place);
    if (speaker) spoken.set(speaker, spoken.get(speaker) + end - start);
  }
  card.replaceChildren(...speakers.map((speaker) => {
    const chip = element("button", { type: "button", className: `voice c${lines.colour(speaker)}`, title: "Give this speaker a name", onclick: () => write(chip, speaker) },
      element("span", { text: told.name(speaker) }), element("span", { className: "muted", text: span(Math.round(spoken.get(speaker))) }));
    return chip;
  }));

  function write(chip, speaker) {
    const field = element("input", { type: "text", maxlength: "80", "aria-label": `Name of ${told.name(speaker)}`, className: `voice-name c${lines.colour(speaker)}`, placeholder: told.number(speaker) });
    field.value = /^Speaker \d+$/.test(told.name(speaker)) ? "" : told.name(speaker);
    let open = true;
    const close = (keeps) => {
      if (!open) return;
      open = false;
      if (keeps) told.rename(speaker, field.value.trim());
      drawVoices(card, lines, told);
      card.children[speakers.indexOf(speaker)]?.focus({ preventScroll: true });
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault(); // else it presses the button that has the focus then
        close(event.key === "Enter");
      }
    });
    field.addEventListener("blur", () => close(true));
    chip.replaceWith(field);
    field.focus();
    field.select();
  }
}

// The recording at a glance: a stripe for each stretch of one voice.
export function drawStripe(svg, lines, seconds) {
  const made = [];
  let run = null;
  for (let place = 0; place < lines.count(); place += 1) {
    const { speaker, start, end } = lines.segment(place);
    const colour = speaker === undefined ? "none" : `c${lines.colour(speaker)}`;
    if (run && run.colour === colour && start - run.end < 2) run.end = end;
    else made.push(run = { colour, start, end });
  }
  svg.replaceChildren(...made.map((one) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    bar.setAttribute("class", one.colour);
    const [x, width] = [one.start, one.end - one.start].map((time) => (1000 * time) / (seconds || 1));
    for (const [name, value] of Object.entries({ x, width: Math.max(width, 0.6), y: 0, height: 10 })) bar.setAttribute(name, String(value));
    return bar;
  }));
}
