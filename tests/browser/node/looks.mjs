// Both views, narrow and wide, light and dark: nothing sticks out, and every text stands out from its ground.
//
// Pictures go to GENSX_SCRATCH, for people to look at.

import assert from "node:assert/strict";
import { join } from "node:path";

import { fits, row, send, start, startWaiting, url, walk } from "./console.mjs";

const open = await startWaiting("tides");
const failed = await startWaiting("moons");
await send(failed, { fail: true });
await start("many", 300);

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [
    [360, 780],
    [1440, 900],
  ]) {
    await walk((page) => look(page, `${colorScheme}-${width}`), { colorScheme, viewport: { width, height } });
  }
}

async function look(page, name) {
  const picture = async (view, fullPage = false) => {
    await fits(page, `${view}-${name}`);
    assert.deepEqual(await page.evaluate(faint), [], `${view}-${name}`);
    const folder = process.env.GENSX_SCRATCH;
    if (folder) await page.screenshot({ path: join(folder, `console-${view}-${name}.png`), fullPage });
  };
  await page.goto(url());
  await page.locator(`tr[data-run="${open}"]`).waitFor();
  await picture("runs");
  await page.goto(url(`#/run/${open}`));
  await page.locator(".inputs").waitFor();
  await row(page, "research").click();
  await page.locator(".detail .log").waitFor();
  await picture("run", true);
  await page.getByRole("tab", { name: /Events/ }).click();
  await page.locator(".raw li").first().waitFor();
  await picture("events");
  await page.goto(url(`#/run/${failed}`));
  await row(page, "publish_it").click();
  await page.locator(".detail .error-box").waitFor();
  await picture("failed", true);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").waitFor();
  await picture("dialog");
}

/** Texts whose contrast is below 4.5:1, the least of WCAG's level AA. It runs in the page. */
function faint() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => {
    const [red, green, blue] = colour.map((part) =>
      part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const found = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest(".unseen, button:disabled, .sign, noscript")) continue;
    const grounds = [];
    for (let at = element; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
    const style = getComputedStyle(element);
    const [one, other] = [light(paint([...grounds, style.color])), light(paint(grounds))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) found.add(`${element.className || element.tagName} ${style.color}: ${contrast.toFixed(2)}`);
  }
  return [...found];
}
