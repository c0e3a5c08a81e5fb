// What the pages have in common: nodes from text, and the line about the worker.

const WORKER_EVERY_MS = 2000;

/// A node with a class and a text. Text never becomes markup.
export function node(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/// Sets a text only where it differs, so that a selection in it stays.
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/// Shows Markdown as the model writes it: headings, quotations, lists, code in lines. Anything else is its text.
export function showMarkdown(target, text) {
  if (target.dataset.shown === text) return;
  target.dataset.shown = text;
  const blocks = text.split(/\n{2,}/).map((part) => part.trim()).filter(Boolean);
  target.replaceChildren(...blocks.map(block));
}

/// Sets a line of Markdown: code is all that a line may have.
export function showLine(target, text) {
  if (target.dataset.shown === text) return;
  target.dataset.shown = text;
  target.replaceChildren();
  inline(target, text);
}

function block(text) {
  const heading = /^(#{1,4}) (.*)$/s.exec(text);
  if (heading) return inline(node(`h${Math.min(heading[1].length + 1, 5)}`), heading[2]);
  if (text.startsWith("> ")) return inline(node("blockquote"), text.replaceAll(/^> ?/gm, ""));
  if (text.startsWith("- ")) {
    const list = node("ul");
    list.append(...text.split(/^- /m).filter(Boolean).map((item) => inline(node("li"), item.trim())));
    return list;
  }
  return inline(node("p"), text);
}

function inline(target, text) {
  text.split("`").forEach((part, at) => {
    if (part) target.append(at % 2 === 1 ? node("code", "", part) : part);
  });
  return target;
}

/// A failure in one line: the component's own error, where there is one.
export function reason(error) {
  const own = error?.causes?.[0] ?? error?.message ?? "no reason given";
  return own.replaceAll(/\s+/g, " ");
}

/// Keeps a line about the worker's process.
export async function showWorker(target) {
  for (;;) {
    const known = await fetch("/worker").then((answer) => answer.json(), () => null);
    if (known === null) setText(target, "the server does not answer; what is here stays");
    else if (known.pid === null) setText(target, "a worker starts");
    else setText(target, `worker ${known.pid}` + (known.restarts > 0 ? `, restarted ${known.restarts}×` : ""));
    await new Promise((resolve) => setTimeout(resolve, WORKER_EVERY_MS));
  }
}
