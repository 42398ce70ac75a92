// The transcript as it grows: what the parts of a recording have put out so far, in the order in which it was said.

import { ask } from "./api.js";
import { clock, element, setText } from "./words.js";

const NEAR_END_PX = 40;

// → {read(ended), forget()}: asks for what is new since the last time and shows it; begins anew.
export function follow(path, card, list, said) {
  let cursor = null;
  let segments = []; // {start, node}, by start

  function add(segment, fresh) {
    const node = element("li", { className: fresh ? "new" : "" },
      element("time", { text: clock(segment.start) }), element("span", { text: segment.text.trim() }));
    let place = segments.length; // mostly the end; parts that run side by side land in between
    while (place > 0 && segments[place - 1].start > segment.start) place -= 1;
    list.insertBefore(node, segments[place]?.node ?? null);
    segments.splice(place, 0, { start: segment.start, node });
  }

  async function read(ended) {
    const first = cursor === null;
    const follows = list.scrollTop + list.clientHeight >= list.scrollHeight - NEAR_END_PX;
    for (;;) {
      const { body } = await ask(path + (cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""));
      if (body.reset) {
        segments = [];
        list.replaceChildren();
      }
      cursor = body.cursor;
      for (const item of body.items) for (const segment of item.segments ?? []) add(segment, !first);
      if (body.items.length === 0) break;
    }
    card.hidden = segments.length === 0;
    setText(said, ended ? "" : "growing as it is transcribed");
    if (follows && !first && !ended) list.scrollTop = list.scrollHeight;
  }

  return {
    read,
    forget() {
      [cursor, segments] = [null, []];
      list.replaceChildren();
    },
  };
}
