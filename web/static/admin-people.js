// People: who may sign in, added and removed, and the token that a new one is given.

import { ask, initial } from "./api.js";
import { askFor } from "./dialog.js";
import { table } from "./tables.js";
import { ago, element } from "./words.js";

const at = (id) => document.getElementById(id);

const draw = table(at("people"), "People", [
  { head: "Person", by: (one) => one.user, className: "name", cell: (one) => [one.user, element("span", { className: "sub", text: one.role === "admin" ? "admin" : "" })] },
  { head: "Organisation", by: (one) => one.org, cell: (one) => one.org },
  { head: "Tokens", short: "tokens", by: (one) => one.tokens, className: "count", cell: (one) => String(one.tokens) },
  { head: "Last seen", short: "seen", by: (one) => one.last_used_at ?? "", cell: (one) => (one.last_used_at ? ago(one.last_used_at) : "never") },
  { head: "Change", className: "does", cell: changes },
]);

function changes(one) {
  const button = (text, label, act) => element("button", { type: "button", className: "small", text, "aria-label": `${label} ${one.user}`, "data-key": `${text}-${one.user}`, onclick: act });
  const itself = one.user === initial.user;
  return [
    button("New token", "New token for", () => newToken(one)),
    !itself && button(one.role === "admin" ? "Make user" : "Make admin", "Change the role of", () => changeRole(one)),
    !itself && button("Remove", "Remove", () => removePerson(one)),
  ].filter(Boolean);
}

export async function readPeople() {
  if (!initial.people) return;
  const { body } = await ask("/api/users");
  at("people-card").hidden = at("people-link").hidden = false;
  draw(body.users);
}

function addPerson() {
  askFor({
    title: "Add a person", does: "Add", says: "They sign in with the token that is shown next.",
    fields: [
      { name: "user", label: "Name: small letters, digits and _ . @ -", required: true, maxlength: 64 },
      { name: "org", label: "Organisation: whose jobs wait for each other", required: true, maxlength: 40 },
      { name: "role", label: "Role", options: [["user", "User: own jobs"], ["admin", "Admin: everything"]], value: "user" },
    ],
    act: async (values) => {
      const { body } = await ask("/api/users", { method: "POST", json: values });
      showSecret(`${body.user} was added; this is the token.`, body.token);
      await readPeople();
    },
  });
}

function newToken(one) {
  askFor({
    title: `A new token for ${one.user}`, does: "Make it", says: "Those that are there stay valid.",
    fields: [{ name: "label", label: "What it is for", value: "handed out by an admin", required: true, maxlength: 60 }],
    act: async (values) => {
      const { body } = await ask(`/api/users/${encodeURIComponent(one.user)}/tokens`, { method: "POST", json: values });
      showSecret(`A new token for ${one.user}.`, body.token);
      await readPeople();
    },
  });
}

function changeRole(one) {
  const role = one.role === "admin" ? "user" : "admin";
  askFor({
    title: `Make ${one.user} ${role === "admin" ? "an admin" : "a user"}?`, does: role === "admin" ? "Make admin" : "Make user",
    says: role === "admin" ? "Admins see and steer every job, all queues, and who may sign in." : "Users see and steer their own jobs.",
    act: async () => {
      await ask(`/api/users/${encodeURIComponent(one.user)}`, { method: "PATCH", json: { role } });
      await readPeople();
    },
  });
}

function removePerson(one) {
  askFor({
    title: `Remove ${one.user}?`, does: "Remove", danger: true, says: "Their tokens and sessions end at once. Their jobs stay, and go on.",
    act: async () => {
      await ask(`/api/users/${encodeURIComponent(one.user)}`, { method: "DELETE" });
      await readPeople();
    },
  });
}

function showSecret(text, token) {
  at("secret-for").textContent = text;
  at("secret-token").textContent = token;
  at("secret").hidden = false;
  at("copy").textContent = "Copy";
}

at("add-person").addEventListener("click", addPerson);
at("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(at("secret-token").textContent);
    at("copy").textContent = "Copied";
  } catch { // not offered on plain http in a local network
    getSelection().selectAllChildren(at("secret-token"));
    at("copy").textContent = "Selected: copy it now";
  }
});
