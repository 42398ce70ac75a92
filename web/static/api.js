// Ask the API as the person who is signed in. What it refuses becomes an Error whose message is its sentence.

const csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export const initial = JSON.parse(document.getElementById("initial")?.textContent ?? "null");

export class Refused extends Error {
  constructor(problem, status, retryAfter = null) {
    super(sentence(problem?.detail ?? problem?.title ?? `The server answered ${status}`));
    this.status = status;
    this.field = problem?.field ?? null;
    this.retryAfter = retryAfter === null ? null : Number(retryAfter); // seconds
  }
}

// → {status, body, etag}; body is null when there is none (204, 304). Throws Refused, or TypeError when nothing answers.
export async function ask(path, { method = "GET", etag, json } = {}) {
  const headers = { Accept: "application/json", "X-CSRF-Token": csrf };
  if (etag) headers["If-None-Match"] = etag;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, cache: "no-store", body: json === undefined ? undefined : JSON.stringify(json) });
  if (response.status === 401) signInAgain();
  if (response.status >= 400) throw new Refused(await response.json().catch(() => null), response.status, response.headers.get("Retry-After"));
  const body = response.status === 204 || response.status === 304 ? null : await response.json();
  return { status: response.status, body, etag: response.headers.get("ETag") };
}

// Send a form with a file, telling how far it is (0–1). → {done: Promise of the answer, stop}. Rejects with Refused, with
// Stopped, or with another Error when the connection broke off; the same `key` makes of what is sent again one job.
export function send(path, form, key, onProgress) {
  const request = new XMLHttpRequest(); // fetch cannot tell how much of a body has left
  const done = new Promise((resolve, reject) => {
    request.open("POST", path);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      if (request.status === 401) signInAgain();
      if (request.status >= 400) reject(new Refused(request.response, request.status, request.getResponseHeader("Retry-After")));
      else resolve(request.response);
    };
    request.onerror = () => reject(new Error("The connection broke off."));
    request.onabort = () => reject(new Stopped("Stopped."));
    request.send(form);
  });
  return { done, stop: () => request.abort() };
}

export class Stopped extends Error {}

export function randomKey() { // crypto.randomUUID is missing on plain http in a local network
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function signInAgain() {
  location.assign(`/signin?next=${encodeURIComponent(location.pathname)}`);
}

export function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
