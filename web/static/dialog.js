// Ask something in a dialog: to confirm, or to fill in a few fields. It stays open, with the reason, while what was asked for is refused.

import { element, setText } from "./words.js";

const at = (id) => document.getElementById(id);
let running = null;

// fields: [{name, label, type, value, options, …attributes}]; act: (values) => Promise, throws what is said.
export function askFor({ title, says = "", fields = [], does, danger = false, act }) {
  setText(at("dialog-title"), title);
  setText(at("dialog-says"), says);
  setText(at("dialog-do"), does);
  at("dialog-do").classList.toggle("danger", danger);
  at("dialog-wrong").hidden = true;
  at("dialog-fields").replaceChildren(...fields.map(({ name, label, options, value, ...more }) => element("label", { text: label },
    options ? choice(name, options, value) : element("input", { name, value, autocomplete: "off", spellcheck: "false", ...more }))));
  running = act;
  at("dialog").showModal();
  (at("dialog-fields").querySelector("input, select") ?? at("dialog-leave")).focus();
}

function choice(name, options, value) {
  return element("select", { name }, ...options.map(([key, text]) => element("option", { value: key, text, selected: key === value })));
}

at("dialog-leave")?.addEventListener("click", () => at("dialog").close());
at("dialog-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  at("dialog-do").disabled = true;
  try {
    await running(Object.fromEntries(new FormData(at("dialog-form"))));
    at("dialog").close();
  } catch (error) {
    setText(at("dialog-wrong"), error.message);
    at("dialog-wrong").hidden = false;
  }
  at("dialog-do").disabled = false;
});
