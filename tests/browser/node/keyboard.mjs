// From the list to the answer of a run, with a keyboard alone; and what a reader of screens is told on the way.

import assert from "node:assert/strict";

import { startWaiting, until, url, walk } from "./console.mjs";

const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: at } = document;
    return {
      tag: at.tagName,
      role: at.getAttribute("role"),
      text: at.textContent.trim().slice(0, 60),
      name: at.getAttribute("name"),
      id: at.id,
    };
  });

/** Presses Tab until something is reached. */
async function tabTo(page, wanted) {
  for (let pressed = 0; pressed < 60; pressed += 1) {
    await page.keyboard.press("Tab");
    const at = await focused(page);
    if (wanted(at)) return at;
  }
  assert.fail("it is not reached by Tab");
}

/** The active row of the tree, as a reader of screens is told it. */
const active = (page) =>
  page.evaluate(() => {
    const tree = document.querySelector('[role="treegrid"]');
    const row = document.getElementById(tree.getAttribute("aria-activedescendant"));
    return {
      name: row.querySelector(".name").textContent,
      level: row.getAttribute("aria-level"),
      expanded: row.getAttribute("aria-expanded"),
    };
  });

await walk(async (page) => {
  const run = await startWaiting("tides");
  await page.goto(url());
  await page.locator(`tr[data-run="${run}"]`).waitFor();
  await page.keyboard.press("Tab");
  assert.equal((await focused(page)).id, "skip");
  await page.keyboard.press("Enter");
  assert.equal((await focused(page)).id, "main");
  await tabTo(page, (at) => at.tag === "A" && at.text === run);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: run }).waitFor();
  assert.deepEqual([(await focused(page)).tag, (await focused(page)).text], ["H1", run]);

  await page.locator(".inputs").waitFor();
  await until(async () => assert.ok((await page.locator(".row[data-at]").count()) > 8));
  await tabTo(page, (at) => at.role === "treegrid");
  const press = async (key) => {
    await page.keyboard.press(key);
    return active(page);
  };
  assert.equal((await active(page)).level, "1");
  assert.deepEqual(await press("ArrowDown"), { name: "research", level: "2", expanded: null });
  assert.deepEqual(await press("ArrowDown"), { name: "approve", level: "2", expanded: "true" });
  assert.equal((await press("ArrowLeft")).expanded, "false");
  assert.equal(await page.locator(".row .name", { hasText: "look_up" }).count(), 0);
  assert.equal((await press("ArrowRight")).expanded, "true");
  assert.equal((await press("ArrowRight")).name, "Section Intro");
  assert.equal((await press("ArrowLeft")).expanded, "false");
  assert.equal((await press("ArrowLeft")).name, "approve");
  assert.equal((await press("End")).name, "approval");
  assert.equal((await press("Home")).level, "1");
  assert.equal((await press("ArrowUp")).level, "1");
  const tick = () => page.locator(".tick").last().innerText();
  await page.keyboard.press("+");
  await page.keyboard.press("+");
  const zoomed = await tick();
  assert.ok(
    await page.evaluate(() =>
      [...document.querySelectorAll(".row[data-active] .piece")].some((piece) => !piece.hidden),
    ),
  );
  await page.keyboard.press("0");
  await until(async () => assert.notEqual(await tick(), zoomed));

  await press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.deepEqual([(await focused(page)).tag, (await focused(page)).text], ["H2", "research"]);
  assert.equal(await page.locator('.row[aria-selected="true"] .name').innerText(), "research");
  await page.keyboard.press("Escape");
  assert.equal((await focused(page)).role, "treegrid");

  await page.keyboard.press("Shift+Tab");
  await page.locator("h1").focus();
  await tabTo(page, (at) => at.tag === "TEXTAREA");
  await page.keyboard.type('{"ok": true}');
  await page.keyboard.press("Control+Enter");
  await page.locator(".title-line .badge", { hasText: "succeeded" }).waitFor();
  await page.locator('[role="status"] p', { hasText: "The run is now: succeeded" }).waitFor();

  await page.locator("h1").focus();
  await tabTo(page, (at) => at.role === "tab");
  await page.keyboard.press("ArrowRight");
  await page.locator(".raw li").first().waitFor();
  assert.match((await focused(page)).text, /^Events/);
  await page.keyboard.press("ArrowLeft");
  await page.locator(".tree").waitFor();

  await page.locator("h1").focus();
  await tabTo(page, (at) => at.text === "Delete");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal((await focused(page)).text, "Delete", "the focus goes back");

  await tabToTheme(page);
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  assert.equal(await scheme(), "light dark");
  await page.keyboard.press("Enter");
  assert.equal(await scheme(), "light");
  await page.keyboard.press("Enter");
  assert.equal(await scheme(), "dark");
  await page.reload();
  await page.getByRole("heading", { name: run }).waitFor();
  assert.equal(await scheme(), "dark", "it is remembered");
});

async function tabToTheme(page) {
  await page.locator("#skip").focus();
  await tabTo(page, (at) => at.id === "theme");
}
