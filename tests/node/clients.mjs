// Reads streams of runs to their end with a client as its users have it, and prints what each session got:
// `node clients.mjs CLIENT URL...`, one session for each URL.
import { EventSource } from "eventsource"
import { stream } from "@durable-streams/client"

const isLast = (event) => event.type === "run.ended"

/** What a session got. An event that is none is a mistake of the server's. */
class Session {
  events = []
  take(batch) {
    if (!Array.isArray(batch)) throw new Error(`a batch is an array: ${JSON.stringify(batch)}`)
    this.events.push(...batch)
  }
  get over() {
    return this.events.length > 0 && isLast(this.events.at(-1))
  }
}

/** npm's `eventsource`: it comes back by itself, until it is answered 204. */
function eventSource(url, session) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(url)
    source.addEventListener("data", (event) => session.take(JSON.parse(event.data)))
    source.addEventListener("control", (event) => {
      if (!JSON.parse(event.data).streamClosed) return
      source.close()
      resolve()
    })
    source.addEventListener("error", (event) => {
      if (source.readyState !== EventSource.CLOSED) return
      if (event.code === 204) resolve()
      else reject(new Error(`eventsource gave up: ${event.code} ${event.message}`))
    })
  })
}

/** Its page: the client looks for one, whether or not it uses it. */
async function fetchEventSource(url, session) {
  globalThis.window = globalThis
  globalThis.document ??= { addEventListener() {}, removeEventListener() {}, hidden: false }
  const { fetchEventSource: open } = (await import("@microsoft/fetch-event-source")).default
  const over = new AbortController()
  class Ended extends Error {}
  const reading = open(url, {
    signal: over.signal,
    openWhenHidden: true,
    async onopen(response) {
      if (response.status === 204) throw new Ended()
      if (response.status !== 200) throw new Error(`status ${response.status}`)
    },
    onmessage({ event, data }) {
      if (event === "data") session.take(JSON.parse(data))
      if (event === "control" && JSON.parse(data).streamClosed) over.abort()
    },
    onerror(error) {
      if (error instanceof Ended) throw error
    },
  })
  await reading.catch((error) => {
    if (!(error instanceof Ended)) throw error
  })
}

/** `@durable-streams/client`. It throws where a body is cut: whoever uses it goes on behind what was taken. */
const durable = (live) => async (url, session) => {
  let offset = "-1"
  while (!session.over) {
    try {
      const response = await stream({ url, offset, live })
      // It says there what it also throws below.
      response.closed.catch(() => {})
      if (live) {
        for await (const event of response.jsonStream()) {
          session.take([event])
          offset = event.id
        }
      } else {
        session.take(await response.json())
        offset = response.offset
      }
    } catch (error) {
      if (error.status !== undefined || error.code === "PARSE_ERROR") throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const clients = {
  "eventsource": eventSource,
  "fetch-event-source": fetchEventSource,
  "durable catch-up": durable(false),
  "durable long-poll": durable("long-poll"),
  "durable sse": durable("sse"),
  "durable live": durable(true),
}

const [name, ...urls] = process.argv.slice(2)
const got = urls.map(async (url) => {
  const session = new Session()
  await clients[name](url, session)
  return session.events
})
process.stdout.write(JSON.stringify(await Promise.all(got)), () => process.exit(0))
