// The reading page's keys. Where somebody writes, or a control has use for a key itself, it is theirs.

const WRITES = "input:not([type=range]):not([type=checkbox]), textarea, select";
const PRESSED = "button, a[href], summary, input[type=checkbox]";

// `list` has the lines, one of which can be reached by Tab; told: toggle(), skip(seconds), play(place), edit(place), current().
export function keyboard(list, told) {
  const line = () => document.activeElement?.closest?.("li.line");

  function go(from, by) {
    let next = by > 0 ? from.nextElementSibling : from.previousElementSibling;
    while (next && next.place === undefined) next = by > 0 ? next.nextElementSibling : next.previousElementSibling;
    next?.focus();
  }

  list.addEventListener("focusin", (event) => {
    const made = event.target.closest("li.line");
    if (!made || made.tabIndex === 0) return;
    for (const other of list.querySelectorAll("li.line[tabindex='0']")) other.tabIndex = -1;
    made.tabIndex = 0;
  });

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches(WRITES)) return;
    const row = target.matches("li.line") ? target : null;
    const act = {
      " ": () => (target.matches(PRESSED) ? false : told.toggle()),
      ArrowLeft: () => (target.matches("[role=tab], .flash") ? false : told.skip(event.shiftKey ? -30 : -5)),
      ArrowRight: () => (target.matches("[role=tab], .flash") ? false : told.skip(event.shiftKey ? 30 : 5)),
      ArrowDown: () => (row ? go(row, 1) : false),
      ArrowUp: () => (row ? go(row, -1) : false),
      Enter: () => (row ? told.play(row.place) : false),
      e: () => told.edit(line()?.place ?? told.current()),
      "/": () => document.getElementById("find-words").focus(),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act && act() !== false) event.preventDefault();
  });
}
