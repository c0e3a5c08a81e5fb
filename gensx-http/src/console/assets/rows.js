// What a tree of calls shows, and how its stages stand: functions of a run as it was read. No page.

import { isExact } from "./exact.js";

/** The most attempts of a call that are shown: its last ones. */
export const ATTEMPTS_SHOWN = 100;

/** The rows of a tree: calls in the order in which they began, those below closed ones left out. */
export function rows(run, closed, query = "") {
  const wanted = query.trim() ? matching(run, query.trim().toLowerCase()) : null;
  const found = [];
  const walk = (call, level, position, siblings) => {
    const children = wanted ? call.children.filter((child) => wanted.has(child)) : call.children;
    const open = wanted !== null || !closed.has(call.order);
    found.push({ call, level, position, siblings, parent: children.length > 0, open });
    if (open) children.forEach((child, at) => walk(child, level + 1, at + 1, children.length));
  };
  walk(run.root, 1, 1, 1);
  return found;
}

/** The calls that a query names, and those above them. */
function matching(run, query) {
  const wanted = new Set();
  for (const call of run.calls.values()) {
    if (!words(call).includes(query)) continue;
    for (let at = call; at && !wanted.has(at); at = at.parent) wanted.add(at);
  }
  return wanted;
}

function words(call) {
  const parts = [call.name, call.label, call.key, call.status, call.from, call.error?.message, call.error?.kind];
  return parts.filter(Boolean).join("\n").toLowerCase();
}

/** What a call is called. */
export const title = (call) => call.label ?? (call.name || "(nameless)");

/** The most inputs, and of each the most characters, that tell a call from its like. */
const HINT_INPUTS = 3;
const HINT_CHARACTERS = 24;

/** What tells a call from others of its name: its component behind a label, its key, or the beginning of its inputs. */
export function hint(call) {
  if (call.label) return call.name;
  if (call.key) return call.key;
  if (call.kind !== "component" || call.input === null || typeof call.input !== "object") return "";
  const inputs = Object.entries(call.input).slice(0, HINT_INPUTS);
  return inputs.map(([name, value]) => `${name}: ${short(value)}`).join(", ");
}

function short(value) {
  if (Array.isArray(value)) return `[${value.length}]`;
  if (typeof value === "string")
    return value.length > HINT_CHARACTERS ? `${value.slice(0, HINT_CHARACTERS)}\u2026` : value;
  return typeof value === "object" && value !== null && !isExact(value) ? "{\u2026}" : JSON.stringify(value);
}

/** The marks of a call, in words. */
export function marks(call) {
  const found = [];
  if (call.from) found.push(call.from);
  if (call.replayed) found.push("replayed");
  if (call.resumed) found.push("resumed");
  if (call.attempts.length > 1) found.push(`${call.attempts.length} attempts`);
  if (call.kind === "input" || call.kind === "timer") found.push(call.kind);
  return found;
}

/** When a run, or a call, was over, as far as it is known now. */
export const endOf = (call, now) => Math.max(call.endedAt ?? now, call.startedAt ?? 0);

/** The pieces of a call's bar: its attempts, and the waits between them. */
export function segments(call, now) {
  const shown = call.attempts.slice(-ATTEMPTS_SHOWN);
  return shown.map((attempt, at) => ({
    from: attempt.startedAt,
    to: Math.max(attempt.endedAt ?? (attempt.startedAt > now ? attempt.startedAt : now), attempt.startedAt),
    number: attempt.number,
    state: attempt.endedAt === null ? call.status : at < shown.length - 1 ? "retried" : call.status,
  }));
}

/** How many calls stand in which way. */
export function counts(run) {
  const found = {};
  for (const call of run.calls.values()) found[call.status] = (found[call.status] ?? 0) + 1;
  return found;
}

/**
 * The plan with how each stage stands: `to come`, `running`, `done`, `failed`, `passed`.
 *
 * A plan says what a program is, a stream what it did; they meet by names alone, so this is for people to look at.
 */
export function stages(run) {
  const planned = Array.isArray(run.plan) ? run.plan : run.plan?.stages;
  if (!Array.isArray(planned)) return [];
  const calls = new Map();
  for (const call of run.calls.values()) {
    if (call.kind !== "component") continue;
    if (!calls.has(call.name)) calls.set(call.name, []);
    calls.get(call.name).push(call);
  }
  const uses = new Map();
  const count = (stage) => {
    uses.set(stage.name, (uses.get(stage.name) ?? 0) + 1);
    (stage.stages ?? []).forEach(count);
  };
  planned.forEach(count);
  const shown = planned.map((stage) => stand(stage, calls, uses));
  // A component that is the whole workflow has no call below it: it is the run.
  const whole = shown.length === 1 && planned[0].kind === "component" && planned[0].name === run.plan.name;
  if (whole && shown[0].state === "to come") shown[0].state = ofRun(run);
  // What a later stage has left behind is over, also where it calls nothing.
  const begun = shown.findLastIndex((stage) => stage.state !== "to come");
  shown.forEach((stage, at) => {
    const over = at < begun || run.status === "succeeded";
    if (stage.state === "to come" && over) stage.state = "passed";
  });
  return shown;
}

function ofRun(run) {
  return { succeeded: "done", failed: "failed", running: "running" }[run.status] ?? "to come";
}

function stand(stage, calls, uses) {
  const below = (Array.isArray(stage.stages) ? stage.stages : []).map((inner) => stand(inner, calls, uses));
  const known = calls.get(stage.name) ?? [];
  // A name that stands twice in a plan: the first calls are the first stage's.
  const left = uses.get(stage.name) ?? 1;
  const own = left > 1 ? known.splice(0, 1) : known.splice(0);
  uses.set(stage.name, left - 1);
  const states = [...own.map((call) => call.status), ...below.map((inner) => inner.state)];
  return { name: stage.label ?? stage.name, kind: stage.kind ?? "", calls: own.length, below, state: together(states) };
}

function together(states) {
  const any = (...wanted) => states.some((state) => wanted.includes(state));
  if (any("running", "waiting", "sleeping", "backing off")) return "running";
  if (any("failed")) return "failed";
  if (any("succeeded", "done", "passed")) return "done";
  return states.length > 0 && any("cancelled") ? "failed" : "to come";
}
