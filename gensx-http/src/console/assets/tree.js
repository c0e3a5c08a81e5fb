// The calls of a run: a tree beside a time axis. Only the rows in sight are in the page.

import { badge, freshId, h, keyed, mark, say, setBadge } from "./dom.js";
import { duration } from "./format.js";
import { endOf, hint, marks, rows, segments, title } from "./rows.js";

/** As in run.css. */
const ROW_PX = 34;
const HEAD_PX = 31;
/** Rows that are drawn beyond either edge. */
const BEYOND = 12;
const TICKS = 5;
/** The shortest time that can be zoomed to: events are timed in milliseconds. */
const SHORTEST_MS = 2;

export function treeView({ choose, open }) {
  const prefix = freshId();
  const state = {
    run: null,
    now: 0,
    chosen: null,
    closed: new Set(),
    query: "",
    rows: [],
    shape: "",
    active: 0,
    window: null,
    known: new Map(),
  };
  const view = build(prefix);
  const redraw = () => state.run && draw(state, view, prefix);
  view.scroll.addEventListener("scroll", redraw, { passive: true });
  view.find.addEventListener("input", () => {
    state.query = view.find.value;
    redraw();
  });
  view.grid.addEventListener("keydown", (event) => key(event, state, view, { choose, open, redraw }));
  view.scroll.addEventListener("click", (event) => click(event, state, view, { choose, redraw }));
  for (const [word, change] of Object.entries(ZOOMS)) {
    view.zoom.append(
      h("button", { type: "button", class: "quiet small", onclick: () => (change(state), redraw()) }, word),
    );
  }
  const resized = new ResizeObserver(redraw);
  resized.observe(view.scroll);
  return {
    element: view.element,
    focus: () => view.grid.focus(),
    close: () => resized.disconnect(),
    update(run, now, chosen) {
      if (state.run !== run) state.active = 0;
      Object.assign(state, { run, now, chosen });
      redraw();
    },
  };
}

function build(prefix) {
  const find = h("input", {
    type: "search",
    placeholder: "Find a call",
    "aria-label": "Find a call",
    autocomplete: "off",
    spellcheck: "false",
  });
  const zoom = h("div", { class: "zoom", role: "group", "aria-label": "Time axis" });
  const ticks = h("div", { class: "ticks", role: "columnheader", "aria-label": "Time" });
  const head = h(
    "div",
    { class: "row head", role: "row" },
    ["Call", "Status", "Took"].map((text) =>
      h("div", { role: "columnheader", class: `c-${text.toLowerCase()}` }, text),
    ),
    ticks,
  );
  const body = h("div", { class: "tree-rows", role: "rowgroup" });
  const scroll = h(
    "div",
    { class: "tree-scroll", role: "presentation", tabindex: "-1" },
    h("div", { class: "tree-head", role: "rowgroup" }, head),
    body,
  );
  const help = h(
    "p",
    { class: "unseen", id: `${prefix}-help` },
    "Arrow keys move, left and right close and open, Enter shows the details, plus, minus and zero zoom.",
  );
  const named = { "aria-label": "Calls", "aria-describedby": `${prefix}-help`, "aria-readonly": "true" };
  const grid = h("div", { class: "tree", role: "treegrid", tabindex: "0", ...named }, scroll);
  const element = h(
    "section",
    { class: "calls", "aria-label": "Calls" },
    h("div", { class: "tree-tools" }, find, zoom),
    help,
    grid,
  );
  return { element, grid, scroll, body, find, zoom, ticks };
}

/** The part of the run's time that is in sight, from its start. */
function sight(state) {
  const start = state.run.startedAt ?? state.now;
  return state.window ?? { from: start, to: Math.max(state.now, start + 1) };
}

/** A part of the run's time, moved to where the run is. */
function within(state, from, to) {
  const start = state.run.startedAt ?? from;
  const by = Math.max(0, start - from) - Math.max(0, to - Math.max(state.now, start + (to - from)));
  return { from: from + by, to: to + by };
}

function zoomBy(state, factor) {
  const { from, to } = sight(state);
  const call = state.rows[state.active]?.call;
  const start = state.run.startedAt ?? 0;
  // Around the active call, if it is in sight.
  const at = call?.startedAt ?? from;
  const middle = at >= from && at <= to ? at : (from + to) / 2;
  const half = ((to - from) / 2) * factor;
  const whole = half * 2 >= Math.max(1, state.now - start);
  if (whole) state.window = null;
  else if (half >= SHORTEST_MS / 2) state.window = within(state, middle - half, middle + half);
}

function pan(state, by) {
  const { from, to } = sight(state);
  const step = (to - from) * by;
  if (state.window) state.window = within(state, from + step, to + step);
}

function fitCall(state) {
  const call = state.rows[state.active]?.call;
  if (!call?.startedAt) return;
  const room = Math.max(1, (endOf(call, state.now) - call.startedAt) * 0.05);
  state.window = { from: call.startedAt - room, to: endOf(call, state.now) + room };
}

const ZOOMS = {
  Fit: (state) => (state.window = null),
  "Fit call": fitCall,
  "\u2212": (state) => zoomBy(state, 2),
  "+": (state) => zoomBy(state, 0.5),
  "\u2190": (state) => pan(state, -0.4),
  "\u2192": (state) => pan(state, 0.4),
};

function draw(state, view, prefix) {
  const shape = `${state.run.shape} ${state.closed.size} ${[...state.closed].at(-1)} ${state.query}`;
  const atEnd =
    view.scroll.scrollTop > 0 && view.scroll.scrollTop + view.scroll.clientHeight >= view.scroll.scrollHeight - 4;
  if (state.drawn !== state.run || shape !== state.shape || state.query) {
    const active = state.rows[state.active]?.call;
    state.rows = rows(state.run, state.closed, state.query);
    state.shape = shape;
    state.drawn = state.run;
    const at = state.rows.findIndex((row) => row.call === active);
    state.active = Math.max(0, at);
    view.body.style.height = `${state.rows.length * ROW_PX}px`;
    mark(view.grid, "aria-rowcount", state.rows.length + 1);
    if (atEnd && state.run.endedAt === null) view.scroll.scrollTop = view.scroll.scrollHeight;
  }
  drawTicks(state, view);
  const first = Math.max(0, Math.floor(view.scroll.scrollTop / ROW_PX) - BEYOND);
  const last = Math.ceil((view.scroll.scrollTop + view.scroll.clientHeight) / ROW_PX) + BEYOND;
  const shown = state.rows.slice(first, last).map((row, at) => ({ ...row, at: first + at }));
  // The active row is always there: readers of screens follow it.
  if (state.active < first) shown.unshift({ ...state.rows[state.active], at: state.active });
  if (state.active >= last) shown.push({ ...state.rows[state.active], at: state.active });
  keyed(view.body, state.known, shown, {
    key: (row) => row.call.order,
    make: (row) => rowElement(`${prefix}-${row.call.order}`),
    update: (element, row) => updateRow(element, row, state),
  });
  mark(view.grid, "aria-activedescendant", `${prefix}-${state.rows[state.active].call.order}`);
}

function drawTicks(state, view) {
  const { from, to } = sight(state);
  const start = state.run.startedAt ?? from;
  const step = stepOf((to - from) / TICKS);
  const ticks = [];
  for (let at = Math.ceil((from - start) / step) * step; at <= to - start && ticks.length <= 2 * TICKS; at += step) {
    ticks.push({ at, left: ((start + at - from) / (to - from)) * 100 });
  }
  state.ticks ??= new Map();
  keyed(
    view.ticks,
    state.ticks,
    ticks.filter((tick) => tick.at >= 0 && tick.left < 90),
    {
      key: (tick) => `${tick.at}`,
      make: (tick) => h("span", { class: "tick" }, tick.at === 0 ? "0" : duration(tick.at)),
      update: (element, tick) => (element.style.left = `${tick.left}%`),
    },
  );
}

/** 1, 2 or 5 of a power of ten that is at least this long. */
function stepOf(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-3)));
  return power * ([1, 2, 5].find((times) => times * power >= least) ?? 10);
}

function rowElement(id) {
  const cell = (name, ...children) => h("div", { class: `c-${name}`, role: "gridcell" }, ...children);
  return h(
    "div",
    { class: "row", role: "row", id },
    cell(
      "call",
      h("span", { class: "twist", "aria-hidden": "true" }),
      h("span", { class: "name" }),
      h("span", { class: "component" }),
      h("span", { class: "marks" }),
      h("span", { class: "why" }),
    ),
    cell("status", badge("running")),
    cell("took"),
    cell("bar", h("div", { class: "track" })),
  );
}

function updateRow(element, row, state) {
  const { call } = row;
  const [name, status, took, bar] = element.children;
  element.style.top = `${row.at * ROW_PX}px`;
  name.style.paddingLeft = `${0.5 + Math.min(row.level - 1, 12) * 1.1}rem`;
  mark(element, "aria-level", row.level);
  mark(element, "aria-posinset", row.position);
  mark(element, "aria-setsize", row.siblings);
  mark(element, "aria-rowindex", row.at + 2);
  mark(element, "aria-expanded", row.parent ? String(row.open) : null);
  mark(element, "aria-selected", String(call === state.chosen));
  mark(element, "data-active", row.at === state.active);
  mark(element, "data-at", row.at);
  const [twist, text, component, marked, why] = name.children;
  say(twist, row.parent ? (row.open ? "\u25BE" : "\u25B8") : "");
  say(text, title(call));
  say(component, hint(call));
  const words = marks(call).join("\n");
  if (marked.dataset.words !== words) {
    marked.dataset.words = words;
    marked.replaceChildren(...marks(call).map((word) => h("span", { class: "mark" }, word)));
  }
  say(why, call.error ? (call.error.message ?? call.error.kind ?? "") : "");
  setBadge(status.firstChild, call.status);
  say(took, call.startedAt === null ? "" : duration(endOf(call, state.now) - call.startedAt));
  drawBar(bar.firstChild, call, state);
}

function drawBar(track, call, state) {
  const { from, to } = sight(state);
  const pieces = segments(call, state.now);
  while (track.children.length > pieces.length) track.lastChild.remove();
  while (track.children.length < pieces.length) track.append(h("span", { class: "piece" }));
  pieces.forEach((piece, at) => {
    const element = track.children[at];
    const left = ((piece.from - from) / (to - from)) * 100;
    const right = ((piece.to - from) / (to - from)) * 100;
    mark(element, "data-state", piece.state);
    element.hidden = right < 0 || left > 100;
    element.style.left = `${Math.min(Math.max(left, 0), 99.6)}%`;
    element.style.width = `${Math.max(0, Math.min(right, 100) - Math.max(left, 0))}%`;
    mark(element, "title", `attempt ${piece.number}: ${duration(piece.to - piece.from)}`);
  });
}

function click(event, state, view, { choose, redraw }) {
  const element = event.target.closest(".row");
  if (!element) return;
  state.active = Number(element.dataset.at);
  const row = state.rows[state.active];
  if (event.target.closest(".twist") && row.parent) toggle(state, row);
  else choose(row.call);
  view.grid.focus({ preventScroll: true });
  redraw();
}

function toggle(state, row) {
  if (!state.closed.delete(row.call.order)) state.closed.add(row.call.order);
}

function key(event, state, view, { choose, open, redraw }) {
  if (event.target !== view.grid || event.ctrlKey || event.metaKey || event.altKey || !state.run) return;
  const row = state.rows[state.active];
  const page = Math.max(1, Math.floor(view.scroll.clientHeight / ROW_PX) - 1);
  const moves = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
  const zooms = { "+": "+", "=": "+", "-": "\u2212", 0: "Fit" };
  if (event.key in moves) move(state, view, state.active + moves[event.key]);
  else if (event.key in zooms) ZOOMS[zooms[event.key]](state);
  else if (event.key === "ArrowRight" && row.parent && !row.open) toggle(state, row);
  else if (event.key === "ArrowRight" && row.parent) move(state, view, state.active + 1);
  else if (event.key === "ArrowLeft" && row.parent && row.open && !state.query) toggle(state, row);
  else if (event.key === "ArrowLeft")
    move(
      state,
      view,
      state.rows.findIndex((other) => other.call === row.call.parent),
    );
  else if (event.key === "Enter" || event.key === " ") {
    choose(row.call);
    open();
  } else return;
  event.preventDefault();
  redraw();
}

function move(state, view, to) {
  state.active = Math.min(Math.max(0, to), state.rows.length - 1);
  const top = state.active * ROW_PX;
  if (top < view.scroll.scrollTop) view.scroll.scrollTop = top;
  const under = top + ROW_PX + HEAD_PX - view.scroll.clientHeight;
  if (under > view.scroll.scrollTop) view.scroll.scrollTop = under;
}
