// The transcript as it grows: what the parts of a recording have put out so far, in the order in which it was said.
// It follows what is new as long as its reader is at the end; who reads elsewhere is told, and brought there by a button.

import { ask } from "./api.js";
import { clock, element, setText } from "./words.js";

const NEAR_END_PX = 40;

// → {read(ended), forget()}: asks for what is new since the last time and shows it; begins anew.
export function follow(path, { card, list, live, said, newest }) {
  let cursor = null;
  let segments = []; // {start, node}, by start
  let unseen = 0;

  const atEnd = () => list.scrollTop + list.clientHeight >= list.scrollHeight - NEAR_END_PX;
  function toEnd() {
    list.scrollTop = list.scrollHeight;
    unseen = 0;
    newest.hidden = true;
  }
  newest.addEventListener("click", () => {
    toEnd();
    list.focus();
  });
  list.addEventListener("scroll", () => {
    if (!atEnd()) return;
    unseen = 0;
    newest.hidden = true;
  }, { passive: true });

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
    const follows = atEnd();
    let fresh = 0;
    for (;;) {
      const { body } = await ask(path + (cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""));
      if (body.reset) {
        segments = [];
        list.replaceChildren();
      }
      cursor = body.cursor;
      for (const item of body.items) {
        for (const segment of item.segments ?? []) {
          add(segment, !first);
          fresh += 1;
        }
      }
      if (body.items.length === 0) break;
    }
    card.hidden = segments.length === 0;
    live.hidden = ended;
    setText(said, ended ? "as far as it was heard" : "");
    if (follows && (first ? !ended : fresh > 0)) toEnd();
    else if (fresh && !first) {
      unseen += fresh;
      newest.hidden = false;
      setText(newest, `${unseen} new ${unseen === 1 ? "line" : "lines"} ↓`);
    }
  }

  return {
    read,
    forget() {
      [cursor, segments, unseen] = [null, [], 0];
      list.replaceChildren();
      card.hidden = true;
    },
  };
}
