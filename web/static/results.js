// What a job has made, as it comes: its files to download, in groups, and those of them that the page itself shows.

import { ask, Refused } from "./api.js";
import { bytes, element } from "./words.js";

const GROUPS = [
  ["Transcript", (name) => name.startsWith("transcript.")],
  ["Notes", (name) => /^(notes|flashcards|quiz|terms)\b/.test(name) || name.endsWith(".apkg")],
  ["Report", (name) => /^(report\.|recording-)/.test(name)],
  ["Package", (name) => name.endsWith(".zip")],
  ["More", () => true],
];

export function drawDownloads(list, artifacts) {
  const group = (artifact) => GROUPS.findIndex(([, holds]) => holds(artifact.name));
  list.replaceChildren(...GROUPS.map(([title], n) => {
    const files = artifacts.filter((artifact) => group(artifact) === n);
    return files.length ? element("section", { "aria-label": title },
      element("h3", { text: title }), element("ul", { className: "downloads" }, ...files.map(file))) : null;
  }).filter(Boolean));
}

function file(artifact) {
  return element("li", {}, element("a", { href: artifact.url, download: artifact.name },
    element("span", { text: artifact.name }), element("span", { className: "muted", text: bytes(artifact.bytes) })));
}

// A file of JSON among the artifacts, read once a version. → read(job): {content, fresh}; content is null while there is none.
export function reader(name) {
  let [content, etag] = [null, null];
  return async function read(job) {
    const artifact = job.artifacts.find((one) => one.name === name);
    const answer = artifact && await ask(artifact.url, { etag }).catch(gone);
    if (answer && !answer.body) return { content, fresh: false };
    const fresh = Boolean(answer) || content !== null;
    [content, etag] = answer ? [answer.body, answer.etag] : [null, null];
    return { content, fresh };
  };
}

// It is to be made again since the job was asked for; the next look will tell.
function gone(error) {
  if (error instanceof Refused && error.status === 404) return null;
  throw error;
}
