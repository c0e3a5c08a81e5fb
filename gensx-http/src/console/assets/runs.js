// The list of runs: newest first, live, by filters that stand in the address.

import { announce, badge, h, keyed, mark, say, setBadge } from "./dom.js";
import { cancel, listRuns, listWorkflows, retry, serverNow } from "./api.js";
import { ago, duration, moment, plural } from "./format.js";

const POLL_MS = 2_000;
const PAGE = 50;
/** The most runs that the API gives at once: so many are kept fresh; older ones are read once. */
const MOST = 500;
const RANGES = {
  "": "any time",
  "15m": "last 15 minutes",
  "1h": "last hour",
  "24h": "last day",
  "7d": "last 7 days",
  own: "between \u2026",
};
const LENGTHS = { "15m": 9e5, "1h": 36e5, "24h": 864e5, "7d": 6048e5 };
const STATUSES = {
  "": "any status",
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
  ended: "any that ended",
};
const FILTERS = ["workflow", "status", "deployment", "range", "from", "to"];

export function openRuns(main, query) {
  const state = {
    filter: filterOf(query),
    size: PAGE,
    fresh: [],
    older: [],
    next: null,
    asked: 0,
    timer: null,
    stop: new AbortController(),
    known: new Map(),
  };
  const view = build(main, state, () => refresh(state, view));
  document.title = "Runs \u2013 gensx console";
  show(state, view);
  const visible = () => (document.hidden ? clearTimeout(state.timer) : refresh(state, view));
  document.addEventListener("visibilitychange", visible);
  refresh(state, view);
  listWorkflows(state.stop.signal).then(
    ({ workflows }) => view.names.append(...workflows.map(({ name }) => h("option", { value: name }))),
    () => {},
  );
  return {
    changed(next) {
      state.filter = filterOf(next);
      Object.assign(state, { size: PAGE, older: [], next: null });
      fillForm(view, state.filter);
      refresh(state, view);
    },
    close() {
      document.removeEventListener("visibilitychange", visible);
      clearTimeout(state.timer);
      state.stop.abort();
    },
  };
}

const filterOf = (query) => Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));

/** The API's parameters for a filter. */
function ask(filter, limit) {
  const query = new URLSearchParams({ limit });
  for (const name of ["workflow", "status", "deployment"]) if (filter[name]) query.set(name, filter[name]);
  if (LENGTHS[filter.range]) query.set("since", Math.max(0, serverNow() - LENGTHS[filter.range]));
  if (filter.range === "own") {
    const [since, before] = [Date.parse(filter.from), Date.parse(filter.to)];
    if (since >= 0) query.set("since", since);
    if (before >= 0) query.set("before", before);
  }
  return query;
}

function build(main, state, again) {
  const names = h("datalist", { id: "names" });
  const select = (name, options) =>
    h(
      "select",
      { name, id: `f-${name}` },
      Object.entries(options).map(([value, text]) => h("option", { value }, text)),
    );
  const field = (name, label, control) =>
    h("div", { class: `field ${name}` }, h("label", { for: `f-${name}` }, label), control);
  const text = (name, more) => h("input", { name, id: `f-${name}`, autocomplete: "off", spellcheck: "false", ...more });
  const form = h(
    "form",
    { class: "filters", role: "search", "aria-label": "Filters" },
    field("workflow", "Workflow", text("workflow", { list: "names" })),
    field("status", "Status", select("status", STATUSES)),
    field("deployment", "Deployment", text("deployment")),
    field("range", "Started", select("range", RANGES)),
    field("from", "From", text("from", { type: "datetime-local" })),
    field("to", "To", text("to", { type: "datetime-local" })),
    h("button", { type: "button", class: "quiet clear" }, "Clear"),
    names,
  );
  const shown = h("p", { class: "shown" });
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const said = h("div", { class: "problem", role: "alert", hidden: true });
  const empty = h("div", { class: "empty", hidden: true });
  const body = h("tbody", { role: "rowgroup" });
  const heads = ["Status", "Run", "Workflow", "Started", "Duration", "Deployment", ""];
  const table = h(
    "table",
    { class: "runs", role: "table", "aria-label": "Runs" },
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        heads.map((head) =>
          h("th", { role: "columnheader", scope: "col" }, head || h("span", { class: "unseen" }, "Actions")),
        ),
      ),
    ),
    body,
  );
  const older = h(
    "button",
    { type: "button", class: "older", hidden: true, onclick: () => more(state, view) },
    "Older runs",
  );
  main.append(
    h("div", { class: "title-line" }, h("h1", { tabindex: "-1" }, "Runs"), shown),
    form,
    problem,
    said,
    table,
    empty,
    older,
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => changeAddress(form));
  form.querySelector(".clear").addEventListener("click", () => {
    location.hash = "#/";
    form.elements.workflow.focus();
  });
  const view = { form, names, shown, problem, said, empty, table, body, older, again };
  fillForm(view, state.filter);
  return view;
}

function changeAddress(form) {
  const query = new URLSearchParams();
  for (const name of FILTERS) if (form.elements[name].value) query.set(name, form.elements[name].value);
  if (query.get("range") !== "own") ["from", "to"].forEach((name) => query.delete(name));
  location.hash = String(query) ? `#/?${query}` : "#/";
}

function fillForm({ form }, filter) {
  for (const name of FILTERS) if (form.elements[name].value !== filter[name]) form.elements[name].value = filter[name];
  form.dataset.range = filter.range;
}

/** Asks for what is shown, and again after a while. */
async function refresh(state, view) {
  clearTimeout(state.timer);
  const asked = (state.asked += 1);
  try {
    const page = await listRuns(ask(state.filter, state.size), state.stop.signal);
    if (asked !== state.asked) return;
    state.fresh = page.runs;
    if (state.older.length === 0) state.next = page.next;
    state.failed = null;
  } catch (error) {
    if (error.name === "AbortError" || asked !== state.asked) return;
    state.failed = error;
  }
  state.read = true;
  show(state, view);
  if (!document.hidden && !state.stop.signal.aborted) state.timer = setTimeout(() => refresh(state, view), POLL_MS);
}

/** Shows older runs too. */
async function more(state, view) {
  if (state.size < MOST) {
    state.size += PAGE;
    return refresh(state, view);
  }
  const query = ask(state.filter, PAGE);
  query.set("after", state.next);
  try {
    const page = await listRuns(query, state.stop.signal);
    state.older.push(...page.runs);
    state.next = page.next;
  } catch (error) {
    if (error.name === "AbortError") return;
    state.failed = error;
  }
  show(state, view);
}

function show(state, view) {
  const fresh = new Set(state.fresh.map((run) => run.id));
  const runs = [...state.fresh, ...state.older.filter((run) => !fresh.has(run.id))];
  keyed(view.body, state.known, runs, { key: (run) => run.id, make: (run) => row(run, view), update });
  const filtered = FILTERS.some((name) => state.filter[name]);
  const running = runs.filter((run) => run.status === "running").length;
  const parts = [plural(runs.length, "run"), running > 0 && `${running} running`, state.next && "older ones below"];
  say(view.shown, state.read ? parts.filter(Boolean).join(", ") : "Reading \u2026");
  view.table.hidden = runs.length === 0;
  view.older.hidden = !state.next;
  view.empty.hidden = runs.length > 0 || !state.read || Boolean(state.failed);
  say(
    view.empty,
    filtered
      ? "No run is like that. Clear the filters to see all."
      : "There is no run yet. Start one, and it appears here.",
  );
  view.problem.hidden = !state.failed;
  if (state.failed) say(view.problem, `Runs cannot be read: ${state.failed.message}`);
}

function row(run, view) {
  const href = `#/run/${encodeURIComponent(run.id)}`;
  const cell = (name, ...children) => h("td", { class: name, role: "cell" }, ...children);
  const act = (word, action) => {
    const button = h("button", { type: "button", class: "quiet small", "aria-label": `${word} ${run.id}` }, word);
    button.addEventListener("click", () => perform(button, word, action, run.id, view));
    return button;
  };
  const element = h(
    "tr",
    { role: "row", "data-run": run.id },
    cell("c-status", badge(run.status)),
    cell("c-id", h("a", { href, class: "id" }, run.id), h("span", { class: "of", hidden: !run.retry_of }, "retry")),
    cell("c-workflow", run.workflow),
    cell("c-started", h("time", { title: moment(run.started_at) })),
    cell("c-duration"),
    cell("c-deployment"),
    cell("c-actions", act("Cancel", cancel), act("Retry", retry)),
  );
  return element;
}

function update(element, run) {
  const [status, , , started, took, deployment, actions] = element.children;
  setBadge(status.firstChild, run.status);
  say(started.firstChild, ago(run.started_at, serverNow()));
  say(took, duration((run.ended_at ?? serverNow()) - run.started_at));
  say(deployment, run.deployment ?? "");
  mark(element, "data-status", run.status);
  actions.children[0].hidden = run.status !== "running";
  actions.children[1].hidden = run.status !== "failed" && run.status !== "cancelled";
}

async function perform(button, word, action, run, view) {
  button.disabled = true;
  view.said.hidden = true;
  try {
    const answer = await action(run);
    announce(`${word}: asked for`);
    if (answer?.id) location.hash = `#/run/${encodeURIComponent(answer.id)}`;
    view.again();
  } catch (error) {
    say(view.said, `${word} of ${run}: ${error.message}`);
    view.said.hidden = false;
  } finally {
    button.disabled = false;
  }
}
