// Reads a run's events to their end, across lost connections. What it needs of the world is given to it.

import { parseExact } from "./exact.js";

/** The shortest and the longest wait before a lost connection is made again, in milliseconds. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/** How long to wait before the next attempt: doubled each time, with full jitter. */
export function waitBefore(failures, random) {
  const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
  return Math.round(FIRST_WAIT_MS / 2 + random() * (most - FIRST_WAIT_MS / 2));
}

/**
 * Follows `url` until the last event, or until `signal` says that it is enough.
 *
 * `ask(url, options)` is a fetch; `take(events)` gets what came, in order; `reset()` says that the position is gone and
 * everything comes anew; `state(word, error)` says `connecting`, `live`, `lost`, `ended` or `refused`. It goes on behind
 * `from`, the id of the last event that was taken.
 */
export async function follow({ url, ask, from = null, take, reset, state, wait, random = Math.random, signal }) {
  const at = { last: from, failures: 0, ended: false };
  while (!signal.aborted) {
    // A stream that ended in its own time is opened anew without a word.
    if (at.failures > 0 || at.last === null) state("connecting");
    const outcome = await sitting({ url, ask, at, take, state, signal });
    if (signal.aborted) return;
    if (at.ended) return state("ended");
    if (outcome.refused) return state("refused", outcome.refused);
    if (outcome.gone) {
      at.last = null;
      reset();
    }
    if (outcome.failed) {
      state("lost", outcome.failed);
      at.failures += 1;
    }
    await wait(Math.max(outcome.after ?? 0, waitBefore(at.failures, random)), signal);
  }
}

/** One connection: how it ended. */
async function sitting({ url, ask, at, take, state, signal }) {
  try {
    const headers = { accept: "application/x-ndjson" };
    const answer = await ask(`${url}?offset=${at.last ?? "-1"}`, { headers, signal });
    if (answer.status === 410) return { gone: true };
    if (answer.status === 204) {
      at.ended = true;
      return {};
    }
    if (!answer.ok) return refusal(answer);
    state("live");
    await lines(answer.body, (events) => {
      // Whoever said that it is enough goes on, later, behind what was taken until then.
      if (signal.aborted) return;
      at.failures = 0;
      at.last = events.at(-1).id ?? at.last;
      at.ended ||= events.some((event) => event.type === "run.ended");
      take(events);
    });
    return {};
  } catch (error) {
    return { failed: error };
  }
}

/** What is worth another attempt, and what is not until somebody does something about it. */
function refusal(answer) {
  const passing = answer.status >= 500 || answer.status === 429 || answer.status === 408;
  if (!passing) return { refused: answer };
  const after = Number(answer.headers.get("retry-after")) * 1_000;
  return { failed: new Error(`the server answered ${answer.status}`), after: Math.min(after || 0, LONGEST_WAIT_MS) };
}

/** Gives the events of the complete lines; what stands behind the last line end is not one. */
async function lines(body, take) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = parts.pop();
      const events = parts.filter((line) => line.trim() !== "").map((line) => parseExact(line));
      if (events.length > 0) take(events);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Waits, unless the signal comes first. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
