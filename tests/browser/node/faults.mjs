// Articles while the model server fails: what a failed attempt had streamed is gone from the page.

import assert from "node:assert/strict";
import { begin, cards, compare } from "./articles.mjs";
import { open, play, until } from "./products.mjs";

const TOPICS = ["error handling", "asynchronous streams"];

await play(
  async (app, context) => {
    const mistakes = [];
    const page = await open(context, app.url, mistakes);
    for (const [at, topic] of TOPICS.entries()) await begin(page, topic, at + 1);
    const finished = await until("the articles", async () => {
      const seen = await cards(page);
      return seen.every((card) => card.status === "succeeded") && seen;
    });
    const events = (await Promise.all(finished.map((card) => compare(app, card)))).flat();
    assert.ok(events.some((event) => event.type === "component.retried"), "nothing failed");
    assert.deepEqual(mistakes, []);
  },
  { FLAKY: "7" },
);
