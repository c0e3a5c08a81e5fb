// The page: which articles are on it stands in its URL, what they are stands in their runs.

import { apply, unknownArticle } from "/article.js";
import { newCard, showCard } from "/card.js";
import { newKey, node, showWorker, start } from "/dom.js";
import { follow } from "/follow.js";

const WORKFLOW = "blog";
const MAX_ON_PAGE = 12;
const MAX_EARLIER = 20;

const articles = document.getElementById("articles");
const problem = document.getElementById("problem");
const shown = new Map();

/// The runs that the URL names.
function wanted() {
  const runs = location.hash.slice(1).split(",").filter(Boolean).map(decodeURIComponent);
  return [...new Set(runs)].slice(0, MAX_ON_PAGE);
}

function want(runs) {
  location.hash = runs.slice(0, MAX_ON_PAGE).map(encodeURIComponent).join(",");
}

/// Makes the page what its URL says.
function arrange() {
  const runs = wanted();
  for (const [run, { card, stop }] of shown) {
    if (runs.includes(run)) continue;
    stop();
    card.remove();
    shown.delete(run);
  }
  for (const run of runs) if (!shown.has(run)) show(run);
  articles.append(...runs.map((run) => shown.get(run).card));
  showEarlier();
}

function show(run) {
  const article = unknownArticle();
  const card = newCard(run, {
    onCancel: () => fetch(`/api/runs/${encodeURIComponent(run)}/cancel`, { method: "POST" }),
    onClose: () => want(wanted().filter((other) => other !== run)),
  });
  let connection = "waiting";
  let drawn = false;
  // Many events come at once; they are drawn once. A hidden page draws nothing, so it is no frame that is waited for.
  const draw = () => {
    if (drawn) return;
    drawn = true;
    setTimeout(() => {
      drawn = false;
      showCard(card, article, connection);
    });
  };
  const stop = follow(
    run,
    (events) => {
      for (const event of events) apply(article, event);
      draw();
    },
    (state) => {
      connection = state;
      draw();
    },
  );
  shown.set(run, { card, stop });
  draw();
}

async function showEarlier() {
  const answer = await fetch(`/api/runs?workflow=${WORKFLOW}&limit=${MAX_EARLIER}`).then((answer) => answer.json(), () => ({}));
  const here = wanted();
  const others = (answer.runs ?? []).filter((run) => !here.includes(run.id));
  const items = others.map((run) => {
    const item = node("li");
    const link = node("a", "", run.id);
    link.href = `#${[encodeURIComponent(run.id), ...here.map(encodeURIComponent)].join(",")}`;
    item.append(link, ` ${run.status}`);
    return item;
  });
  document.getElementById("list").replaceChildren(...items);
  document.getElementById("earlier").hidden = items.length === 0;
}

/// The key of what was sent and not answered: sending it again starts nothing twice.
let unanswered = null;

document.getElementById("start").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const input = document.getElementById("topic");
  const button = document.getElementById("write");
  const topic = input.value.trim();
  if (!topic || button.disabled) return;
  if (unanswered?.topic !== topic) unanswered = { topic, key: newKey() };
  button.disabled = true;
  problem.textContent = "";
  try {
    const run = await start(WORKFLOW, topic, unanswered.key);
    unanswered = null;
    input.value = "";
    want([run, ...wanted()]);
  } catch (error) {
    problem.textContent = `It was not started: ${error.message}`;
  } finally {
    button.disabled = false;
  }
});

window.addEventListener("hashchange", arrange);
arrange();
showWorker(document.getElementById("worker"));
