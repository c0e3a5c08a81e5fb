// A run is followed live; whoever comes in the middle, or comes back, sees the same.

import assert from "node:assert/strict";

import { evil, row, send, start, startWaiting, takeOver, until, url, walk } from "./console.mjs";

/** Everything that is said of the run and of a call, without what only time changes. */
async function shown(page) {
  await row(page, "approve").click();
  return page.evaluate(() => {
    const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
    const rows = [...document.querySelectorAll(".row[data-at]")].map((row) =>
      [...row.querySelectorAll(".name, .marks, .badge .word")].map((part) => part.textContent).join("|"),
    );
    return {
      rows,
      plan: texts(".stage"),
      status: texts(".title-line .word"),
      asks: texts(".inputs .name"),
      details: texts(".detail .streamed"),
      objects: texts(".detail .value"),
    };
  });
}

await walk(async (page, { context, wrong }) => {
  const run = await start(evil, "tides");
  await page.goto(url(`#/run/${run}`));
  await page.locator(".inputs .name", { hasText: "approval" }).waitFor();
  await row(page, "approve").locator(".badge", { hasText: "running" }).waitFor();
  assert.deepEqual(await page.locator(".plan .stage .word").allInnerTexts(), ["done", "running", "to come"]);
  assert.equal(await row(page, "research").locator(".mark").innerText(), "2 attempts");
  assert.equal(await page.locator(".row .mark", { hasText: "cached" }).count(), 1);
  assert.equal(await page.locator(".row .mark", { hasText: "fallback" }).count(), 2);
  assert.ok((await row(page, "research").locator(".piece").count()) >= 2);

  const before = await shown(page);
  assert.equal(before.details.join("").includes("Before the gate."), true);
  await page.reload();
  await page.locator(".inputs .name", { hasText: "approval" }).waitFor();
  await until(async () => assert.deepEqual(await shown(page), before));
  assert.match(page.url(), /call=[0-9a-f]{32}/);

  // The call that was looked at is what the address names.
  await row(page, "research").click();
  const detail = page.locator(".detail");
  await detail.getByText("812 in, 96 out").waitFor();
  assert.equal(await detail.locator(".superseded").count(), 2);
  assert.equal(await detail.locator(".attempts tbody tr").count(), 2);
  await detail.locator(".objects .value", { hasText: '"two"' }).waitFor();
  await detail.locator(".log li", { hasText: "two sources disagree" }).waitFor();
  await detail.getByText("3 of 8").waitFor();
  await page.reload();
  await detail.getByText("812 in, 96 out").waitFor();

  // Nothing is read while nobody looks, and nothing is missing afterwards.
  const hide = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await row(page, "approve").click();
  const pre = detail.locator(".streamed").last();
  const element = await pre.elementHandle();
  await hide(true);
  await send(run, { ok: true });
  await until(async () =>
    assert.equal((await (await fetch(url().replace("console", `runs/${run}`))).json()).status, "succeeded"),
  );
  assert.ok(!(await pre.innerText()).includes("Behind"), "it was not read");
  await hide(false);
  await page.locator(".title-line .badge", { hasText: "succeeded" }).waitFor();
  await detail.locator(".streamed", { hasText: "Before the gate. Behind the gate." }).waitFor();
  assert.ok(await pre.evaluate((now, before) => now === before, element), "text was added to, not drawn anew");
  assert.deepEqual(await page.locator(".plan .stage .word").allInnerTexts(), ["done", "done", "done"]);

  // Another page, of the same run when it is over, shows what this one came to show.
  const live = await shown(page);
  const other = await context.newPage();
  await other.goto(url(`#/run/${run}`));
  await other.locator(".title-line .badge", { hasText: "succeeded" }).waitFor();
  await until(async () => assert.deepEqual(await shown(other), live));

  await page.getByRole("tab", { name: /Events/ }).click();
  await page.locator(".raw li").first().locator(".type", { hasText: "run.ended" }).waitFor();
  await page.reload();
  await page.locator(".raw li").first().locator(".type", { hasText: "run.ended" }).waitFor();

  // Another process goes on with a run: what was recorded is replayed, what was streamed by an open call is superseded.
  const moved = await startWaiting("moons");
  await page.goto(url(`#/run/${moved}`));
  await page.locator(".inputs").waitFor();
  await takeOver(moved);
  await page.locator('[data-name="Taken over"]', { hasText: "1 time" }).waitFor();
  await row(page, "research").locator(".mark", { hasText: "replayed" }).waitFor();
  await row(page, "approve").locator(".mark", { hasText: "resumed" }).waitFor();
  await row(page, "approve").click();
  await detail.locator(".superseded").waitFor();
  await send(moved, { ok: true });
  await page.locator(".title-line .badge", { hasText: "succeeded" }).waitFor();
  await detail.locator(".streamed", { hasText: /^Before the gate\. Behind the gate\.$/ }).waitFor();
  assert.equal(await detail.locator(".superseded").count(), 1);

  await page.goto(url("#/run/nobody"));
  await page.getByRole("alert").filter({ hasText: "there is no run `nobody`" }).waitFor();
  // The browser itself reports the 404 that was asked for, and the streams that the API cut.
  const isAsked = (text) => text.includes("404") || text.includes("ERR_INCOMPLETE_CHUNKED_ENCODING");
  assert.ok(
    wrong.every(isAsked),
    `${wrong}`,
  );
  wrong.length = 0;
});
