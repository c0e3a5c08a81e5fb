// The stages of a workflow: those that are over, those at work, those to come.

import { badge, h } from "./dom.js";
import { plural } from "./format.js";

const KINDS = {
  for_each: "for each",
  or_else: "or else",
  join: "all of",
  branch: "one of",
  race: "first of",
  map: "map",
  catch: "catch",
  workflow: "workflow",
};

export function planView() {
  const list = h("ol", { class: "stages" });
  const element = h("section", { class: "plan", "aria-label": "Plan", hidden: true }, h("h2", {}, "Plan"), list);
  let shown = "";
  const update = (stages) => {
    const text = JSON.stringify(stages);
    if (text === shown) return;
    shown = text;
    element.hidden = stages.length === 0;
    list.replaceChildren(...stages.map(stage));
  };
  return { element, update };
}

function stage({ name, kind, calls, below, state }) {
  const word = KINDS[kind];
  const many = calls > 1 && h("span", { class: "many" }, plural(calls, "call"));
  return h(
    "li",
    { class: "stage", "data-state": state },
    h(
      "div",
      { class: "stage-line" },
      word && h("span", { class: "kind" }, word),
      h("span", { class: "name" }, name),
      badge(state),
      many,
    ),
    below.length > 0 && h("ol", { class: "stages below" }, below.map(stage)),
  );
}
