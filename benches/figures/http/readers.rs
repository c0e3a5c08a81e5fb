//! The readers: a process that opens streams, and says what came, and how late.

use std::{
    io::{BufRead, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
};

/// The argument under which this program is the readers.
pub const CHILD: &str = "--http-readers";
/// Connections that are opened at once.
const OPENING: usize = 64;
/// What an event holds before the time at which it was made.
const STAMP: &[u8] = b"\"at\":";
/// The digits of that time, in microseconds since 1970.
const DIGITS: usize = 16;

/// What the readers are to do.
#[derive(Serialize, Deserialize)]
pub struct Task {
    pub address: String,
    pub readers: usize,
    /// The streams among which they are spread: `/runs/run-N/events`.
    pub runs: usize,
    /// How many events each waits for.
    pub events: usize,
}

/// What came.
#[derive(Serialize, Deserialize, Debug)]
pub struct Report {
    pub bytes: u64,
    pub p50_us: u64,
    pub p99_us: u64,
}

/// The process. It ends when its input does.
pub struct Readers {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Readers {
    /// Starts them, and waits until each has its stream's beginning.
    pub fn start(task: &Task) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([CHILD, &serde_json::to_string(task).unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        Self { child, lines }
    }

    /// Ends them, whatever they still wait for.
    pub fn stop(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until every reader has every event.
    pub fn report(mut self) -> Report {
        let line = self.lines.next().expect("a report").unwrap();
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

pub fn micros_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as u64
}

/// The child.
pub fn child(task: &str) {
    let task: Task = serde_json::from_str(task).unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = tokio.block_on(async {
        let (opening, ready) = (Arc::new(Semaphore::new(OPENING)), Arc::new(AtomicUsize::new(0)));
        let bytes = Arc::new(AtomicU64::new(0));
        let mut readers = Vec::with_capacity(task.readers);
        for number in 0..task.readers {
            let request = format!(
                "GET /runs/run-{}/events HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\n\r\n",
                number % task.runs
            );
            let (opening, ready, bytes) = (Arc::clone(&opening), Arc::clone(&ready), Arc::clone(&bytes));
            let (address, events) = (task.address.clone(), task.events);
            readers.push(tokio::spawn(async move {
                let permit = opening.acquire().await.unwrap();
                let mut socket = TcpStream::connect(address).await.unwrap();
                socket.write_all(request.as_bytes()).await.unwrap();
                let mut buffer = [0; 4096];
                let began = socket.read(&mut buffer).await.unwrap();
                assert!(buffer[..began].starts_with(b"HTTP/1.1 200"));
                drop(permit);
                ready.fetch_add(1, Ordering::Relaxed);
                read(socket, events, &bytes).await
            }));
        }
        while ready.load(Ordering::Relaxed) < task.readers {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("ready");
        let mut delays = Vec::with_capacity(task.readers * task.events);
        for reader in readers {
            delays.extend(reader.await.unwrap());
        }
        delays.sort_unstable();
        let at = |percent: usize| delays.get(delays.len() * percent / 100).copied().unwrap_or_default();
        Report { bytes: bytes.load(Ordering::Relaxed), p50_us: at(50), p99_us: at(99) }
    });
    println!("{}", serde_json::to_string(&report).unwrap());
    std::io::stdout().flush().unwrap();
    // The streams stay open until the other side has taken its measure.
    let _ = std::io::stdin().lock().read_line(&mut String::new());
}

/// Reads until so many events have come, and gives how late each was.
async fn read(mut socket: TcpStream, events: usize, bytes: &AtomicU64) -> Vec<u64> {
    let (mut delays, mut rest, mut buffer) = (Vec::with_capacity(events), Vec::new(), [0; 4096]);
    while delays.len() < events {
        let count = socket.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the stream ended after {} of {events} events", delays.len());
        bytes.fetch_add(count as u64, Ordering::Relaxed);
        rest.extend_from_slice(&buffer[..count]);
        let now = micros_now();
        let mut taken = 0;
        while let Some(at) = rest[taken..].windows(STAMP.len()).position(|window| window == STAMP) {
            let digits = taken + at + STAMP.len();
            let Some(stamp) = rest.get(digits..digits + DIGITS) else { break };
            let stamp: u64 = std::str::from_utf8(stamp).unwrap().parse().unwrap();
            delays.push(now.saturating_sub(stamp));
            taken = digits + DIGITS;
        }
        // What may be the beginning of a stamp stays.
        let keep = rest.len().saturating_sub(STAMP.len() + DIGITS).max(taken);
        rest.drain(..keep);
    }
    delays
}
