// A crawl from a run's events: a fold, without a page and without a network.

/// A crawl of which nothing is known yet.
export function unknownCrawl() {
  return {
    url: "",
    // waiting, working, succeeded, failed, cancelled
    status: "waiting",
    error: null,
    takeovers: 0,
    retried: 0,
    overview: "",
    // By URL, in the order in which they were found.
    pages: new Map(),
    // What calls are about.
    calls: new Map(),
  };
}

/// Takes the next event.
export function apply(crawl, event) {
  switch (event.type) {
    case "run.started":
      crawl.url = event.input?.url ?? "";
      break;
    case "run.claimed":
      // The first claim is how every run of a fleet begins.
      if (crawl.status === "waiting") crawl.status = "working";
      else crawl.takeovers += 1;
      break;
    case "run.ended":
      crawl.status = event.status;
      crawl.error = event.error ?? null;
      if (event.output) crawl.overview = event.output.overview;
      break;
    case "event":
      // A worker that takes over tells again what was found: each page is here once.
      if (event.label === "found") for (const url of event.data.urls) page(crawl, url, event.data.depth);
      break;
    case "component.started":
      begin(crawl, event);
      break;
    default:
      step(crawl, crawl.calls.get(event.call), event);
  }
}

/// How many pages stand how.
export function counts(crawl) {
  const pages = [...crawl.pages.values()];
  const count = (...states) => pages.filter((page) => states.includes(page.state)).length;
  return {
    found: pages.length,
    read: count("read", "summing up", "done"),
    summarised: count("done"),
    failed: count("failed"),
    retried: crawl.retried,
  };
}

function page(crawl, url, depth) {
  if (!crawl.pages.has(url)) crawl.pages.set(url, { url, depth, state: "found", title: "", summary: "", error: null, retries: 0 });
  return crawl.pages.get(url);
}

function begin(crawl, event) {
  if (event.name === "overview") crawl.overview = "";
  if (event.name === "read" || event.name === "summarise") page(crawl, event.label, 0).state = event.name === "read" ? "reading" : "summing up";
  crawl.calls.set(event.call, { name: event.name, url: event.label });
}

function step(crawl, call, event) {
  if (call?.name === "overview") overview(crawl, event);
  if (call?.name !== "read" && call?.name !== "summarise") return;
  const of = crawl.pages.get(call.url);
  if (event.type === "component.retried") {
    crawl.retried += 1;
    Object.assign(of, { state: "retrying", error: event.error, retries: of.retries + 1 });
  }
  if (event.type !== "component.ended") return;
  of.error = event.error ?? null;
  if (event.status !== "succeeded") of.state = event.status;
  else if (call.name === "read") Object.assign(of, { state: "read", title: event.output.title });
  else Object.assign(of, { state: "done", summary: event.output });
}

function overview(crawl, event) {
  if (event.type === "text") crawl.overview += event.text;
  if (event.type === "component.retried") crawl.overview = "";
  if (event.type === "component.ended" && event.status === "succeeded") crawl.overview = event.output;
}
