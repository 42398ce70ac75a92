// One's own account: make a token, which is shown this once, and take one back.

import { ask, initial } from "./api.js";
import { ago, bytes, element, setBar, setText, span } from "./words.js";

const DAY_MS = 86_400_000;
const at = (id) => document.getElementById(id);
const USES = {
  upload_bytes: { name: "Uploads in a day", said: bytes },
  audio_minutes: { name: "Recordings in a day", said: (minutes) => span(minutes * 60) },
  requests: { name: "Requests in a minute", said: String },
};
const day = (stamp) => new Date(stamp).toLocaleDateString([], { dateStyle: "medium" });

let tokens = initial.tokens;
let doubted = null; // id of the token about which we ask whether it is meant

at("since").textContent = day(initial.created_at);
show();
showUse(initial.limits ?? {});

at("new-token").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [label, days, button] = [at("label").value.trim(), at("ends").value, event.submitter];
  const ends = days ? { expires_at: new Date(Date.now() + days * DAY_MS).toISOString() } : {};
  button.disabled = true;
  await attempt(async () => {
    const { token, ...made } = (await ask("/api/me/tokens", { method: "POST", json: { label, ...ends } })).body;
    tokens = [made, ...tokens];
    event.target.reset();
    show();
    reveal(made.label, token);
  });
  button.disabled = false;
});

at("fresh-done").addEventListener("click", () => {
  at("fresh").hidden = true;
  for (const id of ["fresh-token", "fresh-curl"]) at(id).textContent = ""; // not to be found on a page left open
  at("label").focus();
});

for (const button of document.querySelectorAll("[data-copies]")) button.addEventListener("click", () => copy(button));

function reveal(label, token) {
  setText(at("fresh-title"), `Your new token “${label}”`);
  at("fresh-token").textContent = token;
  at("fresh-curl").textContent = `curl -H "Authorization: Bearer ${token}" ${location.origin}/api/me`;
  for (const button of document.querySelectorAll("[data-copies]")) setText(button, "Copy");
  at("fresh").hidden = false;
  at("fresh").focus();
}

async function copy(button) {
  const source = at(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent);
    setText(button, "Copied");
    setText(at("said"), "Copied");
  } catch { // plain http in a local network has no clipboard: what is marked can be copied by hand
    getSelection().selectAllChildren(source);
    setText(button, "Marked");
  }
}

// What is used of each limit there is; admins have none.
export function showUse(limits) {
  const rows = Object.entries(USES).filter(([name]) => limits[name]?.limit).map(([name, use]) => {
    const { limit, remaining, resets_in_seconds: wait } = limits[name];
    const later = remaining < limit ? `, free again in ${span(Math.ceil(wait / 60) * 60)}` : "";
    const bar = element("div", { className: "bar thin", role: "progressbar", "aria-label": use.name, "aria-valuemin": "0", "aria-valuemax": "100" }, element("div"));
    setBar(bar, (100 * (limit - remaining)) / limit, remaining > 0 ? "" : "failed");
    return element("li", {},
      element("span", { className: "between wraps" },
        element("span", { text: use.name }),
        element("span", { className: "number", text: `${use.said(limit - remaining)} of ${use.said(limit)}${name === "requests" ? "" : later}` })),
      bar);
  });
  at("use").replaceChildren(...rows);
  at("use-card").hidden = rows.length === 0;
}

function show() {
  at("tokens").replaceChildren(...tokens.map(row));
}

function row(token) {
  const name = token.label || "Without a label";
  const ends = token.expires_at ? `ends ${day(token.expires_at)}` : "has no end";
  const used = token.current ? "in use" : token.last_used_at ? `used ${ago(token.last_used_at)}` : "never used";
  return element("li", {},
    element("span", { className: "name" },
      element("span", { text: name }),
      token.current && element("span", { className: "badge completed", text: "This browser" })),
    element("span", { className: "more" },
      ...[`made ${ago(token.created_at)}`, used, ends].map((text) => element("span", { text })),
      element("code", { text: token.id, title: "The token's id, for scripts.admin users revoke" })),
    doubted === token.id ? doubt(token) : element("span", { className: "side" },
      element("button", { type: "button", className: "small danger", text: "Revoke", "aria-label": `Revoke ${name}`, onclick: () => askWhether(token) })));
}

function doubt(token) {
  const what = token.current ? "This browser is signed out at once, and what else uses it." : "What uses it is shut out at once.";
  return element("span", { className: "sure" },
    element("span", { text: what }),
    element("span", { className: "side" },
      element("button", { type: "button", className: "small", id: "keep", text: "Keep it", onclick: () => askWhether(null) }),
      element("button", { type: "button", className: "small danger", id: "revoke", text: "Revoke", onclick: () => revoke(token) })));
}

function askWhether(token) {
  doubted = token?.id ?? null;
  show();
  at("keep")?.focus(); // so that a second Enter by mistake ends nothing
}

async function revoke(token) {
  await attempt(async () => {
    await ask(`/api/me/tokens/${token.id}`, { method: "DELETE" });
    if (token.current) return location.assign("/signin");
    tokens = tokens.filter((one) => one.id !== token.id);
    askWhether(null);
    setText(at("said"), `${token.label} was revoked`);
    at("tokens-title").focus();
  });
}

async function attempt(change) {
  at("wrong").hidden = true;
  try {
    await change();
  } catch (error) {
    setText(at("wrong"), error.message);
    at("wrong").hidden = false;
  }
}
