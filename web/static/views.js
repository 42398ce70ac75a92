// Tabs as the ARIA Authoring Practices have them: one is in the order of Tab, arrows lead to the others. What was chosen is kept.

const KEPT = "lectern.steps";

// → {show(id), current()}; `changed()` is called when another one is shown
export function tabs(list, fallback, changed) {
  const all = [...list.querySelectorAll("[role='tab']")];
  const idOf = (tab) => tab.getAttribute("aria-controls");
  let shown = null;

  function show(id) {
    shown = id;
    for (const tab of all) {
      const chosen = idOf(tab) === id;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(idOf(tab)).hidden = !chosen;
    }
    changed();
  }

  function choose(tab) {
    try {
      localStorage.setItem(KEPT, idOf(tab));
    } catch { /* a browser that keeps nothing */ }
    show(idOf(tab));
  }

  for (const [n, tab] of all.entries()) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const offered = all.filter((one) => !one.hidden);
      const next = offered[(offered.indexOf(all[n]) + step + offered.length) % offered.length];
      next.focus();
      choose(next);
    });
  }

  function kept() {
    try {
      return all.map(idOf).find((id) => id === localStorage.getItem(KEPT)) ?? fallback;
    } catch {
      return fallback;
    }
  }

  return { show, kept, current: () => shown };
}
