//! The first byte of a finished run, against reading the run from Redis raw.

use std::{sync::Arc, time::Duration};

use gensx::{
    EventId, EventSink, RedisSink, RunStatus, Runtime,
    sink::{Append, Batch, BatchKind, BatchToken},
};
use gensx_test_servers::RedisServer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{append, event, run_of, serve, two_workers};
use crate::{
    measure::{Row, median, millis, ratio, wall},
    redis::Plain,
};

const EVENTS: u64 = 10_000;
const BATCH: u64 = 500;
const ROUNDS: usize = 21;

/// From a request to its answer's first byte, of one page and of the whole as lines.
pub fn page() -> Vec<Row> {
    two_workers().block_on(async {
        let server = RedisServer::start();
        let sink: Arc<dyn EventSink> = Arc::new(RedisSink::connect(&server.url()).await.unwrap());
        let run = run_of(0);
        for first in (1..EVENTS).step_by(BATCH as usize) {
            append(&sink, &run, first, (0..BATCH).map(|_| event()).collect()).await;
        }
        let last = Batch {
            run: run.clone(),
            first: EventId::new(1, EVENTS + 1),
            token: BatchToken { owner: 1, number: EVENTS + 1 },
            payloads: vec![
                br#"{"v":1,"type":"run.ended","time":0,"status":"succeeded","output":1}"#.as_slice().into(),
            ],
            kind: BatchKind::Continues,
            closes: Some(RunStatus::Succeeded),
        };
        assert_eq!(sink.append(&last).await.unwrap(), Append::Done);
        let plain = Plain::open(&server).await;
        let runtime = Runtime::builder().shared_sink(sink).build();
        let address = serve(gensx::http::router(runtime)).await;
        let (mut firsts, mut wholes, mut raws) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            raws.push(wall(plain.read("gensx:{run-0}:ev")).await.0);
            let (first, whole) = ask(&address).await;
            firsts.push(first);
            wholes.push(whole);
        }
        let row = |what: &str, times: &[Duration], goal| Row {
            what: format!("{what} of a finished run of {EVENTS} events, Redis, HTTP"),
            gensx: millis(median(times.to_vec())),
            baseline: format!("{} (its stream, by `XRANGE` in pages)", millis(median(raws.clone()))),
            answer: format!("{:.2} times", ratio(times, &raws)),
            goal,
        };
        vec![row("the first byte", &firsts, "at most 1.5 times"), row("all", &wholes, "reported")]
    })
}

/// Until the first byte of the answer, and until its last.
async fn ask(address: &str) -> (Duration, Duration) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = "GET /runs/run-0/events HTTP/1.1\r\nhost: bench\r\nconnection: close\r\naccept: application/x-ndjson\r\n\r\n";
    let began = std::time::Instant::now();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut byte = [0; 1];
    socket.read_exact(&mut byte).await.unwrap();
    let first = began.elapsed();
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.unwrap();
    let whole = began.elapsed();
    assert!(rest.windows(9).any(|window| window == b"run.ended"));
    (first, whole)
}
