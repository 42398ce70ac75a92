// Where there is room for one column, tabs say which part is shown; where there is more, all parts are.

const tabs = () => [...document.querySelectorAll("#tabs [role=tab]")].filter((tab) => !tab.hidden);
const part = (tab) => tab.id.replace("tab-", "");

export function showTab(name) {
  for (const tab of tabs()) {
    const chosen = part(tab) === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  document.getElementById("columns").dataset.shown = name;
}

// The parts that there are may have changed.
export function drawTabs() {
  const there = tabs();
  if (!there.some((tab) => tab.getAttribute("aria-selected") === "true")) showTab(part(there[0]));
}

document.getElementById("tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) showTab(part(tab));
});
document.getElementById("tabs").addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const there = tabs();
  if (!by || !there.includes(event.target)) return;
  const next = there[(there.indexOf(event.target) + by + there.length) % there.length];
  showTab(part(next));
  next.focus();
});
