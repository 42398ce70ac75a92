// What a job came to, by what it made: a transcript to read and listen to, notes, verdicts on recordings, a package.
// Text is only ever text.

import { reader } from "./results.js";
import { bytes, element } from "./words.js";

const TEASER_BYTES = 900;
const TEASER_CHARS = 340;
const POINTS = 3;
const NAMED = 8; // recordings with something wrong

const VERDICTS = [["good", "completed", "✓"], ["fair", "ready", "~"], ["poor", "failed", "!"], ["unusable", "failed", "✕"]];

// card: {root, title, body}; `readAt` is where the transcript is read, "" nowhere.
// → draw(job): asks for what it is told by, and shows it
export function outcome({ root, title, body }, readAt) {
  const [readNotes, readReport] = [reader("notes.json"), reader("report.json")];
  let [shown, teaser] = [null, { url: null, bytes: null, text: "" }];

  return async function draw(job) {
    const has = (name) => job.artifacts.find((artifact) => artifact.name === name);
    const notes = (await readNotes(job)).content;
    const report = (await readReport(job)).content;
    const first = notes ? "" : await beginning(has("transcript.txt"));
    const sign = JSON.stringify([job.artifacts, notes?.title, first, report?.verdicts]);
    if (sign === shown) return;
    shown = sign;
    const [heading, ...parts] = told(job, has, notes, report, first);
    root.hidden = !heading;
    title.textContent = heading ?? "";
    body.replaceChildren(...parts.filter(Boolean));
  };

  function told(job, has, notes, report, first) {
    if (report?.verdicts) return verdicts(report, has("report.html"));
    const reading = readAt && has("transcript.json");
    const lines = notes ? summary(notes) : first && element("blockquote", { text: first });
    if (reading) {
      const text = notes ? "Transcript and notes" : "Open the transcript";
      return ["Read and listen", lines, actions(element("a", { className: "button primary", href: readAt, id: "read", text }))];
    }
    if (lines) return [notes ? "Notes" : "Transcript", lines];
    const zip = has("package.zip");
    if (zip && job.artifacts.length === 1) return ["Package", element("p", { text: job.message }), actions(download(zip, "Download the package"))];
    return [];
  }

  // The first lines of a text, by a range: it may be long.
  async function beginning(artifact) {
    if (!artifact) return "";
    if (teaser.url === artifact.url && teaser.bytes === artifact.bytes) return teaser.text;
    const answer = await fetch(artifact.url, { headers: { Range: `bytes=0-${TEASER_BYTES - 1}` }, cache: "no-store" });
    const text = answer.ok ? shortened(await answer.text()) : "";
    if (answer.ok) teaser = { url: artifact.url, bytes: artifact.bytes, text };
    return text;
  }
}

function summary(notes) {
  const points = notes.summary.slice(0, POINTS);
  return element("div", { className: "stack tight" },
    notes.title?.text && element("p", { className: "notes-title", text: notes.title.text }),
    points.length > 0 && element("ul", { className: "points" }, ...points.map((point) => element("li", { text: point.text }))));
}

function verdicts(report, page) {
  const counts = VERDICTS.filter(([name]) => report.verdicts[name]);
  const amiss = report.recordings.filter((one) => one.verdict !== "good");
  amiss.sort((one, other) => rank(other) - rank(one));
  return ["What was found",
    element("ul", { className: "verdicts" }, ...counts.map(([name, look, sign]) => element("li", { className: look },
      element("span", { className: "sign", "aria-hidden": "true", text: sign }),
      element("strong", { text: String(report.verdicts[name]) }), element("span", { text: name })))),
    amiss.length > 0 && element("ul", { className: "amiss" }, ...amiss.slice(0, NAMED).map((one) => element("li", {},
      element("strong", { text: one.filename }), element("span", { className: "muted", text: ` ${one.verdict}` }),
      one.remarks.length > 0 && element("p", { text: one.remarks[0].text })))),
    amiss.length > NAMED && element("p", { className: "muted", text: `And ${amiss.length - NAMED} more in the report.` }),
    page && actions(download(page, "Download the report"))];
}

const rank = (one) => VERDICTS.findIndex(([name]) => name === one.verdict);

const actions = (link) => element("div", { className: "actions" }, link);

function download(artifact, text) {
  return element("a", { className: "button primary", href: artifact.url, download: artifact.name, text: `${text} (${bytes(artifact.bytes)})` });
}

// Whole words; what was cut within a letter is left out.
function shortened(text) {
  const flat = text.replace(/�+$/, "").replace(/\s+/g, " ").trim();
  if (flat.length <= TEASER_CHARS) return flat;
  return `${flat.slice(0, TEASER_CHARS).replace(/\s+\S*$/, "")} …`;
}
