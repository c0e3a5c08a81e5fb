// What the stories of the products have in common: the program as a process, a browser, streams, and waits for values.

import { spawn } from "node:child_process";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const LOOK_EVERY_MS = 25;
const PATIENCE_MS = 40_000;
const STORY_LIMIT_MS = 100_000;
const BROWSERS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];

/// Waits until `look` gives something true, and gives that.
export async function until(what, look) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/// A product as a user starts it.
export class App {
  #child = null;
  #address = "127.0.0.1:0";
  workers = [];
  url = "";

  constructor(program, store, environment) {
    this.program = program;
    this.store = store;
    this.environment = environment;
  }

  /// Starts it, the second time at the same address.
  async start() {
    // Only the built-in model: what the machine has set is nobody's key here.
    const { OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL, FLAKY, ...environment } = process.env;
    const child = spawn(this.program, [], {
      env: { ...environment, ...this.environment, ADDRESS: this.#address, GENSX_SINK: this.store },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on("line", (line) => {
      console.log(`  | ${line}`);
      const works = /^worker (\d+) works/.exec(line);
      if (works) this.workers.push(Number(works[1]));
    });
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([
      new Promise((resolve) => lines.once("line", resolve)),
      new Promise((_, reject) => child.once("exit", (code) => reject(new Error(`it ended with ${code} before it served`)))),
    ]);
    this.url = first.trim();
    assert.match(this.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    this.#address = this.url.slice("http://".length);
  }

  /// Kills the worker that works, and waits for the next one.
  async killWorker() {
    const before = await until("a worker", () => this.workers.at(-1));
    const count = this.workers.length;
    process.kill(before, "SIGKILL");
    await until("another worker", () => this.workers.length > count);
  }

  /// Kills the server, whose worker then drains.
  async kill() {
    await this.#end("SIGKILL");
  }

  /// Ends it as Ctrl-C does.
  async interrupt() {
    return this.#end("SIGINT");
  }

  async #end(signal) {
    const child = this.#child;
    if (child === null) return null;
    this.#child = null;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null) child.kill(signal);
    return child.exitCode ?? (await ended);
  }
}

/// Plays a story with the program and the store that the command line names, in a browser, and ends all of it.
export async function play(story, environment = {}) {
  const [program, store] = process.argv.slice(2);
  assert.ok(program && store, "usage: node STORY.mjs PROGRAM STORE");
  const app = new App(program, store, environment);
  const limit = setTimeout(() => fail(new Error(`the story took longer than ${STORY_LIMIT_MS} ms`)), STORY_LIMIT_MS);
  const fail = async (error) => {
    console.error(error);
    await app.kill();
    process.exit(1);
  };
  try {
    const executablePath = BROWSERS.find((path) => path && existsSync(path));
    assert.ok(executablePath, "Chromium is missing: install it, as root: apt-get install chromium; or set CHROMIUM to the path of one");
    // As root, as in containers, Chromium has no sandbox; what it shows here is the project's own.
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    await app.start();
    await story(app, await browser.newContext());
    await browser.close();
    assert.equal(await app.interrupt(), 0, "Ctrl-C ends it in order");
    clearTimeout(limit);
    console.log("the story is over");
    process.exit(0);
  } catch (error) {
    await fail(error);
  }
}

/// Opens a page, whose mistakes are the story's.
export async function open(context, url, mistakes) {
  const page = await context.newPage();
  page.on("pageerror", (error) => mistakes.push(String(error)));
  page.on("console", (message) => {
    // A server that was killed refuses connections: the page has to live with that, and the browser notes it.
    if (message.type() === "error" && !message.text().includes("net::ERR_")) mistakes.push(message.text());
  });
  await page.goto(url);
  return page;
}

/// All events of a run so far, over plain pages of history; their positions are dense.
export async function stream(url, run) {
  const events = [];
  for (let offset = "-1"; ; ) {
    const answer = await fetch(`${url}/api/runs/${run}/events?offset=${offset}`);
    assert.equal(answer.status, 200);
    events.push(...(await answer.json()));
    if (answer.headers.has("stream-up-to-date")) break;
    offset = answer.headers.get("stream-next-offset");
  }
  events.forEach((event, at) => assert.equal(parseInt(event.id.split("-")[1], 16), at + 1, "a gap or a duplicate"));
  return events;
}

/// The calls of an ended run by their ids: name, label, what was streamed and not superseded, output or error. What was
/// recorded did not begin again.
export function calls(events) {
  const calls = new Map();
  for (const event of events) {
    const call = calls.get(event.call);
    if (event.type === "component.started") {
      assert.ok(!call?.succeeded, `${event.name} had succeeded and began again`);
      calls.set(event.call, { name: event.name, label: event.label, text: "", retries: call?.retries ?? 0 });
    } else if (event.type === "text") call.text += event.text;
    else if (event.type === "component.retried") Object.assign(call, { text: "", retries: call.retries + 1 });
    else if (event.type === "component.ended") {
      Object.assign(call, { succeeded: event.status === "succeeded", output: event.output, error: event.error });
    }
  }
  return [...calls.values()];
}
