// Events as they came: the last ones, a page at a time.

import { h, say } from "./dom.js";
import { clock, number } from "./format.js";

const PAGE = 100;

export function rawView() {
  const shown = h("p", { class: "shown" });
  const list = h("ol", { class: "raw" });
  const newer = h("button", { type: "button", onclick: () => turn(-1) }, "Newer");
  const older = h("button", { type: "button", onclick: () => turn(1) }, "Older");
  const element = h(
    "section",
    { class: "events", "aria-label": "Events as they came" },
    h("div", { class: "pager" }, newer, older, shown),
    list,
  );
  const state = { page: 0, run: null, at: "" };
  const turn = (by) => {
    state.page += by;
    update(state.run);
  };
  const update = (run) => {
    state.run = run;
    const pages = Math.max(1, Math.ceil(run.raw.length / PAGE));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    newer.disabled = state.page === 0;
    older.disabled = state.page >= pages - 1;
    const to = run.raw.length - state.page * PAGE;
    const from = Math.max(0, to - PAGE);
    const at = `${run.id} ${run.dropped + from} ${run.dropped + to}`;
    if (at === state.at) return;
    state.at = at;
    const first = number(run.dropped + from + 1);
    say(
      shown,
      run.raw.length ? `${first} to ${number(run.dropped + to)} of ${number(run.count)}, newest first` : "None yet",
    );
    list.replaceChildren(
      ...run.raw
        .slice(from, to)
        .reverse()
        .map((event) => line(run, event)),
    );
  };
  return { element, update };
}

function line(run, event) {
  const { id, type, time, v, ...rest } = event;
  const call = event.call && (run.calls.get(event.call)?.name ?? run.workflow);
  return h(
    "li",
    {},
    h("span", { class: "at" }, time ? clock(time) : ""),
    h("span", { class: "type" }, type ?? ""),
    h("span", { class: "who" }, call ?? ""),
    h("code", { class: "line" }, JSON.stringify(rest)),
    h("span", { class: "position", title: "The event's id" }, id ?? ""),
  );
}
