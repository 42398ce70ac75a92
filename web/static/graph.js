// A job's steps and what each needs, drawn: from left to right where there is room, else from top to bottom.
// What is drawn stays in its place from poll to poll.

import { depth, layout } from "./layout.js";
import { atWork, parts, sentence, signOf, stepName, took } from "./steps.js";
import { change, fitted, svg } from "./svg.js";
import { setText, span, taskWord } from "./words.js";

export const MOST_DRAWN = 40; // more are only listed: nobody finds anything in a drawing of them

const HEIGHT = 78;
const BESIDE = 12; // of the box: room for the ring around what has the keyboard
const [WIDEST, NARROWEST] = [172, 98];
const PAD = 11;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
const [NAME_FONT, SMALL_FONT] = [`600 14px ${FONT}`, `12px ${FONT}`];

// → {draw(job, chosen)}; `choose(name)` is called when a step is chosen
export function graph(box, choose) {
  const root = svg("svg", { class: "graph", role: "group", "aria-label": "The steps of this job, each after what it needs" });
  const nodes = new Map();
  let [drawn, shown, chosenNow] = ["", null, null];
  box.append(root);
  new ResizeObserver(() => shown && draw(shown, chosenNow)).observe(box);

  function draw(job, chosen) {
    [shown, chosenNow] = [job, chosen];
    const room = Math.floor(box.clientWidth) - BESIDE;
    if (room <= 0) return; // not shown
    const shape = JSON.stringify([room, job.tasks.map(({ name, needs }) => [name, needs])]);
    if (shape !== drawn) build(job.tasks, room);
    drawn = shape;
    for (const task of job.tasks) update(task, task.name === chosen);
    const states = new Map(job.tasks.map((task) => [task.name, task.state]));
    for (const line of root.querySelectorAll(".edge")) {
      const passed = ["completed", "skipped"].includes(states.get(line.dataset.from));
      line.classList.toggle("passed", passed);
    }
  }

  function build(tasks, room) {
    const held = document.activeElement?.closest?.("[data-step]")?.dataset.step;
    const count = depth(tasks);
    const gap = count > 5 ? 24 : 40;
    const across = (room - (count - 1) * gap) / count >= NARROWEST && room > 560;
    let width = Math.floor(Math.min(WIDEST, (room - (count - 1) * gap) / count));
    let placed;
    if (across) placed = layout(tasks, { main: width, cross: HEIGHT, gapMain: gap, gapCross: 18 });
    else {
      const widest = Math.max(...layout(tasks, { main: HEIGHT, cross: 1, gapMain: 0, gapCross: 0 }).layers);
      width = Math.floor(Math.max(NARROWEST, Math.min(WIDEST, (room - (widest - 1) * 14) / widest)));
      placed = layout(tasks, { main: HEIGHT, cross: width, gapMain: 30, gapCross: 14 });
    }
    const [drawnWidth, drawnHeight] = across ? [placed.main, placed.cross] : [placed.cross, placed.main];
    const whole = Math.max(room, drawnWidth);
    const [left, top] = [(whole - drawnWidth) / 2, 3];
    change(root, { width: whole, height: drawnHeight + 6, viewBox: `0 0 ${whole} ${drawnHeight + 6}` });
    const at = ([main, cross]) => (across ? [left + main, top + cross] : [left + cross, top + main]);
    nodes.clear();
    root.replaceChildren(
      ...placed.edges.map(({ from, to, points }) => svg("path", {
        class: "edge", "data-from": from, "data-to": to, d: curve(points.map(at), across),
      })),
      ...tasks.map((task, n) => {
        const { main, cross } = placed.nodes.get(task.name);
        const [x, y] = at([main, cross]);
        return node(task, n, x, y, width, tasks);
      }));
    if (held) nodes.get(held)?.root.focus();
  }

  function node(task, n, x, y, width, tasks) {
    const one = {
      width,
      sign: svg("path", { class: "sign", transform: `translate(${PAD - 2} 8)` }),
      figure: svg("text", { class: "figure", x: width - PAD, y: 21, "text-anchor": "end" }),
      name: svg("text", { class: "name", x: PAD, y: 44, text: fitted(stepName(task.name), width - 2 * PAD, NAME_FONT) }),
      word: svg("text", { class: "word", x: PAD, y: 61 }),
      fill: svg("rect", { class: "fill", x: PAD, y: HEIGHT - 11, height: 4, rx: 2 }),
      track: svg("rect", { class: "track", x: PAD, y: HEIGHT - 11, width: width - 2 * PAD, height: 4, rx: 2 }),
      title: svg("title"),
    };
    one.root = svg("g", {
      role: "button", tabindex: "0", transform: `translate(${x} ${y})`, "data-step": task.name,
      onclick: () => choose(task.name), onkeydown: press,
    }, one.title, svg("rect", { class: "box", width, height: HEIGHT, rx: 12 }), one.sign, one.figure, one.name, one.word, one.track, one.fill);
    nodes.set(task.name, one);

    function press(event) {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        return choose(task.name);
      }
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = step && tasks[n + step];
      if (!next) return undefined;
      event.preventDefault();
      return nodes.get(next.name).root.focus();
    }
    return one.root;
  }

  function update(task, chosen) {
    const { root: group, sign, figure, word, fill, track, title, width } = nodes.get(task.name);
    change(group, { class: `node ${task.state}${task.optional ? " optional" : ""}`, "aria-pressed": chosen, "aria-label": sentence(task) });
    setText(title, sentence(task));
    change(sign, { d: signOf(task) });
    setText(figure, figures(task));
    setText(word, doing(task, width - 2 * PAD));
    const share = Math.min(task.progress, 100) / 100;
    const barred = atWork(task);
    for (const bar of [track, fill]) change(bar, { visibility: barred ? "visible" : "hidden" });
    change(fill, { width: Math.max(0, (width - 2 * PAD) * share) });
  }

  return { draw };
}

// In as many words as there is room for.
function doing(task, room) {
  const { total, completed } = task.children;
  const told = total && atWork(task) ? [parts(task.children), `${completed} of ${total}`] : [taskWord(task)];
  const whole = told.find((text) => fitted(text, room, SMALL_FONT) === text);
  return whole ?? fitted(told.at(-1), room, SMALL_FONT);
}

function figures(task) {
  const tried = task.attempts > 1 ? `${task.attempts}× ` : "";
  if (atWork(task) && task.progress > 0) return `${tried}${Math.floor(task.progress)} %`;
  const seconds = took(task);
  return seconds === null || seconds < 0.05 ? tried.trim() : tried + span(seconds < 60 ? seconds : Math.round(seconds / 60) * 60);
}

// Through all of the points, leaving each and reaching the next in the direction in which the steps follow.
function curve(points, across) {
  let path = `M${points[0].join(" ")}`;
  for (let n = 1; n < points.length; n += 1) {
    const [[x, y], [toX, toY]] = [points[n - 1], points[n]];
    const bend = across ? [(x + toX) / 2, y, (x + toX) / 2, toY] : [x, (y + toY) / 2, toX, (y + toY) / 2];
    path += `C${[...bend, toX, toY].join(" ")}`;
  }
  return path;
}
