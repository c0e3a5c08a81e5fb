//! Clients that exist, as their users have them, against runs that are live while they read: their connections are cut at
//! chosen points, and the API is killed and started again. Each must get exactly the stream.

mod api;
mod curl;
mod cutter;
mod node;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gensx::{EventSink, RedisSink, Run, RunId, Runtime, component, sink};
use gensx_test_servers::RedisServer;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{api::Api, cutter::Cutter};

/// So often each client is cut, over all its sessions.
const CUTS: usize = 200;
const SESSIONS: usize = 10;
const RUNS: usize = 4;
/// So often the API is killed meanwhile.
const KILLS: usize = 4;
/// For all cuts, and after them for all ends. A browser comes back a second after each cut, so that it takes half a minute.
const PATIENCE: Duration = Duration::from_secs(150);
const SEED: u64 = 0x6765_6e73;

/// Talks on, in words of one to four bytes a letter, until it is told to stop.
#[component]
async fn talk(of: String) -> gensx::Result<u64> {
    let words = async {
        for number in 0_u64.. {
            gensx::emit_text("words", &format!("{of} {number} naïve Ωμέγα 你好世界 🦀🚀 \"\\\r\n"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = words => Ok(0),
        told = gensx::input::<u64>("stop", None) => told,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Client {
    CurlEvents,
    CurlLines,
    /// One of `tests/node/clients.mjs`.
    Node(&'static str),
}

const CLIENTS: [Client; 8] = [
    Client::CurlEvents,
    Client::CurlLines,
    Client::Node("eventsource"),
    Client::Node("fetch-event-source"),
    Client::Node("durable catch-up"),
    Client::Node("durable long-poll"),
    Client::Node("durable sse"),
    Client::Node("durable live"),
];

/// A client's sessions: what stands between each and the API, and which run it reads.
struct Sessions {
    client: Client,
    cutters: Vec<Cutter>,
}

impl Sessions {
    async fn start(client: Client, api: &Api, seed: u64) -> Self {
        let mut cutters = Vec::new();
        for session in 0..SESSIONS {
            let seed = seed + session as u64;
            cutters.push(Cutter::start(api.port(), CUTS / SESSIONS, seed, client.into()).await);
        }
        Self { client, cutters }
    }

    fn cuts(&self) -> usize {
        self.cutters.iter().map(Cutter::cuts).sum()
    }

    fn urls(&self, runs: &[Run<u64>]) -> Vec<String> {
        let urls = self.cutters.iter().enumerate().map(|(at, cutter)| {
            format!("http://127.0.0.1:{}/runs/{}/events", cutter.port(), runs[at % RUNS].id())
        });
        urls.collect()
    }
}

/// What each session of a client got.
async fn read(client: Client, urls: Vec<String>) -> (Client, Vec<Vec<Value>>) {
    let got = match client {
        Client::CurlEvents => curl::read(urls, curl::Format::Events).await,
        Client::CurlLines => curl::read(urls, curl::Format::Lines).await,
        Client::Node(name) => node::read(name, &urls).await,
    };
    (client, got)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_gets_exactly_the_stream() {
    let server = RedisServer::start();
    let sink: Arc<dyn EventSink> = Arc::new(RedisSink::connect(&server.url()).await.unwrap());
    let runtime = Runtime::builder().shared_sink(Arc::clone(&sink)).register(&talk).build();
    let mut runs: Vec<Run<u64>> = Vec::new();
    for number in 0..RUNS {
        runs.push(runtime.start(&talk, format!("run {number}")).await.unwrap());
    }
    let mut api = Api::start(runtime.clone()).await;
    let mut sessions = Vec::new();
    for (at, client) in CLIENTS.into_iter().enumerate() {
        sessions.push(Sessions::start(client, &api, SEED + 1_000 * at as u64).await);
    }
    let mut reading = JoinSet::new();
    for client in &sessions {
        reading.spawn(read(client.client, client.urls(&runs)));
    }

    let began = Instant::now();
    let all = CLIENTS.len() * CUTS;
    let mut kills = 0;
    loop {
        let cuts: usize = sessions.iter().map(Sessions::cuts).sum();
        if kills < KILLS && cuts >= all * (kills + 1) / (KILLS + 1) {
            api.kill_and_restart().await;
            kills += 1;
        }
        if cuts >= all {
            break;
        }
        if let Some(ended) = reading.try_join_next() {
            panic!("a client ended before its run: {:?}", ended.map(|(client, _)| client));
        }
        let open: Vec<_> = sessions.iter().map(|client| (client.client, client.cuts())).collect();
        assert!(began.elapsed() < PATIENCE, "not every client was cut {CUTS} times: {open:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for run in &runs {
        runtime.send(run.id(), "stop", &7_u64, None).await.unwrap();
    }
    let mut streams = Vec::new();
    for run in &runs {
        assert_eq!(tokio::time::timeout(PATIENCE, run.output()).await.unwrap().unwrap(), 7);
        streams.push(stream(&sink, run.id()).await);
    }
    let got =
        tokio::time::timeout(PATIENCE, reading.join_all()).await.expect("every client reads to the end");
    for (client, got) in got {
        assert_eq!(got.len(), SESSIONS);
        for (session, got) in got.iter().enumerate() {
            compare(client, session, got, &streams[session % RUNS]);
        }
    }
    let places = sessions.iter().flat_map(|client| &client.cutters).map(Cutter::places);
    let places = places.fold([0; 3], |sum, places| [0, 1, 2].map(|at| sum[at] + places[at]));
    assert!(places.iter().all(|cuts| *cuts > 100), "somewhere, in a character, at the seam: {places:?}");
}

/// The run's events, as its store has them.
async fn stream(sink: &Arc<dyn EventSink>, run: &RunId) -> Vec<Value> {
    let events = sink::events(Arc::clone(sink), run.clone(), None).collect().await.unwrap();
    events.iter().map(|event| serde_json::from_str(&event.to_json()).unwrap()).collect()
}

fn compare(client: Client, session: usize, got: &[Value], stream: &[Value]) {
    let ids = |events: &[Value]| events.iter().map(|event| event["id"].to_string()).collect::<Vec<_>>();
    let differs = got.iter().zip(stream).position(|(got, event)| got != event);
    let at = differs.unwrap_or(got.len().min(stream.len()));
    let near = at.saturating_sub(2);
    assert!(
        got == stream,
        "{client:?}, session {session}: {} events of {}, and from {at} on others: {:?} for {:?}",
        got.len(),
        stream.len(),
        ids(&got[near..got.len().min(at + 4)]),
        ids(&stream[near..stream.len().min(at + 4)]),
    );
}
