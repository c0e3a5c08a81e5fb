// Two articles at once: started, refreshed, left, their worker killed, found again, their server killed, finished.

import assert from "node:assert/strict";
import { calls, open, play, stream, until } from "./products.mjs";

const TOPICS = ["asynchronous streams", "parsing numbers"];

/// The cards of a page, as a reader sees them.
const cards = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("#articles > article")].map((card) => ({
      run: card.dataset.run,
      status: card.dataset.status,
      about: card.querySelector(".about").textContent,
      whole: card.querySelector(".whole").textContent,
      sections: [...card.querySelectorAll(".section")].map((section) => ({
        heading: section.querySelector("h3").textContent,
        text: section.querySelector(".text").textContent,
      })),
    })),
  );

const written = (card) => card.sections.map((section) => section.text).join("");

/// Text without what Markdown's marks and blocks add.
const bare = (text) => text.replaceAll(/[\s`>#-]/g, "");

async function begin(page, topic, count) {
  await page.fill("#topic", topic);
  await page.click("#write");
  await until(`the card of ${topic}`, async () => (await cards(page)).length === count);
}

/// What an article's page shows is what its stream says.
async function compare(app, card) {
  const events = await stream(app.url, card.run);
  assert.equal(events.at(-1).type, "run.ended");
  const made = calls(events);
  const of = (name) => made.filter((call) => call.name === name);
  const [outline] = of("outline");
  assert.deepEqual(card.sections.map(({ heading }) => heading), outline.output.sections.map(({ heading }) => heading));
  assert.equal(of("write_section").length, card.sections.length);
  for (const section of of("write_section")) {
    assert.equal(section.text, section.output.text, "the streamed text is the section");
    const shown = card.sections.find(({ heading }) => heading === section.label);
    assert.equal(shown.text, section.text, `the page's text of ${section.label}`);
  }
  const [edit] = of("edit");
  assert.equal(edit.text, edit.output, "the streamed text is the article");
  assert.ok(events.at(-1).output.startsWith(edit.output.trimEnd()));
  assert.equal(bare(card.whole), bare(events.at(-1).output), "the page's article");
  return events.filter((event) => event.type === "run.claimed").length;
}

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
  assert.ok((await cards(page)).some((card) => card.status === "working"), "both ended before the server was killed");
  await app.kill();
  await app.start();
  const finished = await until("both articles", async () => {
    const seen = await cards(page);
    return seen.every((card) => card.status === "succeeded") && seen;
  });

  const claims = await Promise.all(finished.map((card) => compare(app, card)));
  assert.ok(claims.every((count) => count >= 2), `claimed ${claims} times`);
  // Whoever opens the URL anew sees the same.
  const again = await open(await context.browser().newContext(), url, mistakes);
  await until("the same in a new browser", async () => (await cards(again)).every((card) => card.status === "succeeded"));
  const seen = await cards(again);
  assert.deepEqual(seen, finished);
  assert.deepEqual(mistakes, []);
});
