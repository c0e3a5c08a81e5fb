// What is asked of a run from its page: an input, its end, another attempt, to be forgotten; and what is said when it fails.

import assert from "node:assert/strict";

import { api, row, startWaiting, until, url, walk } from "./console.mjs";

const status = (page, word) => page.locator(".title-line .badge", { hasText: word }).waitFor();

await walk(async (page, { wrong }) => {
  const first = await startWaiting("tides");
  await page.goto(url(`#/run/${first}`));
  const field = page.getByLabel("approval");
  await field.fill("{ no json");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("alert").filter({ hasText: "This is not JSON" }).waitFor();
  await field.fill('{ "fail": true, "note": "\u{1F30A}" }');
  await page.getByRole("button", { name: "Send" }).click();
  await status(page, "failed");
  await page.locator(".inputs").waitFor({ state: "hidden" });
  const input = row(page, "approval");
  await input.click();
  await page.locator(".detail .output .value", { hasText: "\u{1F30A}" }).waitFor();
  await row(page, "publish_it").locator(".why", { hasText: "it cannot be published" }).waitFor();
  await row(page, "publish_it").click();
  await page.locator(".detail .error-box", { hasText: "it cannot be published" }).waitFor();

  await page.getByRole("button", { name: "Retry" }).click();
  await until(() => assert.ok(!page.url().includes(first)));
  const second = decodeURIComponent(/#\/run\/([^?]+)/.exec(page.url())[1]);
  await page.locator('[data-name="Retry of"] a', { hasText: first }).waitFor();
  assert.equal((await api(`runs/${second}`)).retry_of, first);
  await row(page, "research").locator(".mark", { hasText: "carried" }).waitFor();
  await status(page, "failed");

  const third = await startWaiting("moons");
  await page.goto(url(`#/run/${third}`));
  await page.getByRole("button", { name: "Cancel run" }).click();
  await status(page, "cancelled");
  await row(page, "approval").locator(".badge", { hasText: "cancelled" }).waitFor();

  await page.getByRole("button", { name: "Retry" }).waitFor();

  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByText(third).waitFor();
  await dialog.getByRole("button", { name: "Keep it" }).click();
  await api(`runs/${third}`);
  // What the API refuses is shown, and nothing else happens.
  const refuse = (route) =>
    route.request().method() === "DELETE"
      ? route.fulfill({ status: 409, contentType: "application/json", body: '{"error":"not now","code":"running"}' })
      : route.fallback();
  await page.route(`**/runs/${third}`, refuse);
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete it" }).click();
  await page.getByRole("alert").filter({ hasText: "Delete: not now" }).waitFor();
  await page.unroute(`**/runs/${third}`, refuse);
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete it" }).click();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  await page.locator(`tr[data-run="${first}"]`).waitFor();
  assert.equal(await page.locator(`tr[data-run="${third}"]`).count(), 0);

  // A lost connection is said, and made again.
  const fourth = await startWaiting("stars");
  await page.route("**/events*", (route) => route.abort());
  await page.goto(url(`#/run/${fourth}`));
  await page.getByText("connection lost").waitFor();
  await page.unroute("**/events*");
  await page.locator(".connection", { hasText: /^live$/ }).waitFor();

  // The browser itself reports what was made to fail.
  assert.ok(
    wrong.every((text) => /409|ERR_FAILED/.test(text)),
    `${wrong}`,
  );
  wrong.length = 0;
});
