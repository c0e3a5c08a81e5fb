//! Any sequence of cuts and returns gives exactly the log, in every content and by every way of reading.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, HeaderName, Method, Uri},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{Append, Create, Lifetime, Limits, MemoryStreams, Reading, WritableStore as _, serve};
use crate::readers::Readers;

const NAME: &str = "log";
/// A reader that took this many connections more than were planned would not come to the end.
const MAX_MORE: usize = 100;

/// A log, and how it is read.
#[derive(Clone, Debug)]
struct Plan {
    content_type: &'static str,
    /// What is appended at once, each time: before the first connection, and whenever a reader waits.
    appends: Vec<Vec<Bytes>>,
    page: usize,
    /// How many messages of the first append the reader knows already.
    from: usize,
    connections: Vec<Connection>,
}

#[derive(Clone, Copy, Debug)]
struct Connection {
    sse: bool,
    /// After how many bytes it is cut.
    cut: usize,
}

fn text() -> impl Strategy<Value = String> {
    let letters = select(vec![' ', 'a', ':', '\n', 'é', '世', '🦀', '"', '\\']);
    vec(letters, 1..12).prop_map(String::from_iter)
}

fn message(content_type: &'static str) -> BoxedStrategy<Bytes> {
    match content_type {
        "application/json" => (text(), any::<bool>())
            .prop_map(|(text, spread)| {
                let text = serde_json::to_string(&text).unwrap();
                if spread { format!("{{\n  \"text\": {text}\n}}").into() } else { text.into() }
            })
            .boxed(),
        "text/plain" => text().prop_map(Bytes::from).boxed(),
        _ => vec(any::<u8>(), 1..12).prop_map(Bytes::from).boxed(),
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    let content_type = select(vec!["application/json", "text/plain", "application/octet-stream"]);
    let connection = (any::<bool>(), 0..500_usize).prop_map(|(sse, cut)| Connection { sse, cut });
    let connections = vec(connection, 0..12);
    content_type.prop_flat_map(move |content_type| {
        let appends = vec(vec(message(content_type), 1..6), 1..6);
        (appends, 1..5_usize, 0..6_usize, connections.clone()).prop_map(
            move |(appends, page, from, connections)| {
                let from = from.min(appends[0].len());
                Plan { content_type, appends, page, from, connections }
            },
        )
    })
}

/// A reader: what it has, and where it goes on.
struct Reader {
    store: Arc<MemoryStreams>,
    content_type: &'static str,
    page: usize,
    /// What is to be appended, the next one last.
    left: Vec<Vec<Bytes>>,
    position: String,
    taken: Vec<u8>,
    over: bool,
}

impl Reader {
    async fn new(plan: &Plan) -> Self {
        let store = Arc::new(MemoryStreams::new());
        let create = Create {
            content_type: plan.content_type.to_owned(),
            lifetime: Lifetime::Unlimited,
            messages: plan.appends[0].clone(),
            closed: false,
        };
        store.create(NAME, create).await.unwrap();
        let left = plan.appends[1..].iter().rev().cloned().collect();
        let position = if plan.from == 0 { "-1".to_owned() } else { format!("{:020}", plan.from) };
        let (content_type, page) = (plan.content_type, plan.page);
        Self { store, content_type, page, left, position, taken: Vec::new(), over: false }
    }

    /// Appends what comes next; at last the stream is closed.
    async fn append(&mut self) {
        let messages = self.left.pop();
        let close = self.left.is_empty();
        let content_type = messages.is_some().then(|| self.content_type.to_owned());
        let messages = messages.unwrap_or_default();
        let append = Append { content_type, messages, seq: None, producer: None, close };
        self.store.append(NAME, append).await.unwrap();
    }

    async fn connect(&mut self, Connection { sse, cut }: Connection) {
        let mut headers = HeaderMap::new();
        let query = if sse && self.position != "-1" {
            headers.insert(HeaderName::from_static("last-event-id"), self.position.parse().unwrap());
            "offset=-1&live=sse".to_owned()
        } else {
            format!("offset={}{}", self.position, if sse { "&live=sse" } else { "" })
        };
        let uri: Uri = format!("/{NAME}?{query}").parse().unwrap();
        let second = Duration::from_secs(1);
        let limits = Limits { page: self.page, long_poll: second, heartbeat: second, max_age: None };
        let readers = Readers::new(1);
        let request =
            Reading { method: &Method::GET, uri: &uri, headers: &headers, limits, readers: &readers };
        let (parts, body) = serve(&self.store, NAME, request).await.unwrap().into_parts();
        if parts.status == 204 {
            self.over = true;
            return;
        }
        let (bytes, whole) = self.receive(body, cut).await;
        if sse {
            self.take_events(&bytes);
        } else if whole {
            self.take(&bytes);
            self.position = parts.headers["stream-next-offset"].to_str().unwrap().to_owned();
            self.over = parts.headers.contains_key("stream-closed");
        }
        if !sse && !self.over && parts.headers.contains_key("stream-up-to-date") {
            self.append().await;
        }
    }

    /// What came before the cut, and whether that is all.
    async fn receive(&mut self, body: Body, cut: usize) -> (Vec<u8>, bool) {
        let mut stream: BodyDataStream = body.into_data_stream();
        let mut received = Vec::new();
        loop {
            match stream.next().now_or_never() {
                Some(Some(frame)) => received.extend_from_slice(&frame.unwrap()),
                Some(None) => return (received, true),
                None => self.append().await,
            }
            if received.len() > cut {
                received.truncate(cut);
                return (received, false);
            }
        }
    }

    /// What the events hold that are complete.
    fn take_events(&mut self, bytes: &[u8]) {
        let end = bytes.windows(2).rposition(|window| window == b"\n\n").map_or(0, |at| at + 2);
        for event in std::str::from_utf8(&bytes[..end]).unwrap().split_terminator("\n\n") {
            let field = |name| event.split('\n').filter_map(move |line| line.strip_prefix(name));
            let lines = field("data:").map(|line: &str| line.strip_prefix(' ').unwrap_or(line));
            let data = lines.collect::<Vec<_>>().join("\n");
            match field("event: ").next() {
                Some("data") if self.content_type == "application/octet-stream" => {
                    self.take(&BASE64_STANDARD.decode(data).unwrap());
                }
                Some("data") => self.take(data.as_bytes()),
                Some("control") => self.over = data.contains("\"streamClosed\":true"),
                _ => continue,
            }
            self.position = field("id: ").next().unwrap().to_owned();
        }
    }

    fn take(&mut self, content: &[u8]) {
        if self.content_type != "application/json" {
            return self.taken.extend_from_slice(content);
        }
        let array: Vec<&serde_json::value::RawValue> = serde_json::from_slice(content).unwrap();
        array.iter().for_each(|value| self.taken.extend_from_slice(value.get().as_bytes()));
    }
}

async fn read(plan: &Plan) -> Reader {
    let mut reader = Reader::new(plan).await;
    for connection in &plan.connections {
        reader.connect(*connection).await;
    }
    for more in 0..MAX_MORE {
        if reader.over {
            return reader;
        }
        reader.connect(Connection { sse: more % 3 == 2, cut: usize::MAX }).await;
    }
    panic!("it did not come to the end");
}

proptest! {
    #[test]
    fn every_reader_gets_exactly_the_log(plan in plan()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reader = runtime.block_on(read(&plan));
        let log = plan.appends.concat();
        prop_assert_eq!(Bytes::from(reader.taken), Bytes::from(log[plan.from..].concat()));
    }
}
