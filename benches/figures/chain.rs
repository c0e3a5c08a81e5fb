//! A strict chain on SQLite: each step waits until its outcome is in the file.

use std::{path::Path, sync::mpsc, thread::JoinHandle, time::Duration};

use gensx::{Durability, Runtime, component};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::measure::{Row, Store, median, micros, one_worker, ratio, wall};

const ROUNDS: usize = 21;
pub const STEPS: u32 = 100;

#[component]
async fn step(text: String) -> gensx::Result<String> {
    Ok(text)
}

#[component]
pub async fn chain(count: u32) -> gensx::Result<u32> {
    for n in 0..count {
        step(format!("the input of step {n}")).await?;
    }
    Ok(count)
}

/// A strict step against one awaited insert of as many bytes.
pub fn strict() -> Vec<Row> {
    let (mut steps, mut inserts) = (Vec::new(), Vec::new());
    one_worker().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let sink = Store::Sqlite.open(folder.path()).await;
        let runtime = Runtime::builder().shared_sink(sink).durability(Durability::Strict).build();
        let size = bytes_per_step(&runtime).await;
        let plain = PlainWriter::open(&folder.path().join("plain.db"));
        for _ in 0..ROUNDS {
            inserts.push(wall(tokio::spawn(plain.clone().inserts(size))).await.0 / STEPS);
            steps.push(wall(runtime.run(&chain, STEPS)).await.0 / STEPS);
        }
    });
    vec![Row {
        what: "a strict step, SQLite".to_owned(),
        gensx: micros(median(steps.clone())),
        baseline: format!("{} (an awaited insert of as many bytes)", micros(median(inserts.clone()))),
        answer: format!("{:.2} times", ratio(&steps, &inserts)),
        goal: "at most 1.5 times",
    }]
}

pub async fn bytes_per_step(runtime: &Runtime) -> usize {
    let run = runtime.start(&chain, STEPS).await.unwrap();
    let events = run.events().collect().await.unwrap();
    events.iter().map(|event| event.encode().len()).sum::<usize>() / STEPS as usize
}

struct Insert {
    payload: Vec<u8>,
    done: oneshot::Sender<()>,
}

/// The least that an async program does to store a value durably: a thread that owns the connection, and an answer.
#[derive(Clone)]
struct PlainWriter(mpsc::Sender<Insert>);

impl PlainWriter {
    fn open(path: &Path) -> Self {
        let file = Connection::open(path).unwrap();
        file.busy_timeout(Duration::from_secs(5)).unwrap();
        file.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE plain (id INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;",
        )
        .unwrap();
        let (queue, jobs) = mpsc::channel::<Insert>();
        let _thread: JoinHandle<()> = std::thread::spawn(move || {
            let mut insert = file.prepare("INSERT INTO plain (payload) VALUES (?1)").unwrap();
            for Insert { payload, done } in jobs {
                insert.execute([payload]).unwrap();
                // The bench waits for each.
                let _ = done.send(());
            }
        });
        Self(queue)
    }

    async fn inserts(self, size: usize) {
        for _ in 0..STEPS {
            let (done, inserted) = oneshot::channel();
            self.0.send(Insert { payload: vec![b'x'; size], done }).unwrap();
            inserted.await.unwrap();
        }
    }
}
