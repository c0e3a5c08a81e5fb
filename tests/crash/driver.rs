//! Runs the program in other processes, kills them at random moments, and has the run resumed each time until it ends.
//! Meanwhile readers follow it in random sittings, and somebody answers what it asks.

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use fastrand::Rng;
use futures_util::future::join_all;
use gensx::{Event, EventKind, EventSink, RunId, SinkErrorKind, sink::Message};

use crate::{
    common::{
        SOON,
        backend::{Backend, Place},
        ledger::{self, Line},
        part, stream, until,
    },
    flights,
    program::INPUT,
};

/// The workflow that is killed.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    /// What its processes are told.
    pub(crate) name: &'static str,
    /// Kills that there must be, over all runs.
    pub(crate) kills: usize,
}

pub(crate) const JOURNEY: Program = Program { name: "journey", kills: 200 };
pub(crate) const RELAY: Program = Program { name: "relay", kills: 50 };

/// Names the program.
pub(crate) const PROGRAM: &str = "GENSX_TEST_PROGRAM";

/// Past this many, kills end, whatever was in flight at them.
const KILLS_MAX: usize = 1_000;
/// Kills of one run, on average.
const KILLS_PER_RUN: u32 = 8;
/// After this many, a run is let go on to its end.
const KILLS_PER_RUN_MAX: usize = 16;
/// Runs at once.
const LANES: u64 = 2;
const READERS: u64 = 2;
/// The longest time that a run, its readers included, may take from its start to its end.
const JOURNEY_LIMIT: Duration = Duration::from_secs(180);
/// The most events that a reader takes in one sitting.
const SITTING: usize = 25;
/// How long whoever answers the run takes, in milliseconds.
const THOUGHT_MS: std::ops::Range<u64> = 5..25;
const SEED: u64 = 0x6765_6e73_7801;
const SIGKILL: i32 = 9;

/// A run, and everything that was seen of it.
pub(crate) struct Journey {
    pub(crate) events: Vec<Event>,
    pub(crate) lines: Vec<Line>,
    pub(crate) kills: Vec<Kill>,
    /// What each reader saw, in all its sittings.
    pub(crate) views: Vec<Vec<Event>>,
}

/// A process was killed.
pub(crate) struct Kill {
    pub(crate) life: u32,
    /// The last position of the stream then; 0 without one.
    pub(crate) seq: u64,
    /// Whether the stream had its last event.
    pub(crate) ended: bool,
}

pub(crate) fn live(backend: Backend, program: Program) -> Vec<Journey> {
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    executor.block_on(async {
        let driver = Driver { place: backend.place().await, program, state: Mutex::default() };
        let started = Instant::now();
        let undisturbed = driver.journey("undisturbed", 0, None).await;
        {
            let mut state = driver.state.lock().unwrap();
            // A life lasts half of the span on average.
            state.span = started.elapsed() * 2 / KILLS_PER_RUN;
            state.missing = flights::all(&undisturbed);
            state.done.push(undisturbed);
        }
        join_all((0..LANES).map(|lane| driver.lane(lane))).await;
        driver.state.into_inner().unwrap().done
    })
}

struct Driver {
    place: Place,
    program: Program,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A process that is to be killed lives for a random part of this.
    span: Duration,
    /// Calls that were in flight at no kill yet.
    missing: BTreeSet<String>,
    kills: usize,
    done: Vec<Journey>,
}

impl State {
    fn is_enough(&self, program: Program) -> bool {
        self.kills >= KILLS_MAX || (self.kills >= program.kills && self.missing.is_empty())
    }

    fn take(&mut self, journey: Journey) {
        let kills = journey.kills.len();
        self.kills += kills;
        for kill in &journey.kills {
            for call in flights::at(&journey, kill) {
                self.missing.remove(&call);
            }
        }
        // The machine may have become slower, or faster.
        if kills >= KILLS_PER_RUN_MAX {
            self.span = self.span * 3 / 2;
        } else if kills < KILLS_PER_RUN as usize / 2 {
            self.span = self.span * 3 / 4;
        }
        self.done.push(journey);
    }
}

impl Driver {
    async fn lane(&self, lane: u64) {
        let mut rng = Rng::with_seed(SEED + lane);
        for n in 0.. {
            let span = {
                let state = self.state.lock().unwrap();
                if state.is_enough(self.program) {
                    return;
                }
                state.span
            };
            let journey = self.journey(&format!("journey-{lane}-{n}"), rng.u64(..), Some(span)).await;
            self.state.lock().unwrap().take(journey);
        }
    }

    /// A run from its start to its end; with a span, its processes are killed within it.
    async fn journey(&self, run: &str, seed: u64, span: Option<Duration>) -> Journey {
        let (run, sink): (RunId, _) = (run.parse().unwrap(), &self.place.sink);
        let mut rng = Rng::with_seed(seed);
        let answers = answer(Arc::clone(sink), run.clone(), rng.fork());
        let readers: Vec<_> = (0..READERS).map(|_| read(Arc::clone(sink), run.clone(), rng.fork())).collect();
        let all = async { tokio::join!(self.lives(&run, &mut rng, span), answers, join_all(readers)) };
        let seen = tokio::time::timeout(JOURNEY_LIMIT, all).await;
        let (kills, (), views) = seen.unwrap_or_else(|_| panic!("run {run}, or a reader of it, has no end"));
        Journey {
            events: stream::read(sink.as_ref(), &run).await,
            lines: ledger::read(&part::ledger_of(&self.place, &run)),
            kills,
            views,
        }
    }

    async fn lives(&self, run: &RunId, rng: &mut Rng, span: Option<Duration>) -> Vec<Kill> {
        let mut kills = Vec::new();
        for life in 1.. {
            let span = span.filter(|_| kills.len() < KILLS_PER_RUN_MAX);
            let killed = self.life(run, life, span.map(|span| span.mul_f64(rng.f64()))).await;
            let head = self.place.sink.head(run).await.unwrap();
            let ended = head.as_ref().is_some_and(|head| head.status.is_ended());
            if killed {
                kills.push(Kill { life, seq: head.map_or(0, |head| head.last.seq), ended });
            }
            assert!(killed || ended, "life {life} of run {run} ended before the run did");
            if ended {
                break;
            }
        }
        kills
    }

    /// One process. Gives whether it was killed.
    async fn life(&self, run: &RunId, life: u32, kill_after: Option<Duration>) -> bool {
        let mut process = part::start(&self.place, run, life, &[(PROGRAM, Path::new(self.program.name))]);
        let lived = tokio::time::timeout(kill_after.unwrap_or(SOON), process.wait()).await;
        let status = match lived {
            Ok(status) => status.unwrap(),
            Err(_) => {
                assert!(kill_after.is_some(), "life {life} of run {run} has no end");
                process.kill().await.unwrap();
                process.wait().await.unwrap()
            }
        };
        let killed = status.signal() == Some(SIGKILL);
        assert!(killed || status.success(), "life {life} of run {run}: {status}");
        killed
    }
}

async fn started(sink: &dyn EventSink, run: &RunId) {
    until("the run's first event", async || sink.head(run).await.unwrap()).await;
}

/// Reads the run to its end, in sittings of random length.
async fn read(sink: Arc<dyn EventSink>, run: RunId, mut rng: Rng) -> Vec<Event> {
    started(sink.as_ref(), &run).await;
    let mut seen: Vec<Event> = Vec::new();
    loop {
        let after = seen.last().map(|event| event.id);
        let mut sitting = gensx::sink::events(Arc::clone(&sink), run.clone(), after);
        for _ in 0..rng.usize(1..=SITTING) {
            match sitting.next().await {
                Some(event) => seen.push(event.unwrap()),
                None => return seen,
            }
        }
    }
}

/// Answers each question of the run after some thought, and all earlier ones again, as one does who cannot know
/// whether an answer arrived.
async fn answer(sink: Arc<dyn EventSink>, run: RunId, mut rng: Rng) {
    started(sink.as_ref(), &run).await;
    let mut asked = 0;
    let mut events = gensx::sink::events(Arc::clone(&sink), run.clone(), None);
    while let Some(event) = events.next().await {
        if !matches!(event.unwrap().kind, EventKind::InputRequested { .. }) {
            continue;
        }
        asked += 1;
        tokio::time::sleep(Duration::from_millis(rng.u64(THOUGHT_MS))).await;
        for n in (1..=asked).chain(1..=asked) {
            let (name, body, id) = (INPUT.to_owned(), answer_to(n).to_string(), Some(format!("answer-{n}")));
            match sink.send(&run, Message { number: 0, name, body, id }).await {
                // The last answer may have been all that the run waited for.
                Err(error) if error.kind() == SinkErrorKind::Ended => {}
                sent => drop(sent.unwrap()),
            }
        }
    }
}

/// The answer to the n-th question.
pub(crate) fn answer_to(n: u64) -> u64 {
    1_000 + n
}
