// The list: live, filtered by its address, older runs on demand, and what it says where there is nothing.

import assert from "node:assert/strict";

import { api, send, start, startWaiting, until, url, walk } from "./console.mjs";

await walk(async (page, { wrong }) => {
  await page.goto(url());
  await page.getByText("There is no run yet").waitFor();

  const first = await startWaiting("tides");
  const row = (run) => page.locator(`tr[data-run="${run}"]`);
  await row(first).locator(".badge", { hasText: "running" }).waitFor();
  const element = await row(first).elementHandle();
  await send(first, { ok: true });
  await row(first).locator(".badge", { hasText: "succeeded" }).waitFor();
  assert.ok(await row(first).evaluate((now, before) => now === before, element), "the row was changed in place");

  const second = await startWaiting("moons");
  await row(second).waitFor();
  assert.equal(await page.locator("tbody tr").first().getAttribute("data-run"), second, "newest first");
  assert.match(await page.locator(".shown").innerText(), /^2 runs, 1 running/);

  await page.getByLabel("Status").selectOption("succeeded");
  await row(second).waitFor({ state: "detached" });
  assert.match(page.url(), /#\/\?status=succeeded$/);
  await page.reload();
  await row(first).waitFor();
  assert.equal(await page.getByLabel("Status").inputValue(), "succeeded");
  assert.equal(await page.locator("tbody tr").count(), 1);
  await page.getByLabel("Workflow").fill("nothing");
  await page.getByLabel("Workflow").press("Enter");
  await page.getByText("No run is like that").waitFor();
  await page.goBack();
  await row(first).waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await row(second).waitFor();
  await page.getByLabel("Started").selectOption("own");
  await page.getByLabel("From").fill("2999-01-01T00:00");
  await page.getByLabel("From").blur();
  await page.getByText("No run is like that").waitFor();
  await page.getByLabel("Started").selectOption("1h");
  await row(second).waitFor();

  await row(second).getByRole("button", { name: "Cancel" }).click();
  await row(second).locator(".badge", { hasText: "cancelled" }).waitFor();

  for (let run = 0; run < 60; run += 1) await start("many", 1);
  await page.goto(url());
  await until(async () => assert.equal(await page.locator("tbody tr").count(), 50));
  await page.getByRole("button", { name: "Older runs" }).click();
  await until(async () => assert.equal(await page.locator("tbody tr").count(), 62));
  assert.ok(await page.getByRole("button", { name: "Older runs" }).isHidden());

  await page.route("**/runs?*", (route) =>
    route.fulfill({
      status: 503,
      contentType: "application/json",
      body: '{"error":"the store does not answer","code":"unavailable"}',
    }),
  );
  await page.getByRole("alert").filter({ hasText: "the store does not answer" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 62, "what was read stays");
  await page.unroute("**/runs?*");
  await page.getByRole("alert").filter({ hasText: "the store does not answer" }).waitFor({ state: "hidden" });
  // The browser itself reports the 503 that was asked for.
  assert.ok(
    wrong.every((text) => text.includes("503")),
    `${wrong}`,
  );
  wrong.length = 0;

  // A token goes with every request, and only with those of this tab.
  await page.getByRole("button", { name: "Access" }).click();
  await page.getByLabel("Bearer token").fill("abc");
  const sent = page.waitForRequest(
    (request) => request.url().includes("/runs?") && request.headers().authorization === "Bearer abc",
  );
  await page.getByRole("button", { name: "Use it" }).click();
  await sent;
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.ok((await api("runs")).runs.length > 0);
});
