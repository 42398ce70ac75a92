// The parts of steps that have split, asked for while somebody looks at them. What the server forgets of a part that is done is kept.

import { ask } from "./api.js";

const CALM_MS = 10_000; // between two looks at very many
const MANY = 300;

// → {read(job, names) → whether something is new, of: Map task → children}
export function childrenOf(path) {
  const of = new Map();
  const read = new Map(); // task → {sign, at} of the last look

  async function look(task) {
    const sign = JSON.stringify([task.state, task.children, task.progress]);
    const last = read.get(task.name);
    if (last && (last.sign === sign || (task.children.total > MANY && Date.now() - last.at < CALM_MS))) return false;
    const known = new Map((of.get(task.name) ?? []).map((child) => [child.n, child]));
    const found = [];
    let cursor = null;
    do {
      const { body } = await ask(`${path}/tasks/${task.name}/children${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);
      found.push(...body.children);
      cursor = body.cursor;
    } while (cursor);
    of.set(task.name, found.map((child) => remembered(child, known.get(child.n))));
    read.set(task.name, { sign, at: Date.now() });
    return true;
  }

  async function all(job, names) {
    let fresh = false;
    for (const task of job.tasks) {
      if (!task.children.total) fresh = of.delete(task.name) || fresh;
      else if (names === null || names.has(task.name)) fresh = await look(task) || fresh;
    }
    return fresh;
  }

  return { of, read: all };
}

function remembered(child, before) {
  const same = before?.started_at && before.attempts === child.attempts && (!before.ended_at || before.ended_at === child.ended_at);
  const forgotten = child.state === "completed" && !child.started_at;
  return same && forgotten ? { ...child, started_at: before.started_at, worker: before.worker } : child;
}
