import assert from "node:assert/strict";
import { test } from "node:test";

import { follow, waitBefore } from "../../../gensx-http/src/console/assets/live.js";

const line = (seq, type = "text") => `${JSON.stringify({ id: `e-${seq}`, type })}\n`;
const bytes = (text) => new TextEncoder().encode(text);

/** A body that gives these pieces and then ends. */
function body(pieces) {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(typeof piece === "string" ? bytes(piece) : piece);
      controller.close();
    },
  });
}

const ok = (pieces) => ({ status: 200, ok: true, headers: new Headers(), body: body(pieces) });
const status = (status, headers = {}) => ({ status, ok: false, headers: new Headers(headers) });

/** Follows a server that gives these answers, one to each request. */
async function run(answers, from = null) {
  const seen = { urls: [], events: [], states: [], resets: 0, waits: [], refused: null };
  const stop = new AbortController();
  await follow({
    url: "runs/a/events",
    from,
    ask: async (url, { headers }) => {
      assert.equal(headers.accept, "application/x-ndjson");
      seen.urls.push(url);
      const answer = answers.shift();
      if (!answer) throw (stop.abort(), new Error("no more"));
      if (answer instanceof Error) throw answer;
      return answer;
    },
    take: (events) => seen.events.push(...events.map((event) => event.id)),
    reset: () => {
      seen.resets += 1;
      seen.events = [];
    },
    state: (word, refused) => {
      seen.states.push(word);
      seen.refused = refused?.status ?? seen.refused;
    },
    wait: async (ms) => seen.waits.push(ms),
    random: () => 0.5,
    signal: stop.signal,
  });
  return seen;
}

test("lines are put together from pieces, also within a sign", async () => {
  const text = bytes(`${JSON.stringify({ id: "e-1", type: "text", text: "\u{1F30A}" })}\n${line(2, "run.ended")}`);
  const cuts = [3, 41, 42, 43, 60].map((at, index, all) => text.slice(all[index - 1] ?? 0, at));
  const seen = await run([ok([...cuts, text.slice(60)])]);
  assert.deepEqual(seen.events, ["e-1", "e-2"]);
  assert.deepEqual(seen.states, ["connecting", "live", "ended"]);
});

test("it goes on behind the last complete line, and takes none twice", async () => {
  const half = line(3).slice(0, 9);
  const seen = await run([ok([line(1), "\n", line(2), half]), ok([line(3), line(4, "run.ended")])]);
  assert.deepEqual(seen.events, ["e-1", "e-2", "e-3", "e-4"]);
  assert.deepEqual(seen.urls, ["runs/a/events?offset=-1", "runs/a/events?offset=e-2"]);
});

test("a reader that was away goes on where it was", async () => {
  const seen = await run([ok([line(8, "run.ended")])], "e-7");
  assert.deepEqual(seen.urls, ["runs/a/events?offset=e-7"]);
});

test("a position that is gone begins anew", async () => {
  const seen = await run([ok([line(1)]), status(410), ok([line(1), line(2, "run.ended")])]);
  assert.equal(seen.resets, 1);
  assert.deepEqual(seen.events, ["e-1", "e-2"]);
  assert.equal(seen.urls[2], "runs/a/events?offset=-1");
});

test("lost connections wait longer each time, and from the beginning after news", async () => {
  const lost = () => new TypeError("network");
  const seen = await run([lost(), lost(), lost(), ok([line(1)]), lost(), ok([line(2, "run.ended")])]);
  assert.ok(seen.waits[0] < seen.waits[1] && seen.waits[1] < seen.waits[2], `${seen.waits}`);
  assert.equal(seen.waits[4], seen.waits[0]);
  assert.equal(seen.states.filter((word) => word === "lost").length, 4);
});

test("a busy server says when to come back", async () => {
  const seen = await run([status(503, { "retry-after": "2" }), ok([line(1, "run.ended")])]);
  assert.equal(seen.waits[0], 2_000);
});

test("a refusal ends it", async () => {
  for (const code of [401, 403, 404]) {
    const seen = await run([status(code), ok([line(1)])]);
    assert.deepEqual([seen.states.at(-1), seen.refused, seen.urls.length], ["refused", code, 1]);
  }
});

test("integers of 64 bits stay as they are", async () => {
  const big = '{"id":"e-1","type":"x","data":[18446744073709551615,-9007199254740993,7,0.1]}';
  const seen = [];
  const stop = new AbortController();
  const ask = async () => ok([`${big}\n${line(2, "run.ended")}`]);
  await follow({
    url: "u",
    ask,
    take: (events) => seen.push(...events),
    reset() {},
    state() {},
    wait: async () => {},
    signal: stop.signal,
  });
  // Node 20 cannot keep them; browsers of these years can, which the walk through a hostile run sees.
  const kept = JSON.rawJSON
    ? "[18446744073709551615,-9007199254740993,7,0.1]"
    : "[18446744073709552000,-9007199254740992,7,0.1]";
  assert.equal(JSON.stringify(seen[0].data), kept);
});

test("nothing is taken any more after it was said that it is enough", async () => {
  const stop = new AbortController();
  const taken = [];
  await follow({
    url: "u",
    ask: async () => ok([line(1)]),
    take: (events) => taken.push(...events),
    reset() {},
    state: (word) => word === "live" && stop.abort(),
    wait: async () => {},
    signal: stop.signal,
  });
  assert.deepEqual(taken, []);
});

test("waits are bounded and spread", () => {
  assert.ok(waitBefore(1_000, () => 1) <= 10_000);
  assert.ok(waitBefore(0, () => 0) > 0);
  assert.notEqual(
    waitBefore(5, () => 0.1),
    waitBefore(5, () => 0.9),
  );
});
