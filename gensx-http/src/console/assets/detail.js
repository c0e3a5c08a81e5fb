// What is known of one call. A part is drawn anew only when it changed, and streamed text is only ever added to.

import { badge, h, say, setBadge } from "./dom.js";
import { clock, duration, moment, number, plural } from "./format.js";
import { jsonView } from "./json.js";
import { ATTEMPTS_SHOWN, endOf, marks, title } from "./rows.js";

/** The most labelled events and lines that are shown of a call. */
const NOTES_SHOWN = 100;

export function detailView(back) {
  const heading = h("h2", { tabindex: "-1" });
  const status = badge("unknown");
  const marked = h("span", { class: "marks" });
  const facts = h("dl", { class: "facts" });
  const texts = h("div", { class: "texts" });
  const names = ["progress", "error", "attempts", "input", "texts", "output", "objects", "notes", "logs"];
  const parts = new Map(names.map((name) => [name, h("section", { class: `part ${name}`, hidden: true })]));
  parts.get("texts").append(texts);
  const element = h(
    "aside",
    { class: "detail", "aria-label": "Details" },
    h("div", { class: "detail-head" }, heading, status, marked),
    facts,
    [...parts.values()],
  );
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    back();
  });
  const state = { call: null, signatures: new Map(), texts: new Map() };
  const view = { heading, status, marked, facts, texts, parts };
  return {
    element,
    focus: () => heading.focus(),
    update(run, call, now) {
      if (state.call !== call) begin(state, view, call);
      update(state, view, run, call, now);
    },
  };
}

function begin(state, { texts, facts, parts }, call) {
  state.call = call;
  state.signatures.clear();
  state.texts.clear();
  texts.replaceChildren();
  facts.replaceChildren();
  for (const [name, part] of parts) if (name !== "texts") part.replaceChildren();
}

function update(state, view, run, call, now) {
  say(view.heading, title(call));
  setBadge(view.status, call.status);
  say(view.marked, marks(call).join(" \u00B7 "));
  facts(view.facts, call, now);
  const part = (name, signature, make) => {
    const element = view.parts.get(name);
    if (state.signatures.has(name) && state.signatures.get(name) === signature) return;
    state.signatures.set(name, signature);
    const content = make();
    element.hidden = !content;
    element.replaceChildren(...(content || []));
  };
  const value = (name, given) => () => (given === undefined ? null : [h("h3", {}, name), jsonView(given, name)]);
  part("progress", JSON.stringify(call.progress), () => call.progress && progress(call.progress));
  part("error", call.error, () => call.error && [h("h3", {}, "Error"), errorView(call.error)]);
  part("attempts", attemptsSignature(call), () => call.attempts.length > 1 && attempts(call));
  part("input", call.input, value(call.kind === "input" ? "Asked" : "Input", call.input));
  part("output", call.output, value(call.kind === "input" ? "Message" : "Output", call.output));
  part(
    "objects",
    [...call.objects].map((name) => run.objects.get(name)?.patches).join(),
    () => call.objects.size > 0 && objects(run, call),
  );
  part("notes", call.notes.at(-1), () => call.notes.length > 0 && notes(call.notes));
  part("logs", call.logs.at(-1), () => call.logs.length > 0 && logs(call.logs));
  showTexts(state, view, call);
}

function facts(list, call, now) {
  const used = call.usage.input + call.usage.output;
  const models = [...call.usage.models].map(([model, used]) => `${model || "?"}: ${plural(used.calls, "call")}`);
  const shown = {
    Component: call.label && call.name,
    Started: moment(call.startedAt),
    Took: call.startedAt !== null && duration(endOf(call, now) - call.startedAt),
    Due: call.dueAt && call.endedAt === null && moment(call.dueAt),
    Key: call.key,
    Version: call.version > 0 && String(call.version),
    Tokens: used > 0 && `${number(call.usage.input)} in, ${number(call.usage.output)} out`,
    Models: models.join(", "),
    Cost: call.usage.cost !== null && call.usage.cost.toFixed(4),
    Type: call.outputType,
    Call: call.id,
  };
  for (const [name, text] of Object.entries(shown)) {
    let item = [...list.children].find((item) => item.dataset.name === name);
    if (!text && !item) continue;
    if (!item) list.append((item = h("div", { "data-name": name }, h("dt", {}, name), h("dd", {}))));
    item.hidden = !text;
    say(item.lastChild, text || "");
  }
}

function progress({ done, total }) {
  const text = total ? `${number(done)} of ${number(total)}` : number(done);
  return [
    h("h3", {}, "Progress"),
    h("progress", { max: total || null, value: total ? done : null, "aria-label": text }),
    ` ${text}`,
  ];
}

function errorView(error) {
  const words = [
    error.kind,
    error.code,
    error.permanent && "permanent",
    error.retry_after_ms && `retry after ${duration(error.retry_after_ms)}`,
  ];
  const causes = Array.isArray(error.causes) ? error.causes : [];
  return h(
    "div",
    { class: "error-box" },
    h("p", { class: "message" }, error.message ?? ""),
    h(
      "p",
      { class: "error-kind" },
      words.filter(Boolean).join(" \u00B7 "),
      error.component && h("span", { class: "id" }, ` in ${error.component}`),
    ),
    causes.length > 0 &&
      h(
        "ol",
        { class: "causes", "aria-label": "Causes" },
        causes.map((cause) => h("li", {}, String(cause))),
      ),
    error.data !== undefined && jsonView(error.data, "The error's data"),
  );
}

function attemptsSignature({ attempts, status }) {
  return attempts.map((attempt) => `${attempt.number}:${attempt.endedAt}`).join() + status;
}

function attempts(call) {
  const shown = call.attempts.slice(-ATTEMPTS_SHOWN);
  const last = shown.length - 1;
  const row = (attempt, at) =>
    h(
      "tr",
      {},
      h("td", {}, String(attempt.number)),
      h("td", {}, clock(attempt.startedAt)),
      h("td", {}, attempt.endedAt === null ? "" : duration(attempt.endedAt - attempt.startedAt)),
      h(
        "td",
        {},
        badge(at < last ? "retried" : call.status),
        at < last && attempt.error && h("div", { class: "why" }, causeOf(attempt.error)),
      ),
    );
  const head = ["No.", "Began", "Took", "How it ended"].map((text) => h("th", { scope: "col" }, text));
  return [
    h("h3", {}, "Attempts"),
    h("table", { class: "attempts" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, shown.map(row))),
  ];
}

const causeOf = (error) => [error.message, ...(error.causes ?? [])].filter(Boolean).join(": ");

function objects(run, call) {
  return [...call.objects].flatMap((name) => {
    const { value, patches, broken } = run.objects.get(name);
    const warning = broken && h("p", { class: "problem" }, `A patch did not fit: ${broken}`);
    return [
      h(
        "h3",
        {},
        "Object ",
        h("span", { class: "name" }, name),
        h("span", { class: "many" }, ` ${plural(patches, "change")}`),
      ),
      warning,
      jsonView(value, name),
    ].filter(Boolean);
  });
}

function notes(all) {
  const shown = all.slice(-NOTES_SHOWN);
  const earlier = all.length > shown.length ? `, the last ${shown.length}` : "";
  return [
    h("h3", {}, `Events${earlier}`),
    ...shown.map(({ label, data, time }) =>
      h(
        "div",
        { class: "note" },
        h("p", {}, h("span", { class: "at" }, clock(time)), " ", h("span", { class: "name" }, label)),
        jsonView(data, label),
      ),
    ),
  ];
}

function logs(all) {
  const shown = all.slice(-NOTES_SHOWN);
  const line = ({ level, text, time }) =>
    h(
      "li",
      { "data-level": level },
      h("span", { class: "at" }, clock(time)),
      " ",
      h("span", { class: "level" }, level),
      " ",
      h("span", {}, text),
    );
  return [h("h3", {}, "Log"), h("ol", { class: "log" }, shown.map(line))];
}

function showTexts(state, { texts, parts }, call) {
  for (const [text, shown] of state.texts) {
    if (call.texts[0] === text) break;
    // The oldest were dropped.
    shown.box.remove();
    state.texts.delete(text);
  }
  parts.get("texts").hidden = call.texts.length === 0;
  call.texts.forEach((text, at) => {
    let shown = state.texts.get(text);
    if (!shown) {
      shown = textView(text, call.texts.slice(0, at));
      state.texts.set(text, shown);
      texts.append(shown.box);
    }
    if (text.pieces.length > shown.pieces) {
      // Added, never drawn anew: a selection stays, and a long text costs nothing.
      shown.pre.append(text.pieces.slice(shown.pieces).join(""));
      shown.pieces = text.pieces.length;
    }
    if (text.superseded && !shown.folded) fold(shown, text);
  });
}

function textView(text, before) {
  const pre = h("pre", {
    class: "value text streamed",
    tabindex: "0",
    role: "region",
    "aria-label": `Text of ${text.channel}`,
  });
  const again = before.some((other) => other.channel === text.channel) ? `, attempt ${text.attempt}` : "";
  const head = h("h3", {}, "Text ", h("span", { class: "name" }, text.channel), again);
  return { box: h("div", { class: "text-box" }, head, pre), head, pre, pieces: 0, folded: false };
}

function fold(shown, text) {
  shown.folded = true;
  const summary = h(
    "summary",
    {},
    "Superseded: ",
    h("span", { class: "name" }, text.channel),
    `, attempt ${text.attempt}`,
  );
  shown.head.remove();
  shown.box.replaceChildren(h("details", { class: "superseded" }, summary, shown.pre));
}
