// One run, live: its events are read to their end, folded, and shown frame by frame.

import { announce, badge, h, mark, say, setBadge } from "./dom.js";
import { ask, eventsOf, problem, serverNow } from "./api.js";
import { follow, pause } from "./live.js";
import { newRun, push } from "./model.js";
import { counts, stages } from "./rows.js";
import { duration, moment, number, plural } from "./format.js";
import { actionsOf } from "./actions.js";
import { detailView } from "./detail.js";
import { inputsView } from "./inputs.js";
import { planView } from "./plan.js";
import { rawView } from "./raw.js";
import { treeView } from "./tree.js";

/** For how long events are folded before a frame is drawn, in milliseconds. */
const FOLD_MS = 10;
/** How often what only time changes is drawn while a run goes on. */
const TICK_MS = 500;

export function openRun(main, id, query) {
  const state = {
    id,
    run: newRun(id),
    /** Batches of events that have not been folded yet. */
    queue: [],
    frame: 0,
    reader: null,
    connection: "connecting",
    refused: null,
    tab: query.get("tab") === "events" ? "events" : "calls",
    /** The call whose details are shown, by its id; it may not have been read yet. */
    chosen: query.get("call"),
  };
  const view = build(main, state);
  document.title = `${id} \u2013 gensx console`;
  const visible = () => (document.hidden ? halt(state) : read(state, view));
  document.addEventListener("visibilitychange", visible);
  const ticker = setInterval(() => state.run.endedAt === null && draw(state, view), TICK_MS);
  if (!document.hidden) read(state, view);
  draw(state, view);
  return {
    changed(next) {
      state.tab = next.get("tab") === "events" ? "events" : "calls";
      state.chosen = next.get("call");
      draw(state, view);
    },
    close() {
      document.removeEventListener("visibilitychange", visible);
      clearInterval(ticker);
      cancelAnimationFrame(state.frame);
      halt(state);
      view.tree.close();
    },
  };
}

function build(main, state) {
  const choose = (call) => {
    state.chosen = call.id;
    keepAddress(state);
    draw(state, view);
  };
  const heading = h("h1", { tabindex: "-1", class: "id" }, state.id);
  const status = badge("unknown");
  const connection = h("span", { class: "connection" });
  const facts = h("dl", { class: "facts" });
  const trouble = h("div", { class: "problem", role: "alert", hidden: true });
  const again = h(
    "button",
    { type: "button", class: "small", hidden: true, onclick: () => read(state, view) },
    "Try again",
  );
  const actions = actionsOf(state.id);
  const plan = planView();
  const inputs = inputsView(state.id);
  const detail = detailView(() => view.tree.focus());
  const tree = treeView({ choose, open: () => detail.focus() });
  const raw = rawView();
  const tabs = tabList(state, () => {
    keepAddress(state);
    draw(state, view);
  });
  const calls = h(
    "div",
    { class: "panes", role: "tabpanel", id: "panel-calls", "aria-labelledby": "tab-calls" },
    tree.element,
    detail.element,
  );
  const events = h("div", { role: "tabpanel", id: "panel-events", "aria-labelledby": "tab-events" }, raw.element);
  main.append(
    h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: "#/" }, "\u2190 All runs")),
    h("div", { class: "title-line" }, heading, status, connection, actions.element),
    trouble,
    again,
    facts,
    plan.element,
    inputs.element,
    tabs.element,
    calls,
    events,
  );
  const view = {
    status,
    connection,
    facts,
    trouble,
    again,
    actions,
    plan,
    inputs,
    detail,
    tree,
    raw,
    tabs,
    calls,
    events,
  };
  return view;
}

/** The two tabs; arrow keys go from one to the other. */
function tabList(state, changed) {
  const names = { calls: "Calls", events: "Events" };
  const buttons = Object.entries(names).map(([name, text]) =>
    h(
      "button",
      { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => choose(name) },
      text,
    ),
  );
  const choose = (name) => {
    state.tab = name;
    changed();
  };
  const element = h("div", { class: "tabs", role: "tablist", "aria-label": "What is shown" }, buttons);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    choose(state.tab === "calls" ? "events" : "calls");
    element.querySelector('[aria-selected="true"]').focus();
  });
  const update = (run) => {
    for (const button of buttons) {
      const chosen = button.id === `tab-${state.tab}`;
      mark(button, "aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    say(buttons[0], `Calls (${number(run.calls.size)})`);
    say(buttons[1], `Events (${number(run.count)})`);
  };
  return { element, update };
}

function keepAddress(state) {
  const query = new URLSearchParams();
  if (state.tab !== "calls") query.set("tab", state.tab);
  if (state.chosen) query.set("call", state.chosen);
  const rest = String(query) ? `?${query}` : "";
  history.replaceState(null, "", `#/run/${encodeURIComponent(state.id)}${rest}`);
}

/** Reads what follows, unless it is being read, or everything was. */
function read(state, view) {
  if (state.reader || state.run.endedAt !== null) return;
  const reader = new AbortController();
  state.reader = reader;
  state.refused = null;
  follow({
    url: eventsOf(state.id),
    ask,
    from: state.run.lastId,
    take: (events) => {
      state.queue.push(events);
      later(state, view);
    },
    reset: () => {
      state.queue = [];
      state.run = newRun(state.id);
    },
    state: async (word, refused) => {
      state.connection = word;
      if (word === "refused") state.refused = await problem(refused);
      if (state.reader === reader && (word === "ended" || word === "refused")) state.reader = null;
      later(state, view);
    },
    wait: pause,
    signal: reader.signal,
  });
}

/** Stops reading. What came and was not folded yet is folded: the next reader goes on behind it. */
function halt(state) {
  state.reader?.abort();
  state.reader = null;
  for (const batch of state.queue.splice(0)) batch.forEach((event) => push(state.run, event));
}

function later(state, view) {
  state.frame ||= requestAnimationFrame(() => {
    state.frame = 0;
    const until = performance.now() + FOLD_MS;
    while (state.queue.length > 0 && performance.now() < until) {
      const batch = state.queue[0].splice(0, 200);
      batch.forEach((event) => push(state.run, event));
      if (state.queue[0].length === 0) state.queue.shift();
    }
    draw(state, view);
    if (state.queue.length > 0) later(state, view);
  });
}

function draw(state, view) {
  const { run } = state;
  const now = run.endedAt ?? Math.max(serverNow(), run.lastAt ?? 0);
  const before = view.status.dataset.status;
  setBadge(view.status, run.status);
  if (before !== run.status && before !== "unknown") announce(`The run is now: ${run.status}`);
  say(view.connection, connection(state));
  mark(view.connection, "data-state", state.connection);
  view.trouble.hidden = view.again.hidden = !state.refused;
  if (state.refused) say(view.trouble, `The run cannot be read: ${state.refused.message}`);
  facts(view.facts, run, now);
  view.actions.update(run);
  view.plan.update(run.plan ? stages(run) : []);
  view.inputs.update(run, now);
  view.tabs.update(run);
  view.calls.hidden = state.tab !== "calls";
  view.events.hidden = state.tab !== "events";
  if (state.tab === "events") return view.raw.update(run);
  const chosen = run.calls.get(state.chosen) ?? run.root;
  view.tree.update(run, now, chosen);
  view.detail.update(run, chosen, now);
}

function connection({ connection, run, queue }) {
  if (run.endedAt !== null) return "";
  if (queue.length > 0) return "reading \u2026";
  return (
    { connecting: "connecting \u2026", live: "live", lost: "connection lost, trying again", refused: "" }[connection] ??
    ""
  );
}

function facts(list, run, now) {
  const tokens = run.usage.input + run.usage.output;
  const stand = Object.entries(counts(run)).map(([status, count]) => `${number(count)} ${status}`);
  const shown = {
    Workflow: run.workflow && `${run.workflow}${run.version ? `, version ${run.version}` : ""}`,
    Started: moment(run.startedAt),
    Duration: run.startedAt && duration(now - run.startedAt),
    Calls: stand.join(", "),
    Retries: run.retries > 0 && plural(run.retries, "attempt") + " failed and tried again",
    Tokens: tokens > 0 && `${number(run.usage.input)} in, ${number(run.usage.output)} out`,
    Cost: run.usage.cost !== null && run.usage.cost.toFixed(4),
    Deployment: run.deployment && `${run.deployment}${run.movedFrom ? `, before: ${run.movedFrom}` : ""}`,
    "Taken over": run.claims > 0 && plural(run.claims, "time"),
    "Other inputs": run.divergences.length > 0 && divergences(run),
    "Retry of": run.retryOf,
  };
  for (const [name, value] of Object.entries(shown)) fact(list, name, value);
}

function divergences({ divergences }) {
  return divergences.map(({ name, changed }) => `${name}${changed ? ` (${changed.join(", ")})` : ""}`).join("; ");
}

function fact(list, name, value) {
  let item = [...list.children].find((item) => item.dataset.name === name);
  if (!item) {
    const link = name === "Retry of";
    item = h("div", { "data-name": name }, h("dt", {}, name), h("dd", {}, link && h("a", { class: "id" })));
    list.append(item);
  }
  item.hidden = !value;
  if (!value) return;
  const place = item.lastChild.firstElementChild ?? item.lastChild;
  say(place, String(value));
  if (place.tagName === "A") mark(place, "href", `#/run/${encodeURIComponent(value)}`);
}
