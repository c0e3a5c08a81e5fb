// The page: which articles are on it stands in its URL, what they are stands in their runs.

import { apply, unknownArticle } from "/article.js";
import { newCard, showCard } from "/card.js";
import { showWorker } from "/dom.js";
import { follow } from "/follow.js";
import { cancel, showEarlier, startsRuns } from "/runs.js";

const WORKFLOW = "blog";
const MAX_ON_PAGE = 12;

const articles = document.getElementById("articles");
const topic = document.getElementById("topic");
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
  const others = runs.map(encodeURIComponent).join(",");
  showEarlier(WORKFLOW, runs, (input) => input, (run) => `#${run},${others}`);
}

function show(run) {
  const article = unknownArticle();
  const card = newCard(run, {
    onCancel: () => cancel(run),
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

startsRuns(
  document.getElementById("start"),
  WORKFLOW,
  () => topic.value.trim(),
  (run) => {
    topic.value = "";
    want([run, ...wanted()]);
  },
);
window.addEventListener("hashchange", arrange);
arrange();
showWorker(document.getElementById("worker"));
