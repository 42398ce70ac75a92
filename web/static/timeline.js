// Which step of a job ran when, on which worker, how long it waited before: a bar a step, and a line a worker for its parts.

import { atWork, signOf, stepName } from "./steps.js";
import { rowsOf, scaleOf, ticksOf } from "./spans.js";
import { change, fitted, keyed, svg } from "./svg.js";
import { element, span, taskWord } from "./words.js";

const [ROW, BAR, LANE, AXIS] = [34, 14, 13, 26];
const NARROW_PX = 560; // below, names stand above their bars
const LABEL_FONT = "500 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
const WORKER_FONT = "10.5px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
const TICK_PX = 76;
const BESIDE = 12; // of the box, as beside the graph
const LEAST_PX = 2.5;
const LEGEND = [["waits", "waits"], ["runs", "runs"], ["rest", "nothing runs: drawn short"]];

// "host:4711:abc" is a worker's name; its random part tells nobody anything
export const workerName = (worker) => worker.split(":").slice(0, 2).join(":");

// → {draw(job, childrenOf, chosen)}; `choose(name)` is called when a step is chosen
export function timeline(box, choose) {
  const root = svg("svg", { class: "timeline", role: "group", "aria-label": "When each step waited and ran" });
  const layers = Object.fromEntries(["grid", "bars"].map((name) => [name, svg("g", { class: name })]));
  const tip = element("div", { className: "tip", hidden: true });
  let last = null;
  root.append(layers.grid, layers.bars);
  box.append(root, tip, element("p", { className: "legend" },
    ...LEGEND.map(([className, text]) => element("span", { className, text }))));
  new ResizeObserver(() => {
    tip.hidden = true;
    if (last) draw(...last);
  }).observe(box);
  box.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

  function draw(job, childrenOf, chosen) {
    last = [job, childrenOf, chosen];
    const room = Math.floor(box.clientWidth) - BESIDE;
    if (room <= 0) return; // not shown
    const now = Date.now();
    const rows = rowsOf(job, childrenOf, now);
    const scale = scaleOf(job, rows, now);
    const narrow = room < NARROW_PX;
    const left = narrow ? 2 : 138;
    const width = room - left - 10;
    const x = (time) => left + scale.at(time) * width;
    let top = 0;
    const placed = rows.map((row) => {
      const lines = row.lanes.length + (row.ends.length ? 1 : 0);
      const height = (narrow ? 40 : ROW) + lines * LANE + (lines ? 5 : 0);
      const one = { key: row.task.name, row, top, label: top + (narrow ? 15 : 22), bar: top + (narrow ? 21 : 10), height };
      top += one.height;
      return one;
    });
    change(root, { width: room, height: top + AXIS, viewBox: `0 0 ${room} ${top + AXIS}` });
    box.querySelector(".legend .rest").hidden = scale.pauses.length === 0;
    drawGrid(scale, x, top, width);
    const groups = keyed(layers.bars, placed, ({ row }) => rowNode(row.task.name));
    for (const one of placed) drawRow(groups.get(one.key), one, { x, room, left, narrow, chosen });
  }

  function drawGrid(scale, x, bottom, width) {
    const ticks = ticksOf(scale, TICK_PX / width);
    const format = {
      hour: "2-digit", minute: "2-digit",
      ...(ticks.some((time) => new Date(time).getSeconds()) ? { second: "2-digit" } : {}),
      ...(scale.to - scale.from > 20 * 3600_000 ? { day: "numeric", month: "short" } : {}),
    };
    layers.grid.replaceChildren(
      ...scale.pauses.map(({ from, to }) => svg("g", { class: "pause" },
        svg("rect", { x: x(from), y: 0, width: x(to) - x(from), height: bottom }),
        svg("text", { x: (x(from) + x(to)) / 2, y: bottom + 17, "text-anchor": "middle", text: span(Math.round((to - from) / 1000)) }))),
      ...ticks.flatMap((time) => {
        const at = x(time);
        const free = !scale.pauses.some((gap) => Math.abs(at - (x(gap.from) + x(gap.to)) / 2) < TICK_PX * 0.8);
        return [svg("line", { x1: at, x2: at, y1: 0, y2: bottom + 4 }),
          free && at > TICK_PX / 2 - 4 && svg("text", {
            x: Math.min(at, x(scale.to) - TICK_PX / 2 + 12), y: bottom + 17, "text-anchor": "middle",
            text: new Date(time).toLocaleString([], format),
          })].filter(Boolean);
      }));
  }

  function rowNode(name) {
    const node = svg("g", { role: "button", tabindex: "0", "data-step": name, onclick: () => choose(name) });
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(name);
    });
    node.addEventListener("focus", () => tell(node.querySelector(".run, .wait") ?? node, node.dataset.told));
    node.addEventListener("blur", () => { tip.hidden = true; });
    node.addEventListener("pointermove", (event) => {
      const part = event.target.closest("[data-told]");
      if (part) tell(part, part.dataset.told, event.clientX);
    });
    node.addEventListener("pointerleave", () => { tip.hidden = true; });
    return node;
  }

  function drawRow(node, { row, top, label, bar: barTop, height }, { x, room, left, narrow, chosen }) {
    const told = tale(row);
    change(node, {
      class: `row ${row.task.state}`, "aria-label": told.join(". "), "aria-pressed": row.task.name === chosen, "data-told": told.join("\n"),
    });
    const name = fitted(stepName(row.task.name), narrow ? room - 32 : left - 32, LABEL_FONT);
    const parts = [
      { key: "back", tag: "rect", class: "back", x: 0, y: top + 1, width: room, height: height - 2, rx: 8 },
      { key: "label", tag: "text", class: "label", x: 26, y: label, text: name },
      { key: "sign", tag: "path", class: "sign", d: signOf(row.task), transform: `translate(8 ${label - 11}) scale(0.8)` },
    ];
    if (row.wait) parts.push({ ...stretch("wait", row.wait, x, barTop, BAR), class: row.unsure ? "wait unsure" : "wait" });
    if (row.run) parts.push({ ...stretch("run", row.run, x, barTop, BAR), class: "run", rx: 4 });
    let line = barTop + BAR + 4;
    for (const { worker, bars } of row.lanes) {
      const on = fitted(workerName(worker), left - 34, WORKER_FONT);
      if (!narrow) parts.push({ key: `on-${worker}`, tag: "text", class: "worker", x: 26, y: line + LANE - 4, text: on });
      for (const { child, from, to } of bars) {
        const tried = child.attempts > 1 ? `, attempt ${child.attempts}` : "";
        const said = `Part ${child.n}: ${taskWord(child).toLowerCase()}, ${span((to - from) / 1000)}${tried}\non ${workerName(worker)}`;
        const bar = stretch(`part-${child.n}`, [from, to], x, line, LANE - 4);
        parts.push({ ...bar, class: `part ${child.state}`, rx: 2, "data-told": said });
      }
      line += LANE;
    }
    for (const { child, at } of row.ends) {
      parts.push({
        key: `end-${child.n}`, tag: "rect", class: `part end ${child.state}`, x: x(at) - 1, y: line, width: LEAST_PX, height: LANE - 4,
        "data-told": `Part ${child.n}: ${taskWord(child).toLowerCase()} then`,
      });
    }
    const made = keyed(node, parts, ({ tag }) => svg(tag));
    for (const { key, tag, text, ...attributes } of parts) {
      const part = made.get(key);
      change(part, attributes);
      if (text !== undefined && part.textContent !== text) part.textContent = text;
    }
    if (document.activeElement === node && !tip.hidden) tip.textContent = told.join("\n");
  }

  function tell(part, text, clientX) {
    const [frame, at] = [box.getBoundingClientRect(), part.getBoundingClientRect()];
    tip.textContent = text;
    tip.hidden = false;
    const wished = (clientX ?? at.left + Math.min(at.width / 2, 80)) - frame.left - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(0, Math.min(wished, frame.width - tip.offsetWidth))}px`;
    tip.style.top = `${at.bottom - frame.top + 8}px`;
  }

  return { draw };
}

function stretch(key, [from, to], x, y, height) {
  return { key, tag: "rect", x: x(from), y, width: Math.max(LEAST_PX, x(to) - x(from)), height };
}

// What a row shows, in words.
function tale({ task, wait, unsure, run, lanes, more }) {
  const told = [`${stepName(task.name)}: ${taskWord(task).toLowerCase()}`];
  if (wait) {
    const time = span((wait[1] - wait[0]) / 1000);
    told.push(unsure ? `${time} of waiting and earlier attempts` : `waited ${time}`);
  }
  if (run) {
    const [time, began] = [span((run[1] - run[0]) / 1000), new Date(run[0]).toLocaleTimeString()];
    told.push(`${atWork(task) ? "has run for" : "ran for"} ${time} from ${began}`);
  }
  if (run && task.worker) told.push(`on ${workerName(task.worker)}`);
  if (task.attempts > 1) told.push(`attempt ${task.attempts}`);
  if (lanes.length) told.push(`parts on ${lanes.length + more} ${lanes.length + more === 1 ? "worker" : "workers"}`);
  return told;
}
