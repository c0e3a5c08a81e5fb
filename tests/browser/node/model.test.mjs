import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ago, duration, plural } from "../../../gensx-http/src/console/assets/format.js";
import { MAX_RAW_EVENTS, MAX_TEXTS_OF_CALL, newRun, push } from "../../../gensx-http/src/console/assets/model.js";
import {
  ATTEMPTS_SHOWN,
  counts,
  hint,
  marks,
  rows,
  segments,
  stages,
  title,
} from "../../../gensx-http/src/console/assets/rows.js";

const ROOT = "f".repeat(32);

/** A run of these events; each gets an id, and a time a second behind the last one unless it has its own. */
function fold(...events) {
  const run = newRun("r");
  events.forEach((event, at) => push(run, { id: `1-${at + 1}`, v: 1, time: (at + 1) * 1_000, ...event }));
  return run;
}

const begin = (more) => ({ type: "run.started", name: "blog", origin: "r", ...more });
const start = (call, name, more) => ({ type: "component.started", call, attempt: 1, parent: ROOT, name, ...more });
const end = (call, more) => ({ type: "component.ended", call, attempt: 1, status: "succeeded", output: 1, ...more });
const text = (call, text, more) => ({ type: "text", call, attempt: 1, name: "draft", text, ...more });
const join = (text) => text.pieces.join("");

test("calls stand below those that built them", () => {
  const run = fold(
    begin({ version: 2, input: { a: 1 } }),
    start("a", "outer"),
    start("b", "inner", { parent: "a", label: "In" }),
    end("b"),
    end("a"),
  );
  const [outer] = run.root.children;
  assert.equal(outer.name, "outer");
  assert.deepEqual(outer.children.map(title), ["In"]);
  assert.deepEqual([run.workflow, run.version, run.root.input, run.status], ["blog", 2, { a: 1 }, "running"]);
  assert.deepEqual(counts(run), { succeeded: 2 });
});

test("what the workflow's own body says is the run's", () => {
  const run = fold(begin(), start("a", "part"), text(ROOT, "from the body"), text("a", "from the part"));
  assert.equal(join(run.root.texts[0]), "from the body");
  assert.equal(join(run.calls.get("a").texts[0]), "from the part");
  const first = fold(begin(), text(ROOT, "before any call"), start("a", "part"));
  assert.equal(join(first.root.texts[0]), "before any call");
  assert.equal(first.calls.size, 1);
});

test("a retry supersedes what the attempt streamed, whichever number it bears", () => {
  for (const attempt of [1, 2]) {
    const run = fold(
      begin(),
      start("a", "part"),
      text("a", "old"),
      {
        type: "component.retried",
        call: "a",
        attempt,
        error: { kind: "failed", message: "busy" },
        delay_ms: 500,
        due_ms: 4_500,
      },
      text("a", "new ", { attempt: 2 }),
      text("a", "text", { attempt: 2 }),
      end("a", { attempt: 2 }),
    );
    const call = run.calls.get("a");
    assert.deepEqual(
      call.texts.map((text) => [join(text), text.superseded, text.attempt]),
      [
        ["old", true, 1],
        ["new text", false, 2],
      ],
    );
    assert.deepEqual(
      call.attempts.map(({ number, startedAt, endedAt }) => [number, startedAt, endedAt]),
      [
        [1, 2_000, 4_000],
        [2, 4_500, 7_000],
      ],
    );
    assert.deepEqual(
      segments(call, 9_000).map((piece) => piece.state),
      ["retried", "succeeded"],
    );
    assert.equal(run.retries, 1);
    assert.deepEqual(marks(call), ["2 attempts"]);
  }
});

test("channels are apart, and pieces are appended", () => {
  const run = fold(begin(), start("a", "part"), text("a", "1"), text("a", "x", { name: "aside" }), text("a", "2"));
  assert.deepEqual(
    run.calls.get("a").texts.map((text) => [text.channel, join(text)]),
    [
      ["draft", "12"],
      ["aside", "x"],
    ],
  );
});

test("a resumed call supersedes what it streamed before, and what was recorded is marked as replayed", () => {
  const run = fold(
    begin(),
    start("a", "done"),
    end("a"),
    start("b", "open"),
    text("b", "half"),
    { type: "run.claimed", name: "other", deployment: "green", moved_from: "blue" },
    start("b", "open", { resumed: true }),
    text("b", "whole"),
    end("b"),
  );
  const [done, open] = [run.calls.get("a"), run.calls.get("b")];
  assert.deepEqual(marks(done), ["replayed"]);
  assert.deepEqual([open.resumed, open.replayed, open.attempts.length], [true, false, 2]);
  assert.deepEqual(
    open.texts.map((text) => [join(text), text.superseded]),
    [
      ["half", true],
      ["whole", false],
    ],
  );
  assert.deepEqual([run.claims, run.deployment, run.movedFrom], [1, "green", "blue"]);
});

test("where an outcome came from is marked", () => {
  for (const from of ["cached", "fallback", "carried"]) {
    const run = fold(begin(), start("a", "part"), end("a", { from }), { type: "run.claimed" });
    assert.equal(marks(run.calls.get("a"))[0], from);
  }
});

test("objects are the run's, by patches", () => {
  const patch = (call, data) => ({ type: "object", call, attempt: 1, name: "outline", data });
  const run = fold(
    begin(),
    start("a", "one"),
    start("b", "two"),
    patch("a", [{ op: "replace", path: "", value: { headings: [] } }]),
    patch("b", [{ op: "add", path: "/headings/0", value: "Tides" }]),
  );
  assert.deepEqual(run.objects.get("outline"), { value: { headings: ["Tides"] }, patches: 2, broken: null });
  assert.ok(run.calls.get("a").objects.has("outline") && run.calls.get("b").objects.has("outline"));
  push(run, { id: "1-6", time: 1, ...patch("b", [{ op: "remove", path: "/nowhere" }]) });
  assert.ok(run.objects.get("outline").broken);
  assert.deepEqual(run.objects.get("outline").value, { headings: ["Tides"] }, "the last state that was right stays");
});

test("inputs are waited for until one comes, or the run ends", () => {
  const ask = { type: "input.requested", call: "i", attempt: 1, parent: ROOT, name: "approval", due_ms: 9 };
  const waiting = fold(begin(), ask, {
    type: "input.rejected",
    call: "i",
    attempt: 1,
    name: "approval",
    text: "no boolean",
    message: 1,
  });
  assert.deepEqual(
    [...waiting.waiting.values()].map((call) => [call.name, call.dueAt, call.rejected[0].text]),
    [["approval", 9, "no boolean"]],
  );
  const got = fold(begin(), ask, {
    type: "input.received",
    call: "i",
    attempt: 1,
    name: "approval",
    data: { ok: true },
    message: 2,
  });
  assert.equal(got.waiting.size, 0);
  assert.deepEqual([got.calls.get("i").status, got.calls.get("i").output], ["succeeded", { ok: true }]);
  const over = fold(begin(), ask, { type: "run.ended", status: "cancelled" });
  assert.deepEqual([over.waiting.size, over.calls.get("i").status, over.root.status], [0, "cancelled", "cancelled"]);
});

test("sleepers wake", () => {
  const set = { type: "timer.set", call: "t", attempt: 1, parent: ROOT, delay_ms: 5, due_ms: 7 };
  assert.equal(fold(begin(), set).calls.get("t").status, "sleeping");
  assert.equal(fold(begin(), set, { type: "timer.fired", call: "t", attempt: 1 }).calls.get("t").status, "succeeded");
});

test("tokens are added up, by model, and costs where there are any", () => {
  const usage = (call, usage) => ({ type: "usage", call, attempt: 1, usage });
  const run = fold(
    begin(),
    start("a", "one"),
    usage("a", { model: "m", input_tokens: 3, output_tokens: 4 }),
    usage("a", { model: "m", input_tokens: 5, cost: 0.25 }),
    usage(ROOT, {}),
  );
  assert.deepEqual([run.usage.input, run.usage.output, run.usage.cost], [8, 4, 0.25]);
  assert.deepEqual(run.calls.get("a").usage.models.get("m"), { calls: 2, input: 8, output: 4 });
});

test("an end is the root's, and ends what is open", () => {
  const error = { kind: "failed", message: "failed", causes: ["why"] };
  const run = fold(begin(), start("a", "open"), { type: "run.ended", status: "failed", error });
  assert.deepEqual([run.status, run.endedAt, run.root.error, run.root.status], ["failed", 3_000, error, "failed"]);
  assert.deepEqual([run.calls.get("a").status, run.calls.get("a").endedAt], ["cancelled", 3_000]);
});

test("a queued run runs once it is claimed", () => {
  assert.equal(fold(begin({ queued: {} })).status, "queued");
  assert.equal(fold(begin({ queued: {} }), { type: "run.claimed" }).status, "running");
});

test("kinds, fields and calls of newer versions break nothing", () => {
  const run = fold(
    begin({ plan: { name: "w", stages: [{ name: "s", kind: "teleport" }] } }),
    { type: "of.a.newer.version", call: "z" },
    start("a", "part", { more: [1] }),
    { type: "text", call: "nobody" },
    {},
  );
  assert.equal(run.count, 5);
  assert.equal(run.raw.length, 5);
  assert.equal(stages(run)[0].state, "to come");
});

test("the events that are kept are bounded", () => {
  const run = newRun("r");
  for (let seq = 1; seq <= MAX_RAW_EVENTS * 2 + 1; seq += 1)
    push(run, { id: `1-${seq}`, type: "text", call: ROOT, name: "c", text: "x", time: seq });
  assert.equal(run.raw.length + run.dropped, run.count);
  assert.ok(run.raw.length <= MAX_RAW_EVENTS * 2);
  assert.equal(run.root.texts[0].pieces.length, run.count);
});

test("the texts and the attempts that are shown of a call are bounded, and the last ones stay", () => {
  const events = [begin(), start("a", "part")];
  for (let attempt = 1; attempt <= MAX_TEXTS_OF_CALL + 5; attempt += 1) {
    events.push(text("a", `t${attempt}`, { attempt }), {
      type: "component.retried",
      call: "a",
      attempt,
      error: {},
      delay_ms: 0,
    });
  }
  const call = fold(...events).calls.get("a");
  assert.equal(call.texts.length, MAX_TEXTS_OF_CALL);
  assert.equal(join(call.texts.at(-1)), `t${MAX_TEXTS_OF_CALL + 5}`);
  assert.equal(segments(call, 9e9).length, ATTEMPTS_SHOWN);
  assert.equal(segments(call, 9e9).at(-1).number, MAX_TEXTS_OF_CALL + 6);
});

test("times are said in the largest units that tell them apart", () => {
  const said = {
    0: "0 ms",
    999: "999 ms",
    1_000: "1.0 s",
    9_949: "9.9 s",
    9_999: "10 s",
    59_400: "59 s",
    60_000: "1 min 00 s",
    3_599_400: "59 min 59 s",
    3_600_000: "1 h 00 min",
    90_000_000: "1 d 1 h",
  };
  for (const [ms, text] of Object.entries(said)) assert.equal(duration(Number(ms)), text);
  assert.deepEqual(
    [duration(-5), duration(null), plural(1, "call"), plural(2_000, "call")],
    ["0 ms", "", "1 call", "2,000 calls"],
  );
});

test("what is past is said in whole seconds", () => {
  assert.deepEqual([ago(0, 1_999), ago(0, 3_400), ago(0, 90_000)], ["just now", "3 s ago", "1 min 30 s ago"]);
});

test("rows are the tree, without what is closed or not looked for", () => {
  const run = fold(begin(), start("a", "outer"), start("b", "inner", { parent: "a" }), start("c", "other"));
  const names = (closed, query) => rows(run, new Set(closed), query).map(({ call, level }) => `${level} ${call.name}`);
  assert.deepEqual(names([]), ["1 blog", "2 outer", "3 inner", "2 other"]);
  assert.deepEqual(names([1]), ["1 blog", "2 outer", "2 other"]);
  assert.deepEqual(names([1], "INNER"), ["1 blog", "2 outer", "3 inner"]);
  assert.deepEqual(names([], "nothing"), ["1 blog"]);
});

test("a call is told from its like by its label, its key, or its inputs", () => {
  const of = (more) => hint(fold(begin(), start("a", "part", more)).calls.get("a"));
  assert.equal(of({ label: "L", input: { a: 1 } }), "part");
  assert.equal(of({ key: "k", input: { a: 1 } }), "k");
  const input = { text: "x".repeat(99), list: [1, 2], object: { a: 1 }, more: 1 };
  assert.equal(of({ input }), `text: ${"x".repeat(24)}\u2026, list: [2], object: {\u2026}`);
  assert.equal(of({ input: { none: null, number: 7 } }), "none: null, number: 7");
  assert.equal(of({}), "");
});

test("stages are over, at work or to come", () => {
  const plan = {
    name: "blog",
    stages: [
      { name: "research", kind: "component" },
      { name: "split", kind: "map" },
      { name: "each", kind: "for_each", stages: [{ name: "write", kind: "component" }] },
      { name: "edit", kind: "component", label: "Final edit" },
    ],
  };
  const stand = (...events) => stages(fold(begin({ plan }), ...events)).map((stage) => stage.state);
  assert.deepEqual(stand(), ["to come", "to come", "to come", "to come"]);
  assert.deepEqual(stand(start("a", "research")), ["running", "to come", "to come", "to come"]);
  const written = [start("a", "research"), end("a"), start("b", "write"), start("c", "write"), end("c")];
  assert.deepEqual(stand(...written), ["done", "passed", "running", "to come"]);
  assert.deepEqual(stand(...written, end("b"), start("d", "edit"), end("d", { status: "failed", error: {} })), [
    "done",
    "passed",
    "done",
    "failed",
  ]);
  assert.deepEqual(stand({ type: "run.ended", status: "succeeded" }), ["passed", "passed", "passed", "passed"]);
  assert.equal(stages(fold(begin({ plan }))).at(-1).name, "Final edit");
});

test("a component that stands twice in a plan takes its calls in turn", () => {
  const plan = {
    name: "w",
    stages: [
      { name: "edit", kind: "component" },
      { name: "edit", kind: "component" },
    ],
  };
  const run = fold(begin({ plan }), start("a", "edit"), end("a"), start("b", "edit"));
  assert.deepEqual(
    stages(run).map((stage) => stage.state),
    ["done", "running"],
  );
});

test("a workflow of one component stands as the run does", () => {
  const plan = { name: "w", stages: [{ name: "w", kind: "component" }] };
  assert.deepEqual(
    stages(fold(begin({ plan }))).map((stage) => stage.state),
    ["running"],
  );
  assert.deepEqual(
    stages(fold(begin({ plan }), { type: "run.ended", status: "succeeded" })).map((stage) => stage.state),
    ["done"],
  );
});

test("every kind that the documentation shows is taken", () => {
  const page = readFileSync(new URL("../../../docs/events.md", import.meta.url), "utf8");
  const events = [...page.matchAll(/```json\n(.*?)\n```/gs)].map(([, json]) => JSON.parse(json));
  assert.ok(events.length > 15);
  const run = newRun("r");
  events.forEach((event) => push(run, event));
  assert.deepEqual([run.workflow, run.status, run.count], ["blog", "failed", events.length]);
});
