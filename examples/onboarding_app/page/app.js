// The page: which crawl it shows stands in its URL, what that is stands in its run.

import { apply, counts, unknownCrawl } from "/crawl.js";
import { node, reason, setText, showWorker } from "/dom.js";
import { follow } from "/follow.js";
import { cancel, showEarlier, startsRuns } from "/runs.js";

const WORKFLOW = "onboard";
const MAX_PAGES_SHOWN = 200;
/// After the last key that was pressed, and after a page came in.
const SEARCH_AFTER_MS = 200;
const STATUS = { waiting: "waits for a worker", working: "being read", succeeded: "all read", failed: "failed", cancelled: "cancelled" };
const MARK = { waiting: "planned", working: "working", succeeded: "done", failed: "failed", cancelled: "cancelled" };

const byId = (id) => document.getElementById(id);
let crawl = unknownCrawl();
let run = "";
let connection = "waiting";
let stop = () => {};
let drawn = false;
let searchTimer = 0;
/// What the last answer was asked for, and how many pages there were then.
let searched = { query: "", summarised: -1 };

/// Makes the page what its URL says.
function arrange() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted === run) return;
  stop();
  run = wanted;
  crawl = unknownCrawl();
  searched = { query: "", summarised: -1 };
  byId("crawl").hidden = run === "";
  byId("crawl").dataset.run = run;
  byId("pages").replaceChildren();
  byId("hits").replaceChildren();
  stop = run === "" ? () => {} : follow(run, take, (state) => { connection = state; draw(); });
  draw();
  showEarlier(WORKFLOW, [run], (input) => input.url, (other) => `#${other}`);
}

function take(events) {
  for (const event of events) apply(crawl, event);
  draw();
}

/// Many events come at once; they are drawn once. A hidden page draws nothing, so it is no frame that is waited for.
function draw() {
  if (drawn) return;
  drawn = true;
  setTimeout(() => {
    drawn = false;
    show();
  });
}

function show() {
  const count = counts(crawl);
  byId("crawl").dataset.status = connection === "unknown" ? "unknown" : crawl.status;
  setText(byId("site"), crawl.url || run);
  showStatus(byId("status"));
  setText(byId("went"), went());
  const shown = { found: count.found, readCount: count.read, summarised: count.summarised, failed: count.failed, retried: count.retried };
  for (const [id, value] of Object.entries(shown)) setText(byId(id), String(value));
  byId("progress").max = Math.max(count.found, 1);
  byId("progress").value = count.summarised + count.failed;
  byId("overview").hidden = crawl.overview === "";
  setText(byId("overview"), crawl.overview);
  byId("cancel").hidden = !["waiting", "working"].includes(crawl.status);
  showPages();
  // Pages come in faster than anybody reads: what waits to be searched is searched once.
  if (count.summarised !== searched.summarised && searchTimer === 0) searchSoon();
}

function showStatus(mark) {
  const [className, text] =
    connection === "unknown" ? ["failed", "no such crawl"]
    : connection === "lost" ? ["retrying", "connecting again"]
    : [MARK[crawl.status], STATUS[crawl.status]];
  mark.className = `mark ${className}`;
  setText(mark, text);
}

function went() {
  const parts = [];
  if (crawl.takeovers > 0) parts.push(`went on in another worker ${crawl.takeovers}×`);
  if (crawl.error) parts.push(reason(crawl.error));
  return parts.join(" · ");
}

function showPages() {
  const list = byId("pages");
  [...crawl.pages.values()].slice(0, MAX_PAGES_SHOWN).forEach((page, at) => {
    const item = list.children[at] ?? list.appendChild(newPage(page.url));
    item.dataset.state = page.state;
    const mark = item.querySelector(".mark");
    mark.className = `mark ${page.state === "summing up" ? "working" : page.state}`;
    setText(mark, page.state);
    setText(item.querySelector("a"), page.title || page.url);
    setText(item.querySelector("p"), saying(page));
  });
}

function saying(page) {
  const tries = page.retries > 0 ? ` (tried again ${page.retries}×)` : "";
  if (page.state === "failed") return `${reason(page.error)}${tries}`;
  if (page.state === "retrying") return `${reason(page.error)}, again soon`;
  return `${page.summary}${tries}`;
}

function newPage(url) {
  const item = node("li");
  const link = node("a");
  // Only pages of the web are found, so that is what it leads to.
  link.href = url;
  link.rel = "noreferrer";
  item.dataset.url = url;
  item.append(node("span", "mark"), link, node("p", "note"));
  return item;
}

function searchSoon() {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(search, SEARCH_AFTER_MS);
}

async function search() {
  searchTimer = 0;
  const query = byId("query").value.trim();
  const of = run;
  searched = { query, summarised: counts(crawl).summarised };
  if (query === "" || of === "") {
    byId("hits").replaceChildren();
    setText(byId("searched"), "");
    return;
  }
  const answer = await fetch(`/search/${encodeURIComponent(of)}?q=${encodeURIComponent(query)}`)
    .then(async (answer) => ({ ok: answer.ok, ...(await answer.json()) }), () => ({ error: "the server does not answer" }));
  // Somebody typed on, or went elsewhere, meanwhile.
  if (of !== run || query !== byId("query").value.trim()) return;
  if (!answer.ok) return setText(byId("searched"), `Not searched: ${answer.error}`);
  setText(byId("searched"), `${answer.hits.length === 0 ? "Nothing" : answer.hits.length} found in ${answer.pages} pages`);
  byId("hits").replaceChildren(...answer.hits.map(hit));
}

function hit({ url, title, summary, excerpt }) {
  const item = node("li");
  item.dataset.url = url;
  const link = node("a", "", title);
  link.href = url;
  link.rel = "noreferrer";
  item.append(link, node("p", "prose", excerpt || summary), node("p", "note", url));
  return item;
}

async function offerSite() {
  const site = await fetch("/site.json").then((answer) => answer.json(), () => null);
  if (site === null) return;
  if (byId("url").value === "") byId("url").value = new URL(site.first, location.origin).href;
  setText(byId("about"), `Offered: ${site.about}.`);
}

startsRuns(
  byId("start"),
  WORKFLOW,
  () => ({ url: byId("url").value.trim() }),
  (started) => { location.hash = encodeURIComponent(started); },
);
byId("search").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  clearTimeout(searchTimer);
  search();
});
byId("query").addEventListener("input", searchSoon);
byId("cancel").addEventListener("click", () => cancel(run));
window.addEventListener("hashchange", arrange);
arrange();
offerSite();
showWorker(byId("worker"));
