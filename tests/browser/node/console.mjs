// The console in Debian's Chromium, and what every walk through it asks of it.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

export const [base, evil] = process.argv.slice(2);
/** How long anything is waited for, in milliseconds. */
export const PATIENCE = 20_000;

const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Asks the API itself. */
export async function api(path, options) {
  const answer = await fetch(`${base}/${path}`, options);
  const text = await answer.text();
  assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

const post = (path, value) =>
  api(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value) });

export const start = async (workflow, input) =>
  (await post(`workflows/${encodeURIComponent(workflow)}/start`, input)).executionId;
export const send = (run, value) => post(`runs/${run}/input/approval`, value);

/** Lets a second owner go on with a run. */
export async function takeOver(run) {
  const answer = await fetch(new URL(`/takeover/${run}`, base), { method: "POST" });
  assert.ok(answer.ok, `${answer.status}`);
}

/** Waits until something holds; the last thing that was thrown says what did not. */
export async function until(check) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

/** Starts a run that waits for its input, and waits until it does. */
export async function startWaiting(topic) {
  const run = await start(evil, topic);
  await until(async () => assert.equal((await api(`runs/${run}`)).waiting_for.length, 1));
  return run;
}

/** Opens a browser, walks, and fails if anything was executed, refused by the policy, or reported as an error. */
export async function walk(steps, options = {}) {
  const executablePath = BROWSERS.find(existsSync);
  assert.ok(executablePath, "Chromium is missing: install it, as root: apt-get install chromium");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const wrong = watch(page);
    await steps(page, { context, wrong });
    assert.equal(await page.evaluate(() => window.hacked), undefined, "a string was executed");
    assert.deepEqual(wrong, []);
  } finally {
    await browser.close();
  }
}

/** Collects what a page does that it must not. */
function watch(page) {
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.stack ?? error.message}`));
  page.on("dialog", (dialog) => (wrong.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()))
      wrong.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${base}/`) && !url.startsWith("data:")) wrong.push(`request: ${url}`);
  });
  page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`refused: ${event.blockedURI} ${event.violatedDirective}`),
    );
  });
  return wrong;
}

export const url = (hash = "") => `${base}/console${hash}`;
export const row = (page, name) =>
  page
    .locator(".row[data-at]")
    .filter({ has: page.locator(".name", { hasText: name }) })
    .first();

/** Fails where something sticks out of the window to the side. */
export async function fits(page, where) {
  const [width, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(width <= room, `${where}: ${width} px in ${room} px`);
}
