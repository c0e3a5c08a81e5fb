// A JSON value for people: laid out, coloured, and cut where it is long.

import { h } from "./dom.js";
import { number } from "./format.js";

/** How much of a value is shown before somebody asks for all of it, in characters. */
const SHOWN_CHARACTERS = 12_000;
/** The longest text that is coloured: each token is an element. */
const COLOURED_CHARACTERS = 60_000;
const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;

/** A value, with its size and a button that copies it. */
export function jsonView(value, label) {
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
  const plain = typeof value === "string";
  const pre = h("pre", { class: plain ? "value text" : "value", tabindex: "0", role: "region", "aria-label": label });
  const view = h("div", { class: "value-box" }, pre);
  const cut = text.length > SHOWN_CHARACTERS;
  fill(pre, cut ? `${text.slice(0, SHOWN_CHARACTERS)}\u2026` : text, plain);
  const copy = h(
    "button",
    { type: "button", class: "quiet small", onclick: () => copyText(copy, plain ? JSON.stringify(value) : text) },
    "Copy",
  );
  const tools = h("div", { class: "value-tools" }, copy);
  if (cut) {
    const all = h("button", { type: "button", class: "quiet small" }, `Show all ${number(text.length)} characters`);
    all.addEventListener("click", () => {
      fill(pre, text, plain || text.length > COLOURED_CHARACTERS);
      all.remove();
      pre.focus();
    });
    tools.prepend(all);
  }
  view.append(tools);
  return view;
}

function fill(pre, text, plain) {
  if (plain) return pre.replaceChildren(text);
  const parts = [];
  let at = 0;
  for (const token of text.matchAll(TOKENS)) {
    const [whole, string, colon] = token;
    const kind = string ? (colon ? "key" : "string") : /^[tfn]/.test(whole) ? "word" : "number";
    const shown = colon ? string : whole;
    parts.push(text.slice(at, token.index), h("span", { class: kind }, shown));
    at = token.index + shown.length;
  }
  parts.push(text.slice(at));
  pre.replaceChildren(...parts);
}

async function copyText(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed here";
  }
  setTimeout(() => (button.textContent = "Copy"), 1_500);
}
