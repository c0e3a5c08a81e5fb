// Follows runs: their history, then what follows, each event once, over lost connections and restarts of the server.

/// A browser opens six connections to one origin; the rest is for starting and searching.
const MAX_OPEN = 4;
const FIRST_WAIT_MS = 300;
const MAX_WAIT_MS = 5000;

const waiting = [];
let open = 0;

/// Follows a run. `onEvents` gets lists of new events, `onState` one of `waiting` (for a free connection), `live`, `lost` (it
/// comes back), `ended` and `unknown` (there is no such run). Gives a function that stops it.
export function follow(run, onEvents, onState) {
  const reader = { run, onEvents, onState, last: "-1", source: null, timer: 0, wait: FIRST_WAIT_MS, seated: false, over: false };
  onState("waiting");
  waiting.push(reader);
  admit();
  return () => finish(reader);
}

function admit() {
  while (open < MAX_OPEN && waiting.length > 0) {
    const reader = waiting.shift();
    reader.seated = true;
    open += 1;
    connect(reader);
  }
}

function finish(reader) {
  if (reader.over) return;
  reader.over = true;
  clearTimeout(reader.timer);
  reader.source?.close();
  if (reader.seated) open -= 1;
  else waiting.splice(waiting.indexOf(reader), 1);
  admit();
}

function connect(reader) {
  const source = new EventSource(`/api/runs/${encodeURIComponent(reader.run)}/events?offset=${reader.last}`);
  reader.source = source;
  source.addEventListener("open", () => {
    reader.wait = FIRST_WAIT_MS;
    reader.onState("live");
  });
  source.addEventListener("data", (message) => take(reader, JSON.parse(message.data)));
  source.addEventListener("error", () => {
    if (reader.over) return;
    reader.onState("lost");
    // While it connects again by itself, it goes on behind the last id. Where it gave up, that is done here.
    if (source.readyState === EventSource.CLOSED) again(reader);
  });
}

function take(reader, events) {
  // Ids sort as text. What was seen already is not shown again, whoever sends it.
  const fresh = events.filter((event) => reader.last === "-1" || event.id > reader.last);
  if (reader.over || fresh.length === 0) return;
  reader.last = fresh.at(-1).id;
  reader.onEvents(fresh);
  if (fresh.at(-1).type === "run.ended") {
    finish(reader);
    reader.onState("ended");
  }
}

async function again(reader) {
  reader.source.close();
  const wait = reader.wait;
  reader.wait = Math.min(wait * 2, MAX_WAIT_MS);
  const run = encodeURIComponent(reader.run);
  const known = await fetch(`/api/runs/${run}`).then((answer) => answer.status !== 404, () => true);
  if (reader.over) return;
  if (!known) {
    finish(reader);
    reader.onState("unknown");
    return;
  }
  reader.timer = setTimeout(() => connect(reader), wait);
}
