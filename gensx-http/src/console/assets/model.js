// What a run's events say of it: a fold, from values to values. No clock, no page.

import { applyPatch, PatchError } from "./patch.js";

/** The most events that are kept as they came, for the tab that shows them. */
export const MAX_RAW_EVENTS = 10_000;
/** The most labelled events, and the most lines, that are kept of each call. */
export const MAX_NOTES_OF_CALL = 1_000;
/** The most texts that are kept of each call: one for each channel and attempt. */
export const MAX_TEXTS_OF_CALL = 200;

/** A run of which nothing has been read. */
export function newRun(id) {
  return {
    id,
    workflow: "",
    version: 0,
    status: "unknown",
    startedAt: null,
    endedAt: null,
    lastAt: null,
    plan: null,
    origin: null,
    retryOf: null,
    queued: null,
    deployment: null,
    movedFrom: null,
    /** How often another process took it over. */
    claims: 0,
    lastId: null,
    count: 0,
    retries: 0,
    usage: newUsage(),
    /** The workflow's own body; every call is below it. */
    root: newCall(null, null, "body", 0),
    rootId: null,
    calls: new Map(),
    waiting: new Map(),
    objects: new Map(),
    divergences: [],
    raw: [],
    dropped: 0,
    /** Raised when rows come, so that whoever shows them knows. */
    shape: 0,
  };
}

function newCall(id, parent, kind, order) {
  return {
    id,
    parent,
    kind,
    order,
    name: "",
    label: null,
    key: null,
    version: 0,
    fingerprint: null,
    status: "running",
    from: null,
    resumed: false,
    /** Its outcome was there when another process took the run over: it was replayed, and not run again. */
    replayed: false,
    startedAt: null,
    endedAt: null,
    dueAt: null,
    input: undefined,
    output: undefined,
    outputType: null,
    error: null,
    attempts: [],
    texts: [],
    notes: [],
    logs: [],
    objects: new Set(),
    rejected: [],
    progress: null,
    usage: newUsage(),
    children: [],
    /** Raised at each event of it. */
    revision: 0,
  };
}

const newUsage = () => ({ input: 0, output: 0, cost: null, models: new Map() });

/** Takes one event in. Kinds and fields of newer versions are counted, kept as they came, and otherwise ignored. */
export function push(run, event) {
  run.count += 1;
  run.lastId = event.id ?? run.lastId;
  run.lastAt = Math.max(run.lastAt ?? 0, event.time ?? 0);
  run.raw.push(event);
  if (run.raw.length > MAX_RAW_EVENTS * 2) {
    run.dropped += MAX_RAW_EVENTS;
    run.raw.splice(0, MAX_RAW_EVENTS);
  }
  kinds[event.type]?.(run, event);
  if (event.call) callOf(run, event).revision += 1;
  else run.root.revision += 1;
}

const kinds = {
  "run.started": begin,
  "run.claimed": claim,
  "run.ended": end,
  "component.started": started,
  "component.retried": retried,
  "component.ended": ended,
  text,
  event: (run, event) =>
    keep(callOf(run, event).notes, { label: event.label ?? "", data: event.data, time: event.time }),
  object,
  progress: (run, event) => (callOf(run, event).progress = { done: event.done ?? 0, total: event.total ?? null }),
  usage,
  log: (run, event) =>
    keep(callOf(run, event).logs, { level: event.level ?? "info", text: event.text ?? "", time: event.time }),
  "input.requested": requested,
  "input.rejected": (run, event) => keep(callOf(run, event).rejected, { text: event.text ?? "", time: event.time }),
  "input.received": received,
  "timer.set": timerSet,
  "timer.fired": (run, event) => settle(run, callOf(run, event), event, "succeeded"),
  divergence: (run, event) => keep(run.divergences, event),
};

function keep(list, item) {
  list.push(item);
  if (list.length > MAX_NOTES_OF_CALL) list.shift();
}

function begin(run, event) {
  run.workflow = event.name ?? "";
  run.version = event.version ?? 0;
  run.startedAt = event.time;
  run.status = event.queued ? "queued" : "running";
  run.plan = event.plan ?? null;
  run.origin = event.origin ?? null;
  run.retryOf = event.retry_of ?? null;
  run.queued = event.queued ?? null;
  const root = run.root;
  [root.name, root.version, root.input, root.startedAt] = [run.workflow, run.version, event.input, event.time];
  root.attempts = [newAttempt(1, event.time)];
  run.shape += 1;
}

function claim(run, event) {
  run.claims += 1;
  run.status = "running";
  run.deployment = event.deployment ?? run.deployment;
  run.movedFrom = event.moved_from ?? null;
  for (const call of run.calls.values()) if (call.endedAt !== null && call.from !== "carried") call.replayed = true;
  // The body begins anew, and is answered from the record.
  supersede(run.root);
}

function end(run, event) {
  run.status = event.status ?? "unknown";
  run.endedAt = event.time;
  settle(run, run.root, event, run.status);
  // Whatever the stream leaves open ended with the run.
  for (const call of run.calls.values())
    if (call.endedAt === null) settle(run, call, { time: event.time }, "cancelled");
  run.waiting.clear();
}

/** The call that an event is of. The run's own body has no event of its own: its id is the one that nothing introduced. */
function callOf(run, event) {
  if (!event.call || event.call === run.rootId) return run.root;
  const known = run.calls.get(event.call);
  if (known) return known;
  if (run.rootId === null) {
    run.rootId = event.call;
    return run.root;
  }
  return introduce(run, event, "unknown");
}

function introduce(run, event, kind) {
  const known = run.calls.get(event.call);
  if (known) return known;
  if (event.parent && run.rootId === null && !run.calls.has(event.parent)) run.rootId = event.parent;
  const parent = run.calls.get(event.parent) ?? run.root;
  const call = newCall(event.call, parent, kind, run.calls.size + 1);
  call.startedAt = event.time;
  run.calls.set(event.call, call);
  parent.children.push(call);
  run.shape += 1;
  return call;
}

const newAttempt = (number, startedAt) => ({ number, startedAt, endedAt: null, error: null, backoffUntil: null });

function started(run, event) {
  if (run.status === "queued") run.status = "running";
  const call = introduce(run, event, "component");
  const again = call.attempts.length > 0;
  call.name = event.name ?? "";
  call.label = event.label ?? null;
  call.key = event.key ?? null;
  call.version = event.version ?? 0;
  call.fingerprint = event.fingerprint ?? null;
  call.input = event.input;
  [call.status, call.endedAt, call.error, call.output, call.from] = ["running", null, null, undefined, null];
  call.replayed = false;
  if (event.resumed || again) {
    call.resumed = true;
    supersede(call);
    const last = call.attempts.at(-1);
    if (last && last.endedAt === null) last.endedAt = event.time;
  }
  call.attempts.push(newAttempt(event.attempt ?? 1, event.time));
}

function retried(run, event) {
  const call = callOf(run, event);
  const last = call.attempts.at(-1);
  run.retries += 1;
  supersede(call);
  call.status = "backing off";
  const until = event.due_ms ?? event.time + (event.delay_ms ?? 0);
  if (last) Object.assign(last, { endedAt: event.time, error: event.error ?? null });
  call.attempts.push(newAttempt(Math.max((last?.number ?? 0) + 1, event.attempt ?? 1), until));
}

function ended(run, event) {
  const call = callOf(run, event);
  call.output = event.output;
  call.outputType = event.output_type ?? null;
  call.from = event.from ?? null;
  settle(run, call, event, event.status ?? "succeeded");
}

function settle(run, call, event, status) {
  call.status = status;
  call.endedAt = event.time;
  call.error = event.error ?? null;
  if (event.output !== undefined) call.output = event.output;
  const last = call.attempts.at(-1);
  if (last && last.endedAt === null) {
    last.endedAt = event.time;
    last.error = event.error ?? null;
    last.startedAt = Math.min(last.startedAt, event.time);
  }
  run.waiting.delete(call.id);
}

/** What was streamed so far counts no longer. */
function supersede(call) {
  for (const text of call.texts) text.superseded = true;
}

function text(run, event) {
  const call = callOf(run, event);
  working(call);
  const channel = event.name ?? "";
  const attempt = event.attempt ?? 1;
  let text = last(call.texts, channel);
  if (!text || text.superseded || text.attempt !== attempt) {
    text = { channel, attempt, superseded: false, pieces: [], length: 0 };
    call.texts.push(text);
    if (call.texts.length > MAX_TEXTS_OF_CALL) call.texts.shift();
  }
  text.pieces.push(event.text ?? "");
  text.length += (event.text ?? "").length;
}

function last(texts, channel) {
  for (let at = texts.length - 1; at >= 0; at -= 1) if (texts[at].channel === channel) return texts[at];
  return undefined;
}

/** A call that says something is at work: whatever wait there was is over. */
function working(call) {
  if (call.status === "backing off") call.status = "running";
}

/** Objects are the run's, by their names; who published one shows it too. */
function object(run, event) {
  const call = callOf(run, event);
  working(call);
  const name = event.name ?? "";
  const known = run.objects.get(name) ?? { value: null, patches: 0, broken: null };
  try {
    known.value = applyPatch(known.value, event.data);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    known.broken = error.message;
  }
  known.patches += 1;
  run.objects.set(name, known);
  call.objects.add(name);
}

function usage(run, event) {
  const { model = "", input_tokens, output_tokens } = event.usage ?? {};
  const [input, output] = [counted(input_tokens), counted(output_tokens)];
  const cost = event.usage?.cost ?? event.cost ?? null;
  for (const used of [run.usage, callOf(run, event).usage]) {
    used.input += input;
    used.output += output;
    if (typeof cost === "number") used.cost = (used.cost ?? 0) + cost;
    const of = used.models.get(model) ?? { calls: 0, input: 0, output: 0 };
    used.models.set(model, { calls: of.calls + 1, input: of.input + input, output: of.output + output });
  }
}

const counted = (value) => (typeof value === "number" ? value : 0);

function requested(run, event) {
  const call = introduce(run, event, "input");
  call.name = event.name ?? "";
  call.status = "waiting";
  call.dueAt = event.due_ms ?? null;
  if (call.attempts.length === 0) call.attempts.push(newAttempt(1, event.time));
  run.waiting.set(call.id, call);
}

function received(run, event) {
  const call = callOf(run, event);
  settle(run, call, { time: event.time, output: event.data }, "succeeded");
}

function timerSet(run, event) {
  const call = introduce(run, event, "timer");
  call.name = "sleep";
  call.status = "sleeping";
  call.dueAt = event.due_ms ?? null;
  if (call.attempts.length === 0) call.attempts.push(newAttempt(1, event.time));
}
