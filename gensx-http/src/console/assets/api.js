// Requests to the API that this page lies beside. All paths are relative to the page.

const TOKEN = "gensx.token";

export const token = {
  get: () => sessionStorage.getItem(TOKEN) ?? "",
  set: (value) => (value ? sessionStorage.setItem(TOKEN, value) : sessionStorage.removeItem(TOKEN)),
};

/** How far the server's clock is ahead of this one, in milliseconds, where they differ by more than answers take. */
let ahead = 0;
export const serverNow = () => Date.now() + ahead;

export class ApiError extends Error {
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** `fetch`, with the token where there is one. */
export function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  const value = token.get();
  if (value) headers.set("authorization", `Bearer ${value}`);
  return fetch(path, { credentials: "same-origin", cache: "no-store", ...options, headers });
}

/** Asks, and gives the JSON of the answer, or throws what it says. */
export async function json(path, options) {
  const answer = await request(path, options);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

async function request(path, options) {
  let answer;
  try {
    answer = await ask(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "the server does not answer");
  }
  const date = Date.parse(answer.headers.get("date") ?? "");
  // The header is of whole seconds.
  if (date) ahead = Math.abs(date - Date.now()) > 2_000 ? date - Date.now() : 0;
  if (!answer.ok) throw await problem(answer);
  return answer;
}

/** What an answer that is none says of itself. */
export async function problem(answer) {
  const text = await answer.text().catch(() => "");
  let said = {};
  try {
    said = JSON.parse(text) ?? {};
  } catch {
    said = { error: text.slice(0, 300) };
  }
  const words = { 401: "who are you? Set a token above, or sign in", 403: "you may not do that" };
  const message = words[answer.status] ?? said.error ?? `the server answered ${answer.status}`;
  return new ApiError(answer.status, message || `the server answered ${answer.status}`, said.code);
}

const of = (run) => `runs/${encodeURIComponent(run)}`;

export const listRuns = (query, signal) => json(`runs?${query}`, { signal });
export const listWorkflows = (signal) => json("workflows", { signal });
export const eventsOf = (run) => `${of(run)}/events`;
export const cancel = (run) => json(`${of(run)}/cancel`, { method: "POST" });
export const retry = (run) => json(`${of(run)}/retry`, { method: "POST" });
export const remove = (run) => json(of(run), { method: "DELETE" });

export const send = (run, name, body, key) =>
  json(`${of(run)}/input/${encodeURIComponent(name)}`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body,
  });
