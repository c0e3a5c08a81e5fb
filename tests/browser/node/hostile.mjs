// Every string of a run is text: nothing in it is executed, becomes an element, or an address.

import assert from "node:assert/strict";

import { api, evil, send, startWaiting, until, url, walk } from "./console.mjs";

/** Elements and addresses that only markup in a string could have made. */
const foreign = (page) =>
  page.evaluate(() => ({
    images: [...document.images]
      .map((image) => image.getAttribute("src"))
      .filter((source) => source !== "console/icon.svg"),
    scripts: [...document.scripts]
      .map((script) => script.getAttribute("src"))
      .filter((source) => source !== "console/app.js"),
    links: [...document.links].map((link) => link.getAttribute("href")).filter((href) => !href.startsWith("#")),
  }));
const NOTHING = { images: [], scripts: [], links: [] };

await walk(async (page, { wrong }) => {
  const run = await startWaiting(`topic ${evil}`);
  await page.goto(url());
  await page.locator("td.c-workflow", { hasText: evil }).waitFor();
  assert.deepEqual(await foreign(page), NOTHING);

  await page.goto(url(`#/run/${run}`));
  await page.locator(".inputs").waitFor();
  await send(run, { fail: true, [evil]: [evil, { [evil]: null }] });
  await page.locator(".title-line .badge", { hasText: "failed" }).waitFor();
  const rows = page.locator(".row[data-at]");
  const seen = [];
  for (let at = 0; at < (await rows.count()); at += 1) {
    await rows.nth(at).click();
    for (const summary of await page.locator(".superseded summary").all()) await summary.click();
    seen.push(await page.locator(".detail").innerText());
    assert.deepEqual(await foreign(page), NOTHING);
  }
  // It was all there to be looked at.
  const text = seen.join("\n");
  for (const part of [
    `Section ${evil}`,
    `model ${evil}`,
    `Object ${evil}`,
    `Text ${evil}`,
    `two sources disagree ${evil}`,
  ]) {
    assert.ok(text.includes(part), part);
  }
  for (const part of [
    `the engine is busy ${evil}`,
    `it cannot be published ${evil}`,
    JSON.stringify(evil),
    "18446744073709551615",
  ]) {
    assert.ok(text.includes(part), part);
  }
  await page.getByRole("tab", { name: /Events/ }).click();
  await page.locator(".raw .line", { hasText: "window.hacked" }).first().waitFor();
  assert.deepEqual(await foreign(page), NOTHING);

  // What the API says of a failure, and what an address holds, is text as well.
  await page.goto(url(`#/?workflow=${encodeURIComponent(evil)}&status=${encodeURIComponent(evil)}`));
  await until(async () => assert.equal(await page.getByLabel("Workflow").inputValue(), evil));
  await page.goto(url("#/run/javascript%3Aalert(1)%3Cimg%20src%3Dx%3E"));
  await page.getByRole("heading", { name: "javascript:alert(1)" }).waitFor();
  assert.deepEqual(await foreign(page), NOTHING);
  assert.equal((await api(`runs/${run}`)).status, "failed");
  // A run of that name is none: the browser itself reports the answer.
  assert.ok(
    wrong.every((text) => /status of 40[04]/.test(text)),
    `${wrong}`,
  );
  wrong.length = 0;
});
