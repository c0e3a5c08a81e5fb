// Elements. Every string becomes text or the value of an attribute, never markup.

/** An element: `h("a", { href, class: "id" }, "text", child)`. Properties that begin with `on` are listeners. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) set(element, key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, key, value) {
  if (typeof value === "function") element.addEventListener(key.slice(2), value);
  else if (value === true) element.setAttribute(key, "");
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
}

/** Sets an element's text, unless it is that already: nothing flickers, and a selection stays. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute, or takes it off where there is nothing to set. */
export function mark(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

const SIGNS = {
  running: "\u25B6",
  queued: "\u2026",
  waiting: "\u25D4",
  sleeping: "\u25D4",
  "backing off": "\u21BB",
  retried: "\u21BB",
  succeeded: "\u2713",
  done: "\u2713",
  failed: "\u2715",
  cancelled: "\u2013",
  "to come": "\u25CB",
  passed: "\u2013",
};

/** How something stands: a sign, and the word. */
export function badge(status) {
  const element = h(
    "span",
    { class: "badge" },
    h("span", { class: "sign", "aria-hidden": "true" }),
    h("span", { class: "word" }),
  );
  setBadge(element, status);
  return element;
}

export function setBadge(element, status) {
  if (element.dataset.status === status) return;
  element.dataset.status = status;
  say(element.firstChild, SIGNS[status] ?? "?");
  say(element.lastChild, status);
}

/** The announcements that are kept: one does not push out another that was not read yet. */
const NEWS_KEPT = 5;

/** Tells readers of screens, once they have finished what they say. */
export function announce(text) {
  const news = document.getElementById("news");
  news.append(h("p", {}, text));
  while (news.children.length > NEWS_KEPT) news.firstChild.remove();
}

/** An id of an element that no other has. */
let ids = 0;
export const freshId = () => `e${(ids += 1)}`;

/** Brings a list of elements to the order of `items`: those that are there stay, and are told of what is new. */
export function keyed(parent, known, items, { key, make, update }) {
  const wanted = new Set();
  let before = parent.firstChild;
  for (const item of items) {
    const id = key(item);
    wanted.add(id);
    let element = known.get(id);
    if (!element) {
      element = make(item);
      known.set(id, element);
    }
    update(element, item);
    if (element === before) before = before.nextSibling;
    else parent.insertBefore(element, before);
  }
  for (const [id, element] of known) {
    if (wanted.has(id)) continue;
    element.remove();
    known.delete(id);
  }
}
