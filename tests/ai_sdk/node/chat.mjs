// A chat as `useChat` keeps it, without the page, and what a user of it does. Prints what came of it, as JSON.
import { isDeepStrictEqual } from "node:util";
import { createDurableChatTransport } from "@durable-streams/aisdk-transport";
import { WorkflowChatTransport } from "@workflow/ai";

const [version, scenario, api, direct] = process.argv.slice(2);
const { AbstractChat, DefaultChatTransport } = await import(version);
const chats = `${api}/ui/chat`;
const PATIENCE_MS = 20_000;

class State {
  status = "ready";
  error = undefined;
  messages = [];
  pushMessage = (message) => void (this.messages = [...this.messages, message]);
  popMessage = () => void (this.messages = this.messages.slice(0, -1));
  replaceMessage = (at, message) => void (this.messages = this.messages.with(at, this.snapshot(message)));
  snapshot = (thing) => structuredClone(thing);
}

class Chat extends AbstractChat {
  constructor(init) {
    super({ ...init, state: new State() });
  }
}

let answers = 0;
async function counting(...request) {
  const answer = await fetch(...request);
  answers += 1;
  return answer;
}
const stock = (options = {}) => new DefaultChatTransport({ api: chats, fetch: counting, ...options });
const workflow = (options = {}) => new WorkflowChatTransport({ api: chats, maxConsecutiveErrors: 100, ...options });
const durable = () => createDurableChatTransport({ api: `${chats}/parts`, fetchClient: counting });
const chat = (id, transport) => new Chat({ id, transport });

// Another page of the same chat: it has what the first one asked, as from the application's store.
function page(of, transport = of.transport, id = of.id) {
  const other = chat(id, transport);
  other.messages = of.messages.filter((message) => message.role === "user");
  return other;
}

async function until(what, done) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`it never came: ${what}`);
}

const expect = (what, holds, ...seen) => {
  if (!holds) throw new Error(`${what}: ${JSON.stringify(seen)}`);
};
const answer = (chat) => chat.messages.findLast((message) => message.role === "assistant");
const input = (chat) => answer(chat)?.parts.findLast((part) => part.type === "data-gensx-input")?.data.status;
const waits = (chat) => until("it asks", () => input(chat) === "waiting");
const go = async (run) => {
  const told = await fetch(`${direct}/runs/${run}/input/go`, { method: "POST" , headers: { "content-type": "application/json" }, body: "true" });
  expect("the run is told", told.status === 202, told.status);
};
const outcome = (chat) => ({ status: chat.status, error: chat.error?.message ?? null, message: answer(chat) ?? null });
const same = (what, one, other) => expect(what, isDeepStrictEqual(answer(one), answer(other)), answer(one), answer(other));

// The message as it is read at once and uncut, whichever way the run was read before.
async function uncut(run) {
  const whole = chat("whole", stock({ prepareReconnectToStreamRequest: () => ({ api: `${direct}/runs/${run}/ui` }) }));
  await whole.resumeStream();
  expect("the whole is read", whole.status === "ready", outcome(whole));
  return whole;
}

// Two pages of one chat: the second one comes while it is answered, twice, and again afterwards.
async function middle(transport, id) {
  const first = chat(id, transport());
  const sent = first.sendMessage({ text: "ask" });
  await waits(first);
  const second = page(first, transport());
  const resumed = second.resumeStream();
  await waits(second);
  same("both pages see the same", first, second);
  const before = answers;
  const again = second.resumeStream();
  await until("it reads again", () => answers > before);
  await waits(second);
  await go(answer(first).id);
  await Promise.all([sent, resumed, again]);
  same("both pages have the same", first, second);
  await second.resumeStream();
  same("nothing comes twice", first, second);
  expect("it is over", first.status === "ready" && second.status === "ready", first.status, second.status);
  same("it is the whole", await uncut(answer(first).id), first);
  return outcome(second);
}

// A connection that is cut, however often: a page that comes back until it has it all.
async function cut(transport) {
  const chat_ = chat("cut", transport());
  let sitting = chat_.sendMessage({ text: "ask" });
  let sittings = 1;
  let told = false;
  let over = false;
  sitting.finally(() => (over = true));
  await until("the end", async () => {
    if (input(chat_) === "waiting" && !told) {
      told = true;
      await go(answer(chat_).id);
    }
    if (!over) return false;
    if (chat_.status === "ready" && ["received", "closed"].includes(input(chat_))) return true;
    over = false;
    sittings += 1;
    sitting = chat_.resumeStream();
    sitting.finally(() => (over = true));
    return false;
  });
  same("it is the whole", await uncut(answer(chat_).id), chat_);
  return { ...outcome(chat_), sittings };
}

const scenarios = {
  async whole() {
    const one = chat("whole", stock());
    await one.sendMessage({ text: "talk" });
    await one.sendMessage({ text: "talk on" });
    expect("two answers", one.messages.length === 4 && one.messages[1].id !== one.messages[3].id, one.messages);
    const before = answer(one).id;
    await one.regenerate();
    expect("another answer", one.messages.length === 4 && answer(one).id !== before, one.messages);
    same("it is the whole", await uncut(answer(one).id), one);
    return outcome(one);
  },
  async error() {
    const one = chat("error", stock());
    await one.sendMessage({ text: "fail" });
    return outcome(one);
  },
  async stop() {
    const first = chat("stop", stock());
    const sent = first.sendMessage({ text: "ask" });
    await waits(first);
    await first.stop();
    await sent;
    // Who only closes the page stops nothing.
    const second = page(first, stock());
    const resumed = second.resumeStream();
    await waits(second);
    const stopped = await fetch(`${chats}/${first.id}/stop`, { method: "POST" });
    await resumed;
    const nothing = await fetch(`${chats}/${first.id}/stop`, { method: "POST" });
    const gone = await fetch(`${chats}/${first.id}/stream`);
    return { ...outcome(second), codes: [stopped.status, nothing.status, gone.status] };
  },
  middle: () => middle(stock, "a chat/1"),
  cut: () => cut(stock),
  // It comes back by itself, by the run's id and how many parts it has.
  async "workflow cut"() {
    const one = chat("workflow", workflow());
    await one.sendMessage({ text: "talk" });
    same("it is the whole", await uncut(answer(one).id), one);
    return outcome(one);
  },
  // A page that wants only the last parts.
  async "workflow tail"() {
    const one = chat("workflow", workflow());
    await one.sendMessage({ text: "talk" });
    const run = answer(one).id;
    const fewer = [];
    for (const initialStartIndex of [-1, -4, -30, -100_000]) {
      const other = page(one, workflow({ initialStartIndex }), run);
      await other.resumeStream();
      expect("the last parts are read", other.status === "ready", initialStartIndex, outcome(other));
      fewer.push(answer(other)?.parts.length ?? 0);
    }
    expect("the more the more", fewer.every((n, at) => at === 0 || fewer[at - 1] <= n), fewer);
    return { ...outcome(one), fewer };
  },
  // This one puts the id into the path as it is.
  "durable middle": () => middle(durable, "a-chat"),
  "durable cut"() {
    // Besides what it tells the chat, its client rejects a promise that nobody has.
    process.on("unhandledRejection", (error) => console.error(error));
    return cut(durable);
  },
};

const result = await scenarios[scenario]();
console.log(JSON.stringify(result));
process.exit(0);
