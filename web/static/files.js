// The recordings that somebody has chosen: a row each, with its size, its length, and what is wrong with it at once.

import { bytes, element, setBar, setText, span } from "./words.js";

const READ_MS = 8000; // for the length of one; after that the server will tell
const MEDIA = /\.(aac|aif|aiff|amr|avi|caf|flac|m4a|m4b|m4v|mka|mkv|mov|mp2|mp3|mp4|mpeg|mpg|oga|ogg|ogv|opus|ts|wav|weba|webm|wma|wmv|3gp)$/i;
const SAYS = { waiting: "Waiting for its turn", checking: "Checking the recording…" };

// → {all, add(files), draw(file), remove(file)}. A file is {file, seconds, wrong, state, share, reason}: seconds undefined while
// they are read, null when they are not known; state ready, waiting, sending, checking, later, failed or refused.
export function chosen(list, limits, { changed, retry, stop }) {
  const all = [];
  let reading = Promise.resolve();

  function add(given) {
    for (const file of given) {
      if (all.some((known) => same(known.file, file))) continue;
      const wrong = wrongAtOnce(file, limits);
      const added = { file, seconds: wrong ? null : undefined, wrong, state: "ready", share: 0, reason: "" };
      all.push(added);
      list.append(row(added));
      if (!wrong) reading = reading.then(() => measure(added)); // one after the other: a hundred at once would be many decoders
    }
    changed();
  }

  async function measure(file) {
    if (!all.includes(file)) return;
    file.seconds = await secondsOf(file.file);
    if (file.seconds !== null && file.seconds > limits.seconds) {
      file.wrong = `This recording has ${span(file.seconds)}; at most ${span(limits.seconds)} are accepted.`;
    }
    draw(file);
    changed();
  }

  function row(file) {
    const bar = element("div", { className: "bar thin", role: "progressbar", "aria-label": `Upload of ${file.file.name}`, "aria-valuemin": "0", "aria-valuemax": "100" }, element("div"));
    file.parts = {
      bar,
      facts: element("span", { className: "facts-of" }),
      said: element("span", { className: "said-of", role: "status" }),
      again: element("button", { type: "button", className: "small", text: "Try again", onclick: () => retry(file) }),
      stop: element("button", { type: "button", className: "small quiet", text: "Stop", "aria-label": `Stop sending ${file.file.name}`, onclick: () => stop(file) }),
      remove: element("button", { type: "button", className: "remove", "aria-label": `Remove ${file.file.name}`, title: "Remove", onclick: () => remove(file, true) }, cross()),
    };
    const { facts, said, again, stop: halt, remove: away } = file.parts;
    file.node = element("li", {},
      element("div", { className: "of" }, element("span", { className: "name", text: file.file.name, title: file.file.name }), facts),
      element("div", { className: "acts" }, again, halt, away), said, bar);
    draw(file);
    return file.node;
  }

  function draw(file) {
    const { bar, facts, said, again, stop: halt, remove: away } = file.parts;
    const busy = file.state === "waiting" || file.state === "sending" || file.state === "checking" || file.state === "later";
    setText(facts, [bytes(file.file.size), lengthOf(file)].filter(Boolean).join(" · "));
    setText(said, file.wrong || file.reason || SAYS[file.state] || "");
    said.hidden = !said.textContent;
    said.classList.toggle("amiss", Boolean(file.wrong) || file.state === "failed" || file.state === "refused");
    bar.hidden = file.state !== "sending" && file.state !== "checking";
    setBar(bar, file.share * 100);
    again.hidden = file.state !== "failed";
    halt.hidden = !busy;
    away.hidden = busy;
  }

  function remove(file, byHand = false) {
    const next = byHand ? file.node.nextElementSibling ?? file.node.previousElementSibling : null;
    all.splice(all.indexOf(file), 1);
    file.node.remove();
    if (byHand) (next?.querySelector(".remove") ?? document.getElementById("file")).focus(); // the keyboard's place goes on
    changed();
  }

  return { all, add, draw, remove };
}

const same = (one, other) => one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;

function lengthOf(file) {
  if (file.wrong && file.seconds === null) return "";
  return file.seconds === undefined ? "…" : file.seconds === null ? "length told after the upload" : span(Math.round(file.seconds) || file.seconds);
}

function wrongAtOnce(file, limits) {
  if (file.size === 0) return "This file is empty.";
  if (file.type && !/^(audio|video)\/|\/(ogg|mp4|x-matroska|octet-stream)$/.test(file.type) && !MEDIA.test(file.name)) {
    return `This is neither audio nor video (${file.type}).`;
  }
  return file.size > limits.bytes ? `This file has ${bytes(file.size)}; at most ${bytes(limits.bytes)} are accepted.` : "";
}

// Seconds of a recording, as far as the browser can read it; else null.
function secondsOf(file) {
  return new Promise((resolve) => {
    const media = document.createElement("video"); // it reads what is only heard as well
    const address = URL.createObjectURL(file);
    const timer = setTimeout(() => end(null), READ_MS);
    function end(seconds) {
      clearTimeout(timer);
      media.removeAttribute("src");
      URL.revokeObjectURL(address);
      resolve(seconds);
    }
    media.preload = "metadata";
    media.addEventListener("error", () => end(null));
    media.addEventListener("durationchange", () => {
      if (Number.isFinite(media.duration)) end(media.duration);
      else if (media.duration === Infinity && media.currentTime === 0) media.currentTime = 1e9; // recorded in a browser: it says its length at its end
    });
    media.src = address;
  });
}

function cross() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" })) svg.setAttribute(name, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [name, value] of Object.entries({ d: "m4 4 8 8m0-8-8 8", fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round" })) path.setAttribute(name, value);
  svg.append(path);
  return svg;
}
