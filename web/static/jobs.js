// The list of jobs: kept true while somebody looks at it, filtered, paged. A row stays the same element as long as its job is shown.

import { ask, initial, Refused } from "./api.js";
import { ago, count, element, ENDED, jobState, kindWord, secondsBetween, setBar, setText, span, standing, withoutSettings } from "./words.js";

const REFRESH_MS = 3000; // while something is alive
const IDLE_MS = 15000; // a job may have come from elsewhere
const LOST_MS = 30000;
const PAGE = 20;
const MOST = 200; // what one answer may hold
const STATES = { alive: "pending,running", completed: "completed", failed: "failed", cancelled: "cancelled" };
const NONE = { alive: "Nothing is under way.", completed: "Nothing is done yet.", failed: "Nothing has failed.", cancelled: "Nothing was cancelled." };

// → {refresh()}: asks at once. `parts` are the page's elements by what they are for.
export function listOfJobs(parts) {
  const rows = new Map(); // id → {node, draw}
  const filters = readFilters(parts);
  let jobs = initial.jobs;
  let cursor = initial.cursor;
  let etag = null;
  let asked = 0; // only the last question is listened to: another filter may have been chosen meanwhile
  let timer = null;
  let lost = 0;
  const known = new Set(initial.jobs.map((job) => job.type)); // kinds that there are

  const query = (limit, more = {}) => {
    const given = { limit, user: filters.everybody ? null : initial.user, status: STATES[filters.state], type: filters.kind, ...more };
    return `/api/jobs?${new URLSearchParams(Object.entries(given).filter(([, value]) => value))}`;
  };

  function draw() {
    const shown = jobs.filter((job) => !filters.text || job.title.toLowerCase().includes(filters.text));
    for (const [id, { node }] of rows) if (!shown.some((job) => job.id === id)) { node.remove(); rows.delete(id); }
    let before = null;
    for (const job of shown) {
      if (!rows.has(job.id)) rows.set(job.id, row());
      const { node, draw: redraw } = rows.get(job.id);
      redraw(job, filters.everybody);
      const next = before ? before.nextSibling : parts.list.firstChild;
      if (next !== node) parts.list.insertBefore(node, next); // only what is out of place: moving it would take its focus
      before = node;
    }
    const filtered = Boolean(filters.state || filters.kind || filters.text);
    parts.none.hidden = shown.length > 0;
    setText(parts.noneSaid, filters.text && jobs.length ? `No title of ${count(jobs.length, "job")} has “${parts.text.value.trim()}” in it.` : filtered ? NONE[filters.state] ?? "There is none of these." : "Nothing here yet. The first recording you drop above will be.");
    parts.all.hidden = !filtered;
    parts.more.hidden = !cursor;
    parts.filters.hidden = !filtered && !filters.everybody && jobs.length === 0 && !initial.admin;
    drawKinds();
  }

  function drawKinds() {
    for (const job of jobs) known.add(job.type);
    const kinds = [...known].sort((one, other) => kindWord(one).localeCompare(kindWord(other)));
    parts.kind.parentElement.hidden = kinds.length < 2 && !filters.kind;
    if (parts.kind.options.length === kinds.length + 1) return;
    const all = element("option", { value: "", text: "All kinds" });
    parts.kind.replaceChildren(all, ...kinds.map((kind) => element("option", { value: kind, text: kindWord(kind) })));
    parts.kind.value = filters.kind;
  }

  async function refresh() {
    clearTimeout(timer);
    const question = asked += 1;
    try {
      const limit = Math.min(MOST, Math.max(PAGE, Math.ceil(jobs.length / PAGE) * PAGE));
      const { body, etag: tag } = await ask(query(limit), { etag });
      if (question !== asked) return;
      if (body) {
        const newest = new Set(body.jobs.map((job) => job.id));
        const last = body.jobs.at(-1)?.created_at ?? "";
        // What lies behind the newest stays, as far as it joins them: more than a page of new ones would leave a gap.
        const joined = body.cursor && jobs.some((job) => newest.has(job.id));
        const older = joined ? jobs.filter((job) => !newest.has(job.id) && job.created_at <= last) : [];
        jobs = [...body.jobs, ...older];
        if (older.length === 0) cursor = body.cursor;
        etag = tag;
      }
      lost = 0;
      draw(); // what is said of times goes on, whether or not anything has changed
    } catch (error) {
      if (question !== asked) return;
      lost += 1;
      if (error instanceof Refused && error.status < 500 && error.status !== 429) complain(error.message);
    }
    parts.lost.hidden = lost < 2;
    schedule();
  }

  function schedule() {
    clearTimeout(timer);
    if (document.hidden) return; // looked at again, it asks at once
    const calm = jobs.some((job) => !ENDED.has(job.status)) ? REFRESH_MS : IDLE_MS;
    timer = setTimeout(refresh, lost ? Math.min(REFRESH_MS * 2 ** lost, LOST_MS) : calm);
  }

  function ask_anew() {
    [jobs, cursor, etag] = [[], null, null];
    complain("");
    keepFilters(filters);
    parts.list.setAttribute("aria-busy", "true");
    refresh().finally(() => parts.list.removeAttribute("aria-busy"));
  }

  function complain(reason) {
    parts.wrong.hidden = !reason;
    setText(parts.wrong, reason);
  }

  parts.more.addEventListener("click", async () => {
    parts.more.disabled = true; // a second click would show the same ones again
    complain("");
    const question = asked += 1;
    try {
      const { body } = await ask(query(PAGE, { cursor }));
      if (question !== asked) return;
      const shown = new Set(jobs.map((job) => job.id));
      const fresh = body.jobs.filter((job) => !shown.has(job.id));
      jobs = [...jobs, ...fresh];
      [cursor, etag] = [body.cursor, null];
      draw();
      rows.get(fresh[0]?.id)?.node.querySelector("a").focus({ preventScroll: true });
    } catch (error) {
      complain(error instanceof Refused ? error.message : "The connection broke off. Try again.");
    } finally {
      parts.more.disabled = false;
      schedule();
    }
  });
  parts.states.addEventListener("click", (event) => {
    const chip = event.target.closest("button");
    if (!chip) return;
    filters.state = chip.value;
    press(parts, filters);
    ask_anew();
  });
  parts.kind.addEventListener("change", () => { filters.kind = parts.kind.value; ask_anew(); });
  parts.text.addEventListener("input", () => { filters.text = parts.text.value.trim().toLowerCase(); draw(); });
  parts.everybody?.addEventListener("change", () => {
    filters.everybody = parts.everybody.checked;
    setText(parts.title, filters.everybody ? "All jobs" : "My jobs");
    ask_anew();
  });
  parts.all.addEventListener("click", () => {
    Object.assign(filters, { state: "", kind: "", text: "" });
    [parts.kind.value, parts.text.value] = ["", ""];
    press(parts, filters);
    ask_anew();
    parts.states.querySelector("button").focus();
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else refresh(); });

  if (filters.state || filters.kind || filters.everybody) {
    setText(parts.title, filters.everybody ? "All jobs" : "My jobs");
    ask_anew();
  } else {
    draw();
    schedule();
  }
  return { refresh };
}

// A row, and what brings it to where its job is.
function row() {
  const [name, badge, said, who, when] = ["name", "badge", "said", "of-whom", "when"].map((className) => element("span", { className }));
  const bar = element("div", { className: "bar thin", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, element("div"));
  const link = element("a", {}, element("span", { className: "line" }, name, badge), element("span", { className: "line less" }, who, said, when), bar);
  return {
    node: element("li", {}, link),
    draw(job, everybody) {
      const { word, look } = jobState(job);
      link.href = `/jobs/${job.id}`;
      setText(name, job.title);
      badge.className = `badge ${look}`;
      setText(badge, word);
      setText(who, everybody ? `${job.user} · ${job.org}` : "");
      who.hidden = !everybody;
      setText(said, story(job));
      setText(when, ago(job.created_at));
      when.title = new Date(job.created_at).toLocaleString();
      bar.hidden = ENDED.has(job.status) || (job.progress === 0 && look !== "running");
      setBar(bar, job.progress, look);
    },
  };
}

function story(job) {
  const kind = job.type === "transcription" ? "" : `${kindWord(job.type)} · `;
  if (job.status === "completed") return kind + [`took ${span(Math.max(1, Math.round(secondsBetween(job.started_at, job.ended_at))))}`, ...job.warnings.map(withoutSettings)].join(" · ");
  const { message, estimate } = standing(job);
  return kind + message + estimate;
}

// The filter is in the page's address, so that it is still there on the way back from a job.
function readFilters(parts) {
  const given = new URLSearchParams(location.search);
  const filters = { state: given.get("state") in STATES ? given.get("state") : "", kind: given.get("kind") ?? "", text: "", everybody: initial.admin && given.has("everybody") };
  if (filters.kind && !/^[a-z][a-z0-9_]{0,31}$/.test(filters.kind)) filters.kind = "";
  if (filters.kind) parts.kind.append(element("option", { value: filters.kind, text: kindWord(filters.kind), selected: true }));
  if (parts.everybody) parts.everybody.checked = filters.everybody;
  parts.text.value = ""; // a browser puts back what stood there
  press(parts, filters);
  return filters;
}

function keepFilters({ state, kind, everybody }) {
  const kept = new URLSearchParams(Object.entries({ state, kind, everybody: everybody ? "1" : "" }).filter(([, value]) => value));
  history.replaceState(null, "", kept.size ? `/?${kept}` : "/");
}

function press(parts, filters) {
  for (const chip of parts.states.querySelectorAll("button")) chip.setAttribute("aria-pressed", String(chip.value === filters.state));
}
