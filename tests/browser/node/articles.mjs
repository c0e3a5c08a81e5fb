// Articles, as a reader of the page sees them and as their streams tell them.

import assert from "node:assert/strict";
import { calls, stream, until } from "./products.mjs";

/// The cards of a page, as a reader sees them.
export const cards = (page) =>
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

export const written = (card) => card.sections.map((section) => section.text).join("");

/// Text without what Markdown's marks and blocks add.
const bare = (text) => text.replaceAll(/[\s`>#-]/g, "");

/// Gives a topic.
export async function begin(page, topic, count) {
  await page.fill("#topic", topic);
  await page.click("#write");
  await until(`the card of ${topic}`, async () => (await cards(page)).length === count);
}

/// What an article's page shows is what its stream says. Gives its events.
export async function compare(app, card) {
  const events = await stream(app.url, card.run);
  assert.equal(events.at(-1).type, "run.ended");
  const made = calls(events);
  const of = (name) => made.filter((call) => call.name === name);
  const [outline] = of("outline");
  const planned = outline.output.sections.map(({ heading }) => bare(heading));
  assert.deepEqual(card.sections.map(({ heading }) => bare(heading)), planned);
  assert.equal(of("write_section").length, card.sections.length);
  for (const section of of("write_section")) {
    assert.equal(section.text, section.output.text, "the streamed text is the section");
    const shown = card.sections.find(({ heading }) => bare(heading) === bare(section.label));
    assert.equal(shown.text, section.text, `the page's text of ${section.label}`);
  }
  const [edit] = of("edit");
  assert.equal(edit.text, edit.output, "the streamed text is the article");
  assert.ok(events.at(-1).output.startsWith(edit.output.trimEnd()));
  assert.equal(bare(card.whole), bare(events.at(-1).output), "the page's article");
  return events;
}

/// What was shown midway is the beginning of what is shown at the end: nothing of it was twice.
export function grew(midway, finished) {
  for (const old of midway) {
    const now = finished.find((card) => card.run === old.run);
    assert.ok(bare(now.whole).startsWith(bare(old.whole)), `midway: ${old.whole}\nat the end: ${now.whole}`);
    old.sections.forEach((section, at) => assert.ok(now.sections[at].text.startsWith(section.text), section.text));
  }
}
