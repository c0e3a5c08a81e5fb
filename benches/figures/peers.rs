//! What others do of the same kind, in the same run. Each is a program outside the workspace (`benches/peers`), told
//! round by round what to do.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use gensx::{EventSink, Runtime};
use gensx_test_servers::RedisServer;

use crate::{
    chain::chain,
    measure::{Row, Store, median, millis, one_worker, ratio, wall},
};

const ROUNDS: usize = 5;
const STEPS_OF_ONE: u32 = 100;
const STEPS_OF_MANY: u32 = 5;

/// duroxide on SQLite, and apalis on Redis.
pub fn peers() -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::start();
    let tokio = one_worker();
    let sqlite = tokio.block_on(Store::Sqlite.open(folder.path()));
    let redis: Arc<dyn EventSink> =
        Arc::new(tokio.block_on(gensx::RedisSink::connect(&server.url())).unwrap());
    let program = build("duroxide");
    // Whatever is faster for each.
    let (one, many) = (peer_folder(&folder, "one"), peer_folder(&folder, "many"));
    let mut one = Peer::start(&program, &[&one, "1"]);
    let mut many = Peer::start(&program, &[&many, "2"]);
    let mut apalis = Peer::start(&build("apalis-redis"), &[&server.url()]);
    let duroxide = "duroxide, SQLite";
    vec![
        compare(&tokio, &sqlite, "SQLite", (1, STEPS_OF_ONE), (duroxide, &mut one)),
        compare(&tokio, &sqlite, "SQLite", (100, STEPS_OF_MANY), (duroxide, &mut many)),
        compare(&tokio, &redis, "Redis", (1_000, STEPS_OF_MANY), ("apalis-redis", &mut apalis)),
    ]
}

fn peer_folder(folder: &tempfile::TempDir, name: &str) -> String {
    let folder = folder.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    folder.display().to_string()
}

fn compare(
    tokio: &tokio::runtime::Runtime,
    sink: &Arc<dyn EventSink>,
    store: &str,
    (runs, steps): (usize, u32),
    (name, peer): (&str, &mut Peer),
) -> Row {
    let runtime = Runtime::builder().shared_sink(Arc::clone(sink)).build();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let round = if runs == 1 { format!("chain {steps}") } else { format!("many {runs} {steps}") };
    for _ in 0..ROUNDS {
        theirs.push(peer.round(&round));
        let work = join_all((0..runs).map(|_| runtime.run(&chain, steps)));
        let (took, outputs) = tokio.block_on(async { wall(work).await });
        assert!(outputs.iter().all(Result::is_ok));
        ours.push(took);
    }
    Row {
        what: match runs {
            1 => format!("a run of {steps} strict steps, {store}"),
            _ => format!("{runs} runs of {steps} strict steps at once, {store}"),
        },
        gensx: millis(median(ours.clone())),
        baseline: format!("{} ({name})", millis(median(theirs.clone()))),
        answer: format!("{:.1} times as fast", ratio(&theirs, &ours)),
        goal: "reported",
    }
}

/// Builds a peer's program, and says where it is.
fn build(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(name);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    let built = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
        .arg(&target)
        .current_dir(&folder)
        .status()
        .unwrap();
    assert!(built.success(), "{} does not build", folder.display());
    target.join("release").join(format!("gensx-peer-{name}")).display().to_string()
}

/// A peer's program. It ends when this is dropped.
struct Peer {
    child: Child,
    rounds: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .env("RUST_LOG", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (rounds, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, rounds, answers }
    }

    fn round(&mut self, round: &str) -> Duration {
        writeln!(self.rounds, "{round}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        Duration::from_nanos(answer.trim().parse().unwrap_or_else(|_| panic!("`{round}`: {answer}")))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
