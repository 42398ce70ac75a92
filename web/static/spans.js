// When each step of a job waited and ran, and on which worker; and a scale of time in which stretches where nothing ran are short. Pure.

import { atWork } from "./steps.js";

const LEAST_PAUSE_S = 8; // a stretch without work is shortened from here on
const PAUSE_SHARE = 0.4; // and when it is longer than this share of all work
const PAUSE_WIDTH = 0.09; // of the whole: what such a stretch is drawn as
const MOST_PAUSES = 6; // what is left of the width belongs to the work
const MOST_LANES = 8; // workers of one step that have a line of their own

const ms = (stamp) => (stamp ? Date.parse(stamp) : null);

// → [{task, wait: [from, to] or null, unsure, run: [from, to] or null, lanes: [{worker, bars: [{child, from, to}]}],
//     ends: [{child, at}], more: workers that have no line}]
// `unsure`: before it there was an earlier attempt, of which nothing is told but that it was. Times are ms since the epoch.
export function rowsOf(job, childrenOf, now) {
  const ended = new Map(job.tasks.map((task) => [task.name, ms(task.ended_at)]));
  const over = ms(job.ended_at);
  return job.tasks.map((task) => {
    const needed = task.needs.map((need) => ended.get(need));
    const ready = needed.some((at) => at === null) ? null : Math.max(ms(job.created_at), ...needed);
    const began = ms(task.started_at);
    const run = began === null || (!task.ended_at && !atWork(task)) ? null : [began, Math.max(began, ms(task.ended_at) ?? now)];
    const waits = task.state === "ready" || task.state === "delayed";
    const until = run ? run[0] : waits ? over ?? now : null;
    const wait = ready !== null && until !== null && until > ready ? [ready, until] : null;
    const { lanes, ends, more } = lanesOf(childrenOf.get(task.name) ?? [], now);
    return { task, wait, unsure: task.attempts > 1 || (task.attempts === 1 && waits), run, lanes, ends, more };
  });
}

function lanesOf(children, now) {
  const byWorker = new Map();
  const ends = [];
  for (const child of children) {
    const [from, to] = [ms(child.started_at), ms(child.ended_at)];
    if (from !== null && child.worker && (to !== null || child.state === "running")) {
      if (!byWorker.has(child.worker)) byWorker.set(child.worker, []);
      byWorker.get(child.worker).push({ child, from, to: to ?? now });
    } else if (to !== null) ends.push({ child, at: to });
  }
  const lanes = [...byWorker].map(([worker, bars]) => ({ worker, bars: bars.sort((one, other) => one.from - other.from) }));
  lanes.sort((one, other) => one.bars[0].from - other.bars[0].from);
  return { lanes: lanes.slice(0, MOST_LANES), ends, more: Math.max(0, lanes.length - MOST_LANES) };
}

// → {at(time) → 0…1, pauses: [{from, to}], from, to}: even but for the pauses, which are all drawn equally short
export function scaleOf(job, rows, now) {
  const from = ms(job.created_at);
  const to = Math.max(from + 1000, ms(job.ended_at) ?? now);
  const bars = rows.flatMap((row) => row.lanes.flatMap((lane) => lane.bars.map((bar) => [bar.from, bar.to])));
  const busy = merged([...rows.map((row) => row.run).filter(Boolean), ...bars]);
  const worked = busy.reduce((sum, [start, end]) => sum + end - start, 0);
  const least = Math.max(LEAST_PAUSE_S * 1000, worked * PAUSE_SHARE);
  const gaps = busy.map(([start], n) => ({ from: n ? busy[n - 1][1] : from, to: start }));
  if (busy.length) gaps.push({ from: busy.at(-1)[1], to });
  const pauses = gaps.filter((gap) => gap.to - gap.from > least)
    .sort((one, other) => other.to - other.from - (one.to - one.from)).slice(0, MOST_PAUSES).sort((one, other) => one.from - other.from);
  const paused = pauses.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  const even = (1 - pauses.length * PAUSE_WIDTH) / Math.max(1, to - from - paused);

  function at(time) {
    const here = Math.min(Math.max(time, from), to);
    let [share, reached] = [0, from];
    for (const gap of pauses) {
      if (here <= gap.from) break;
      share += (gap.from - reached) * even;
      if (here < gap.to) return share + ((here - gap.from) / (gap.to - gap.from)) * PAUSE_WIDTH;
      share += PAUSE_WIDTH;
      reached = gap.to;
    }
    return share + (here - reached) * even;
  }

  return { at, pauses, from, to };
}

function merged(stretches) {
  const kept = [];
  for (const [start, end] of stretches.sort((one, other) => one[0] - other[0])) {
    if (kept.length && start <= kept.at(-1)[1]) kept.at(-1)[1] = Math.max(kept.at(-1)[1], end);
    else kept.push([start, end]);
  }
  return kept;
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

// Round times of the clock to write below, at least `apart` (a share of the width) from each other, none within a pause.
export function ticksOf(scale, apart) {
  const { at, pauses, from, to } = scale;
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  for (const step of STEPS_S.map((seconds) => seconds * 1000)) {
    if ((to - from) / step > 2000) continue;
    const ticks = [];
    for (let time = Math.ceil((from - zone) / step) * step + zone; time <= to; time += step) {
      if (!pauses.some((gap) => time > gap.from && time < gap.to)) ticks.push(time);
    }
    const kept = ticks.filter((time, n) => n === 0 || at(time) - at(ticks[n - 1]) > 1e-6);
    if (kept.every((time, n) => n === 0 || at(time) - at(kept[n - 1]) >= apart)) return kept;
  }
  return [from];
}
