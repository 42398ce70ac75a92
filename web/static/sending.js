// Send recordings, two at a time, each as a job of its own. What broke off is sent again under the same key, and so becomes one job.

import { randomKey, Refused, send, Stopped } from "./api.js";
import { span } from "./words.js";

const AT_ONCE = 2;
const TRIES = 5;
const PATIENCE_S = 60; // a server that asks for more is left to the person

// → {start(files), stop(file), again(file), busy()}. `wanted()` are the parameters now; `drawn(file)` is called at every change,
// `taken(file, job)` when the job is there, `idle()` when nothing is left to send.
export function sender({ wanted, drawn, taken, idle }) {
  const line = [];
  const under = new Map(); // file → what stops it

  function start(files) {
    for (const file of files) {
      Object.assign(file, { state: "waiting", share: 0, reason: "", tries: 0, key: file.key ?? randomKey(), params: file.params ?? wanted() });
      line.push(file);
      drawn(file);
    }
    next();
  }

  function next() {
    while (under.size < AT_ONCE && line.length) carry(line.shift());
    if (under.size === 0) idle();
  }

  async function carry(file) {
    under.set(file, () => {});
    try {
      for (;;) {
        try {
          return taken(file, await sendOnce(file));
        } catch (error) {
          const pause = pauseAfter(error, file.tries);
          if (pause === null) throw error;
          file.tries += 1;
          await wait(file, pause, error);
        }
      }
    } catch (error) {
      settle(file, error);
    } finally {
      under.delete(file);
      drawn(file);
      next();
    }
  }

  function sendOnce(file) {
    const form = new FormData(); // type and parameters first: they are looked at before the file is received
    form.append("type", "transcription");
    form.append("params", JSON.stringify(file.params));
    form.append("file", file.file);
    Object.assign(file, { state: "sending", share: 0, reason: "" });
    const sending = send("/api/jobs", form, file.key, (share) => {
      Object.assign(file, { share, state: share < 1 ? "sending" : "checking" });
      drawn(file);
    });
    under.set(file, sending.stop);
    drawn(file);
    return sending.done;
  }

  function wait(file, seconds, error) {
    Object.assign(file, { state: "later", reason: `${error.message} Trying again in ${span(seconds)}.` });
    drawn(file);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(go, seconds * 1000);
      function go() {
        clearTimeout(timer);
        removeEventListener("online", go);
        resolve();
      }
      addEventListener("online", go); // no need to wait when the network says that it is back
      under.set(file, () => { clearTimeout(timer); removeEventListener("online", go); reject(new Stopped("Stopped.")); });
    });
  }

  return {
    start,
    busy: () => under.size + line.length > 0,
    again: (file) => start([file]),
    stop(file) {
      const place = line.indexOf(file);
      if (place < 0) return under.get(file)?.();
      line.splice(place, 1);
      settle(file, new Stopped("Stopped."));
      drawn(file);
    },
  };
}

// How many seconds to wait before the next try; null: it is for the person to decide.
function pauseAfter(error, tries) {
  if (error instanceof Stopped || tries >= TRIES - 1) return null;
  if (!(error instanceof Refused)) return 2 ** (tries + 1);
  if (error.status !== 429 && error.status < 500) return null;
  return error.retryAfter === null ? 2 ** (tries + 1) : error.retryAfter <= PATIENCE_S ? error.retryAfter : null;
}

function settle(file, error) {
  const unfit = error instanceof Refused && (error.status === 413 || error.field === "file");
  Object.assign(file, { state: unfit ? "refused" : error instanceof Stopped ? "ready" : "failed", reason: error instanceof Stopped ? "" : error.message });
  // What was refused is asked for anew, perhaps otherwise; what broke off may have arrived, and stays what it was.
  if (error instanceof Refused && error.status < 500 || error instanceof Stopped) Object.assign(file, { key: null, params: null });
}
