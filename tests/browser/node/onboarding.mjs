// A site with faults: crawled, searched meanwhile, its worker killed, found again, searched at the end. Then the site that
// the product itself offers.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { calls, open, play, stream, until } from "./products.mjs";

/// A site's own time to think: the crawl takes a few seconds.
const THINKING_MS = 120;
const LEAVES = ["heron", "otter", "badger", "falcon", "lynx", "marten", "beaver", "curlew", "viper", "salmon", "plover", "weasel"];
const BRANCHES = ["birds", "beasts"];

/// A site on this machine: what it answers, and what it was asked.
async function serveSite() {
  const asked = new Map();
  const body = (title, text, links) =>
    `<!doctype html><title>${title}</title><nav>${links.map((link) => `<a href="${link}">${link}</a>`).join(" ")}</nav><p>${text}</p>`;
  const pages = new Map([
    ["/docs/", body("Animals", "This site tells what is known about animals of rivers and woods.", [...BRANCHES.map((name) => `${name}.html`), "flaky.html", "gone.html", "broken.html", "slow.html", "private/x.html", "/outside.html", "http://127.0.0.1:1/"])],
    ["/docs/flaky.html", body("The flaky page", "This page about hedgehogs comes only when it is asked twice.", [])],
    ["/docs/slow.html", body("The slow page", "This page about tortoises comes only when it is asked twice.", [])],
    ...BRANCHES.map((name, at) => [`/docs/${name}.html`, body(name, `All the ${name} of the valley are listed here in their order.`, LEAVES.filter((_, leaf) => leaf % 2 === at).map((leaf) => `${leaf}.html`))]),
    ...LEAVES.map((leaf) => [`/docs/${leaf}.html`, body(leaf, `The ${leaf} is an animal that lives by the river all the year. It sleeps in winter.`, ["./", "#top"])]),
  ]);
  const server = createServer((request, response) => {
    const count = (asked.get(request.url) ?? 0) + 1;
    asked.set(request.url, count);
    const answer = (status, type, text) =>
      setTimeout(() => response.writeHead(status, { "content-type": type }).end(text), THINKING_MS);
    if (request.url === "/robots.txt") return answer(200, "text/plain", "User-agent: *\nDisallow: /docs/private/\n");
    if (request.url === "/docs/broken.html") return answer(500, "text/html", "");
    if (request.url === "/docs/flaky.html" && count === 1) return answer(503, "text/html", "");
    // It never answers: the crawler's patience ends.
    if (request.url === "/docs/slow.html" && count === 1) return undefined;
    const page = pages.get(request.url);
    return page ? answer(200, "text/html; charset=utf-8", page) : answer(404, "text/html", "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, asked, pages: [...pages.keys()] };
}

/// The page, as a reader sees it.
const look = (page) =>
  page.evaluate(() => ({
    run: document.getElementById("crawl").dataset.run,
    status: document.getElementById("crawl").dataset.status,
    went: document.getElementById("went").textContent,
    overview: document.getElementById("overview").textContent,
    counts: [...document.querySelectorAll("#counts dd")].map((count) => Number(count.textContent)),
    hits: [...document.querySelectorAll("#hits li")].map((hit) => hit.dataset.url),
    pages: [...document.querySelectorAll("#pages li")].map((item) => ({
      url: item.dataset.url,
      state: item.dataset.state,
      title: item.querySelector("a").textContent,
      says: item.querySelector("p").textContent,
    })),
  }));

const done = (seen) => seen.pages.filter((page) => page.state === "done");

async function find(page, word, url) {
  await page.fill("#query", word);
  return until(`${url} among what is found of ${word}`, async () => {
    const seen = await look(page);
    return seen.hits[0] === url && seen;
  });
}

async function crawlOfSite(app, context, site, mistakes) {
  let page = await open(context, app.url, mistakes);
  await page.fill("#url", `${site.origin}/docs/`);
  await page.click("#read");

  // Searched while it goes on.
  await until("the first page", async () => done(await look(page)).length > 0);
  const early = await find(page, "animals", `${site.origin}/docs/`);
  assert.equal(early.status, "working", "it was found while the crawl went on");

  await page.reload();
  const before = await until("what was there before", async () => {
    const seen = await look(page);
    return done(seen).length >= Math.max(done(early).length, 3) && seen;
  });
  const url = page.url();
  await page.close();
  const recorded = calls(await stream(app.url, before.run)).filter((call) => call.name === "read" && call.succeeded);
  await app.killWorker();
  page = await open(context, url, mistakes);
  const seen = await until("the whole site", async () => {
    const seen = await look(page);
    return seen.status === "succeeded" && seen;
  });
  assert.ok(seen.went.includes("another worker"), seen.went);
  for (const call of recorded) {
    const path = new URL(call.label).pathname;
    assert.ok(site.asked.get(path) <= call.retries + 1, `${path} was read, and is asked for again`);
  }
  return { page, seen };
}

/// What the page shows is what the stream says, and that is the site.
async function compare(app, site, seen) {
  const made = calls(await stream(app.url, seen.run));
  const states = new Map(seen.pages.map((page) => [page.url, page]));
  const reads = made.filter((call) => call.name === "read");
  assert.equal(seen.pages.length, reads.length);
  assert.equal(new Set(reads.map((call) => call.label)).size, reads.length, "a page has two readings");
  for (const read of reads) {
    const page = states.get(read.label);
    assert.equal(page.state, read.succeeded ? "done" : "failed", read.label);
    if (!read.succeeded) continue;
    const summary = made.find((call) => call.name === "summarise" && call.label === read.label);
    assert.equal(page.title, read.output.title);
    assert.ok(page.says.startsWith(summary.output), `${page.says} / ${summary.output}`);
  }
  const expected = site.pages.map((path) => site.origin + path).sort();
  assert.deepEqual(done(seen).map((page) => page.url).sort(), expected);
  const failed = seen.pages.filter((page) => page.state === "failed").map((page) => [new URL(page.url).pathname, page.says]);
  assert.deepEqual(failed.sort(), [
    ["/docs/broken.html", "the site answered 500 (tried again 2×)"],
    ["/docs/gone.html", "the site answered 404"],
  ]);
  const retried = made.reduce((sum, call) => sum + call.retries, 0);
  assert.deepEqual(seen.counts, [reads.length, expected.length, expected.length, 2, retried]);
  assert.ok(retried >= 3, `the broken page twice, the flaky or the slow one: ${retried}`);
  assert.equal(seen.overview, made.find((call) => call.name === "overview").output);
  assert.ok(!site.asked.has("/docs/private/x.html") && !site.asked.has("/outside.html"), "what it must not read");
}

/// The documentation that the product serves itself, as far as its first pages.
async function crawlOfOffered(app, context, mistakes) {
  const page = await open(context, app.url, mistakes);
  await until("the site that is offered", async () => (await page.inputValue("#url")).startsWith(app.url));
  await page.click("#read");
  await until("pages of it", async () => done(await look(page)).length >= 2);
  await page.click("#cancel");
  await until("its end", async () => ["cancelled", "succeeded"].includes((await look(page)).status));
}

await play(async (app, context) => {
  const mistakes = [];
  const site = await serveSite();
  const { page, seen } = await crawlOfSite(app, context, site, mistakes);
  await compare(app, site, seen);
  await find(page, "weasel", `${site.origin}/docs/weasel.html`);
  await crawlOfOffered(app, context, mistakes);
  assert.deepEqual(mistakes, []);
});
