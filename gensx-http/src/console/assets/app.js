// The page: which view is open, who asks, and which colours.

import { h, say } from "./dom.js";
import { token } from "./api.js";
import { openRuns } from "./runs.js";
import { openRun } from "./run.js";

const THEME = "gensx.theme";
const THEMES = ["system", "light", "dark"];
const main = document.getElementById("main");

/** The view that is open; `close` ends what it has under way. */
let open = null;
let place = null;

/** What the address names behind `#`: a path, and parameters. */
function address() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", query: new URLSearchParams(query) };
}

function route() {
  const { path, query } = address();
  if (path === place) return open?.changed?.(query);
  const first = place === null;
  open?.close();
  place = path;
  main.replaceChildren();
  const run = /^\/run\/([^/]+)$/.exec(path);
  if (run) open = openRun(main, decode(run[1]), query);
  else if (path === "/") open = openRuns(main, query);
  else open = unknown();
  if (!first) main.querySelector("h1")?.focus();
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unknown() {
  document.title = "gensx console";
  main.append(h("h1", { tabindex: "-1" }, "Nothing is here"), h("p", {}, h("a", { href: "#/" }, "All runs")));
  return { close() {} };
}

function themes() {
  const button = document.getElementById("theme");
  let theme = THEMES.includes(localStorage.getItem(THEME)) ? localStorage.getItem(THEME) : "system";
  const show = () => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    say(button, `Theme: ${theme}`);
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    localStorage.setItem(THEME, theme);
    show();
  });
  show();
}

function access() {
  const [dialog, field] = ["access-dialog", "token"].map((id) => document.getElementById(id));
  const shut = (value) => {
    if (value !== undefined) token.set(value);
    field.value = "";
    dialog.close();
    // Whatever was refused is asked again, by whoever it now is.
    if (value !== undefined) {
      place = null;
      route();
    }
  };
  document.getElementById("access").addEventListener("click", () => {
    field.value = token.get();
    dialog.showModal();
  });
  document.getElementById("access-form").addEventListener("submit", (event) => {
    event.preventDefault();
    shut(field.value.trim());
  });
  document.getElementById("access-forget").addEventListener("click", () => shut(""));
  document.getElementById("access-close").addEventListener("click", () => shut());
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", route);
themes();
access();
route();
