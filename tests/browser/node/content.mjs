// Two articles at once: started, refreshed, left, their worker killed, found again, their server killed, finished.

import assert from "node:assert/strict";
import { begin, cards, compare, grew, written } from "./articles.mjs";
import { open, play, until } from "./products.mjs";

const TOPICS = ["asynchronous streams", "parsing numbers"];

await play(async (app, context) => {
  const mistakes = [];
  let page = await open(context, app.url, mistakes);
  await begin(page, TOPICS[0], 1);
  await begin(page, TOPICS[1], 2);
  const before = await until("sections of both being written", async () => {
    const seen = await cards(page);
    return seen.every((card) => written(card) !== "") && seen;
  });

  // Refreshed: what was there is there, and it goes on.
  await page.reload();
  await until("the same and more", async () => {
    const seen = await cards(page);
    return before.every((old) => {
      const now = seen.find((card) => card.run === old.run);
      return old.sections.every((section, at) => now?.sections[at]?.text.startsWith(section.text));
    });
  });

  // Nobody watches, and the worker dies.
  const url = page.url();
  await page.close();
  await app.killWorker();
  page = await open(context, url, mistakes);
  await until("both to go on in another worker", async () => {
    const seen = await cards(page);
    return seen.length === 2 && seen.every((card) => card.about.includes("another worker"));
  });

  // The server dies under an open page, which comes back by itself.
  const midway = await until("a text that goes on", async () => {
    const seen = await cards(page);
    return seen.some((card) => card.status === "working" && card.whole !== "") && seen;
  });
  await app.kill();
  await app.start();
  const finished = await until("both articles", async () => {
    const seen = await cards(page);
    return seen.every((card) => card.status === "succeeded") && seen;
  });

  grew([...before, ...midway], finished);
  for (const card of finished) {
    const claims = (await compare(app, card)).filter((event) => event.type === "run.claimed");
    assert.ok(claims.length >= 2, `claimed ${claims.length} times`);
  }
  // Whoever opens the URL anew sees the same.
  const again = await open(await context.browser().newContext(), url, mistakes);
  await until("the same in a new browser", async () => (await cards(again)).every((card) => card.status === "succeeded"));
  const seen = await cards(again);
  assert.deepEqual(seen, finished);
  assert.deepEqual(mistakes, []);
});
