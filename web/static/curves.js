// A curve of the last hour, drawn as SVG: a line, broken where nobody noted any, and strokes for what failed. Hovered, it says what was when.

import { element } from "./words.js";

const HOUR_S = 3600;
const GAP_S = 95; // a sample a minute: what is further apart has one missing between
const [WIDTH, HEIGHT] = [120, 40];

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// → {element, value(text, more), draw(at, values, failures)}; `at` are ISO times, values may be null, failures may be left out.
export function curve(label, say = String) {
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  const value = element("span", { className: "value" });
  const made = element("div", { className: "curve" }, element("span", { className: "label", text: label }), value, picture);
  let shown = ["", ""];
  let points = [];

  const show = (text, more) => value.replaceChildren(`${text} `, element("small", { text: more }));
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const near = points.reduce((best, point) => (best && Math.abs(best.x - x) <= Math.abs(point.x - x) ? best : point), null);
    if (!near) return;
    show(say(near.value), `at ${new Date(near.at).toLocaleTimeString([], { timeStyle: "short" })}${near.failures ? `, ${near.failures} failed` : ""}`);
    picture.querySelector(".mark")?.remove();
    picture.append(svg("line", { class: "mark", x1: near.x, x2: near.x, y1: 0, y2: HEIGHT }));
  });
  picture.addEventListener("pointerleave", () => {
    picture.querySelector(".mark")?.remove();
    show(...shown);
  });

  return {
    element: made,
    value(text, more = "") {
      shown = [text, more];
      if (!picture.querySelector(".mark")) show(text, more);
    },
    draw(at, values, failures = null) {
      const now = Date.now();
      const x = (time) => WIDTH * (1 - (now - Date.parse(time)) / 1000 / HOUR_S);
      points = at.map((time, n) => ({ at: time, x: x(time), value: values[n] ?? 0, failures: failures?.[n] ?? 0 })).filter((point) => point.x >= 0);
      const most = Math.max(1, ...points.map((point) => Math.max(point.value, point.failures)));
      const y = (number) => HEIGHT - 1 - (number / most) * (HEIGHT - 4);
      const runs = parts(points);
      const path = (run) => run.map((point, n) => `${n ? "L" : "M"}${point.x.toFixed(2)} ${y(point.value).toFixed(2)}`).join("");
      picture.replaceChildren(
        svg("line", { class: "ground", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }),
        ...runs.map((run) => svg("path", { class: "area", d: `${path(run)}L${run.at(-1).x.toFixed(2)} ${HEIGHT}L${run[0].x.toFixed(2)} ${HEIGHT}Z` })),
        ...runs.map((run) => svg("path", { class: "line", d: path(run) })),
        ...points.filter((point) => point.failures).map((point) => svg("line", { class: "failures", x1: point.x, x2: point.x, y1: HEIGHT, y2: y(point.failures) })));
      const top = points.length ? `at most ${say(Math.max(...points.map((point) => point.value)))}` : "nothing noted yet";
      picture.setAttribute("aria-label", `${label} over the last hour: ${top}`);
    },
  };
}

function parts(points) {
  const runs = [];
  for (const point of points) {
    const before = runs.at(-1)?.at(-1);
    if (before && (Date.parse(point.at) - Date.parse(before.at)) / 1000 <= GAP_S) runs.at(-1).push(point);
    else runs.push([point]);
  }
  return runs;
}
