// Starting runs, and finding earlier ones.

import { node, setText } from "/dom.js";

const MAX_EARLIER = 8;

/// Starts a run with what `inputOf` gives, whenever the form is sent, and tells `onStarted` its id.
export function startsRuns(form, workflow, inputOf, onStarted) {
  const button = form.querySelector("button");
  const problem = document.getElementById("problem");
  // What was sent and not answered: sent again under its key, it is the same run.
  let unanswered = null;
  form.addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    const input = inputOf();
    if (!input || button.disabled) return;
    const body = JSON.stringify(input);
    if (unanswered?.body !== body) unanswered = { body, key: newKey() };
    button.disabled = true;
    setText(problem, "");
    try {
      const run = await start(workflow, unanswered);
      unanswered = null;
      onStarted(run);
    } catch (error) {
      setText(problem, `It was not started: ${error.message}`);
    } finally {
      button.disabled = false;
    }
  });
}

async function start(workflow, { body, key }) {
  const answer = await fetch(`/api/workflows/${workflow}/start`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body,
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `the server answered ${answer.status}`);
  return said.executionId;
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/// Cancels a run. Its stream says what came of it.
export function cancel(run) {
  return fetch(`/api/runs/${encodeURIComponent(run)}/cancel`, { method: "POST" }).catch(() => {});
}

let asked = 0;

/// Lists the latest runs that are not `here`, by what they were started with.
export async function showEarlier(workflow, here, nameOf, hrefOf) {
  asked += 1;
  const turn = asked;
  const json = (path) => fetch(path).then((answer) => answer.json(), () => ({}));
  const { runs = [] } = await json(`/api/runs?workflow=${workflow}&limit=${MAX_EARLIER + here.length}`);
  const others = runs.filter((run) => !here.includes(run.id)).slice(0, MAX_EARLIER);
  const items = await Promise.all(
    others.map(async ({ id }) => {
      const { input, status = "" } = await json(`/api/runs/${encodeURIComponent(id)}`);
      const link = node("a", "", (input && nameOf(input)) || id);
      link.href = hrefOf(encodeURIComponent(id));
      const item = node("li");
      item.append(link, ` ${status}`);
      return item;
    }),
  );
  // The page went elsewhere meanwhile.
  if (turn !== asked) return;
  document.getElementById("list").replaceChildren(...items);
  document.getElementById("earlier").hidden = items.length === 0;
}
