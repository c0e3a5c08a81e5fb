// A run of 2,000 calls and their events: few elements, every row within reach.

import assert from "node:assert/strict";

import { api, start, until, url, walk } from "./console.mjs";

/** Far more than are in sight, and far fewer than there are. */
const MOST_ROWS = 120;

await walk(async (page) => {
  const run = await start("many", 2_000);
  await page.goto(url(`#/run/${run}`));
  await page.locator(".title-line .badge", { hasText: "succeeded" }).waitFor();
  assert.equal((await api(`runs/${run}`)).calls.succeeded, 2_000);
  const tree = page.getByRole("treegrid");
  // The calls, the run's own row, and the head.
  assert.equal(await tree.getAttribute("aria-rowcount"), "2002");
  await page.getByRole("tab", { name: "Calls (2,000)" }).waitFor();

  const last = { group: 19, number: 98 };
  const scroll = page.locator(".tree-scroll");
  const rows = page.locator(".row[data-at]");
  for (let part = 0; part <= 20; part += 1) {
    await scroll.evaluate((element, part) => (element.scrollTop = (element.scrollHeight * part) / 20), part);
    // What is in the middle of the box is a row, wherever it was scrolled to.
    await until(async () => {
      const box = await scroll.boundingBox();
      const name = await page.evaluate(
        ([x, y]) => document.elementFromPoint(x, y)?.closest(".row")?.querySelector(".name")?.textContent,
        [box.x + 200, box.y + box.height / 2],
      );
      assert.match(name ?? "", /^(many|hundred|small)$/);
    });
    assert.ok((await rows.count()) <= MOST_ROWS, `${await rows.count()} rows`);
  }
  await tree.focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.locator(".detail .input .value", { hasText: `"number": ${last.number}` }).waitFor();
  await page.locator(".detail .streamed", { hasText: `${last.group}-${last.number}` }).waitFor();

  await page.getByLabel("Find a call").fill("hundred");
  await until(async () => assert.equal(await tree.getAttribute("aria-rowcount"), "22"));
  await page.getByLabel("Find a call").fill("");
  await until(async () => assert.equal(await tree.getAttribute("aria-rowcount"), "2002"));

  await page.getByRole("tab", { name: /Events/ }).click();
  await until(async () => assert.equal(await page.locator(".raw li").count(), 100));
  const seen = await page.locator(".raw li .position").first().innerText();
  await page.getByRole("button", { name: "Older" }).click();
  await until(async () => assert.notEqual(await page.locator(".raw li .position").first().innerText(), seen));
});
