use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn run(n: usize) -> RunId {
    format!("run-{n}").parse().unwrap()
}

fn id(epoch: u32, seq: u64) -> EventId {
    EventId::new(epoch, seq)
}

fn entries(epoch: u32, seqs: std::ops::RangeInclusive<u64>, bytes: usize) -> Vec<Entry> {
    seqs.map(|seq| Entry { id: id(epoch, seq), payload: vec![0; bytes].into() }).collect()
}

/// A run that is read, listened to, and whose end is known to be `end`.
fn hot(runs: &mut Runs, run: &RunId, end: EventId) -> watch::Receiver<Known> {
    let mut known = runs.enter(run);
    listen(runs);
    assert_eq!(runs.next_to_fetch(9), [(run.clone(), From::Unknown)]);
    runs.fetched(run, Ok(Found::End(end)));
    known.borrow_and_update();
    known
}

/// What the task does once it has a connection.
fn listen(runs: &mut Runs) {
    for run in runs.next_to_ask(usize::MAX) {
        runs.heard(&run);
    }
}

#[test]
fn a_fetch_that_was_lost_with_its_connection_is_made_again() {
    let (mut runs, run) = (Runs::default(), run(1));
    let _known = hot(&mut runs, &run, id(1, 5));
    runs.ring(&run, Bell::Grown(id(1, 6)));
    assert_eq!(runs.next_to_fetch(9).len(), 1, "it is under way");
    runs.unheard();
    listen(&mut runs);
    assert_eq!(runs.next_to_fetch(9), [(run, From::Unknown)]);
}

#[test]
fn a_run_is_not_forgotten_while_its_news_are_fetched() {
    let (mut runs, run, now) = (Runs::default(), run(1), Instant::now());
    drop(hot(&mut runs, &run, id(1, 5)));
    runs.leave(&run, now);
    runs.ring(&run, Bell::Grown(id(1, 6)));
    let _under_way = runs.next_to_fetch(9);
    assert_eq!(runs.forget_idle(now + LINGER), []);
    runs.fetched(&run, Ok(Found::Events { entries: entries(1, 6..=6, 1), more: false }));
    assert_eq!(runs.forget_idle(now + LINGER), [run]);
}

#[test]
fn a_failed_fetch_is_made_again() {
    let (mut runs, run) = (Runs::default(), run(1));
    let known = hot(&mut runs, &run, id(1, 5));
    runs.ring(&run, Bell::Grown(id(1, 6)));
    let _under_way = runs.next_to_fetch(9);
    runs.fetched(&run, Err(Failure::unavailable("down")));
    assert!(known.borrow().failure.is_some());
    assert_eq!(runs.next_to_fetch(9), [], "not before the next look");
    runs.retry();
    assert_eq!(runs.next_to_fetch(9), [(run, From::Unknown)]);
}

#[test]
fn a_refused_channel_is_asked_for_again_and_others_are_heard() {
    let mut runs = Runs::default();
    let (bad, good) = (run(1), run(2));
    let (refused, heard) = (runs.enter(&bad), runs.enter(&good));
    assert_eq!(runs.next_to_ask(9), [bad.clone(), good.clone()]);
    runs.refused(&bad, Failure::unavailable("down"));
    runs.heard(&good);
    assert!(refused.borrow().failure.is_some() && heard.borrow().failure.is_none());
    assert_eq!(runs.next_to_ask(9), [], "not before the next look");
    runs.retry();
    assert_eq!(runs.next_to_ask(9), [bad]);
}

#[test]
fn a_channel_that_the_server_took_away_is_asked_for_again() {
    let (mut runs, run) = (Runs::default(), run(1));
    let _known = hot(&mut runs, &run, id(1, 5));
    runs.silenced(&run);
    assert_eq!(runs.next_to_ask(9), std::slice::from_ref(&run));
    runs.heard(&run);
    assert_eq!(runs.next_to_fetch(9), [(run, From::After(id(1, 5)))]);
}

#[test]
fn a_step_back_is_a_reason_to_look() {
    let (mut runs, run) = (Runs::default(), run(1));
    let mut known = hot(&mut runs, &run, id(1, 10));
    let doubts = known.borrow().doubts;
    runs.unheard();
    listen(&mut runs);
    let _under_way = runs.next_to_fetch(9);
    runs.fetched(&run, Ok(Found::End(id(1, 8))));
    assert!(known.has_changed().unwrap());
    assert_eq!(known.borrow_and_update().verdict(10, doubts), Verdict::Return);
    assert!(runs.page(&run, 9, 10).is_none(), "what was lost is not told any more");
}

#[test]
fn who_waits_where_the_end_was_not_known_when_the_server_changed_looks() {
    let (mut runs, run) = (Runs::default(), run(1));
    let mut known = runs.enter(&run);
    let doubts = known.borrow_and_update().doubts;
    runs.unheard();
    assert!(!known.has_changed().unwrap(), "there is no answer yet");
    listen(&mut runs);
    let _under_way = runs.next_to_fetch(9);
    runs.fetched(&run, Ok(Found::End(id(2, 10))));
    assert!(known.has_changed().unwrap());
    assert_eq!(known.borrow().verdict(10, doubts), Verdict::Return);
}

#[test]
fn a_reconnection_that_finds_nothing_new_wakes_nobody() {
    let (mut runs, run) = (Runs::default(), run(1));
    let known = hot(&mut runs, &run, id(1, 10));
    runs.unheard();
    listen(&mut runs);
    let _under_way = runs.next_to_fetch(9);
    runs.fetched(&run, Ok(Found::End(id(1, 10))));
    assert!(!known.has_changed().unwrap());
}

#[test]
fn an_append_that_was_acknowledged_before_a_doubt_is_not_taken_in_after_it() {
    let (mut runs, run) = (Runs::default(), run(1));
    let _known = hot(&mut runs, &run, id(1, 8));
    let era = runs.era();
    // The answer is on its way when another server takes over, which has never seen the batch.
    runs.unheard();
    listen(&mut runs);
    let _under_way = runs.next_to_fetch(9);
    runs.fetched(&run, Ok(Found::End(id(1, 8))));
    runs.appended(&run, era, entries(1, 9..=10, 1));
    assert!(runs.page(&run, 8, 10).is_none());
    runs.appended(&run, runs.era(), entries(2, 9..=9, 1));
    assert_eq!(runs.page(&run, 8, 10).unwrap()[0].id, id(2, 9));
}

#[test]
fn what_is_kept_is_bounded_for_all_runs_together() {
    let mut runs = Runs::default();
    let many = 2 * MAX_BYTES / (256 * 1024);
    for n in 0..many {
        let run = run(n);
        let mut known = hot(&mut runs, &run, id(1, 0));
        runs.appended(&run, runs.era(), entries(1, 1..=4, 63 * 1024));
        assert!(known.has_changed().unwrap(), "its readers are told, and read from the server");
        known.borrow_and_update();
    }
    assert!(runs.bytes <= MAX_BYTES);
    assert_eq!(runs.bytes, runs.hot.values().map(|hot| hot.ring.bytes()).sum::<usize>());
    let now = Instant::now();
    (0..many).for_each(|n| runs.leave(&run(n), now));
    assert_eq!(runs.forget_idle(now + LINGER).len(), many);
    assert!(runs.is_empty() && runs.bytes == 0);
}

#[test]
fn a_run_is_kept_for_readers_who_come_back_soon() {
    let (mut runs, run, now) = (Runs::default(), run(1), Instant::now());
    drop(hot(&mut runs, &run, id(1, 5)));
    runs.leave(&run, now);
    assert_eq!(runs.forget_idle(now + LINGER / 2), []);
    let known = runs.enter(&run);
    assert_eq!(runs.forget_idle(now + LINGER), []);
    assert_eq!(known.borrow().verdict(5, 0), Verdict::Wait);
    runs.leave(&run, now + LINGER);
    assert_eq!(runs.forget_idle(now + LINGER * 2), [run]);
}

/// A server, the hub before it, and readers who wait and read.
#[derive(Default)]
struct World {
    runs: Runs,
    streams: BTreeMap<RunId, Vec<EventId>>,
    /// Doorbells on their way.
    bells: Vec<(RunId, Bell)>,
    /// Fetches whose answers are on their way.
    fetches: Vec<(RunId, Option<Found>)>,
    /// Appends of this process whose answers are on their way.
    answers: Vec<(RunId, u64, Vec<Entry>)>,
    readers: Vec<Watcher>,
}

struct Watcher {
    run: RunId,
    seen: Vec<EventId>,
    known: watch::Receiver<Known>,
    doubts: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Append {
        run: usize,
        events: u64,
        own: bool,
    },
    /// The answer of an own append arrives.
    Answer,
    Bell,
    /// Doorbells did not fit.
    Overflow,
    Ask,
    Fetch,
    Fetched {
        fails: bool,
    },
    Disconnect,
    /// A replica takes over that lacks some events; the next owner claims the run.
    LoseTail {
        run: usize,
        events: usize,
    },
    Tick,
    Look,
    Enter {
        run: usize,
    },
    Leave {
        reader: usize,
    },
    Read {
        reader: usize,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 1..4_u64, any::<bool>()).prop_map(|(run, events, own)| Step::Append { run, events, own }),
        3 => Just(Step::Answer),
        4 => Just(Step::Bell),
        1 => Just(Step::Overflow),
        4 => Just(Step::Ask),
        4 => Just(Step::Fetch),
        4 => any::<u8>().prop_map(|n| Step::Fetched { fails: n < 25 }),
        1 => Just(Step::Disconnect),
        1 => (0..3_usize, 1..4_usize).prop_map(|(run, events)| Step::LoseTail { run, events }),
        1 => Just(Step::Tick),
        1 => Just(Step::Look),
        2 => (0..3_usize).prop_map(|run| Step::Enter { run }),
        1 => (0..8_usize).prop_map(|reader| Step::Leave { reader }),
        4 => (0..8_usize).prop_map(|reader| Step::Read { reader }),
    ]
}

impl World {
    fn stream(&mut self, n: usize) -> &mut Vec<EventId> {
        self.streams.entry(run(n)).or_insert_with(|| vec![id(1, 1)])
    }

    fn append(&mut self, n: usize, epochs: u32, events: u64) -> Vec<Entry> {
        let stream = self.stream(n);
        let last = *stream.last().unwrap();
        let new = entries(last.epoch + epochs, last.seq + 1..=last.seq + events, 1);
        stream.extend(new.iter().map(|entry| entry.id));
        self.bells.push((run(n), Bell::Grown(new.last().unwrap().id)));
        new
    }

    /// As the hub's `fetch` asks.
    fn found(&self, run: &RunId, from: From) -> Found {
        let stream = &self.streams[run];
        let last = *stream.last().unwrap();
        match from {
            From::After(end) => {
                let after = stream.iter().filter(|id| **id > end).take(2);
                let new: Vec<Entry> = after.map(|id| Entry { id: *id, payload: vec![0].into() }).collect();
                match new.len() {
                    0 if last == end => Found::Events { entries: new, more: false },
                    0 => Found::End(last),
                    events => Found::Events { entries: new, more: events == 2 },
                }
            }
            From::Unknown => Found::End(last),
        }
    }

    fn disconnect(&mut self) {
        self.bells.clear();
        self.fetches.clear();
        self.runs.unheard();
    }

    fn step(&mut self, step: Step, now: Instant) {
        match step {
            Step::Append { run: n, events, own } => {
                let era = self.runs.era();
                let new = self.append(n, 0, events);
                if own {
                    self.answers.push((run(n), era, new));
                }
            }
            Step::Answer if !self.answers.is_empty() => {
                let (run, era, new) = self.answers.remove(0);
                self.runs.appended(&run, era, new);
            }
            Step::Bell if !self.bells.is_empty() => {
                let (run, bell) = self.bells.remove(0);
                self.runs.ring(&run, bell);
            }
            Step::Overflow => {
                self.bells.clear();
                self.runs.look_again();
            }
            Step::Ask => listen(&mut self.runs),
            Step::Fetch => {
                for (run, from) in self.runs.next_to_fetch(1) {
                    let found = self.found(&run, from);
                    self.fetches.push((run, Some(found)));
                }
            }
            Step::Fetched { fails } if !self.fetches.is_empty() => {
                let (run, found) = self.fetches.remove(0);
                let found = if fails { None } else { found };
                self.runs.fetched(&run, found.ok_or_else(|| Failure::unavailable("down")));
            }
            Step::Disconnect => self.disconnect(),
            Step::LoseTail { run: n, events } => {
                let stream = self.stream(n);
                stream.truncate(stream.len().saturating_sub(events).max(1));
                self.disconnect();
                self.append(n, 1, 1);
            }
            Step::Tick => {
                self.runs.forget_idle(now + LINGER * 2);
                self.runs.retry();
            }
            Step::Look => self.runs.look_again(),
            Step::Enter { run: n } if self.readers.len() < 8 => {
                self.stream(n);
                let known = self.runs.enter(&run(n));
                let doubts = known.borrow().doubts;
                self.readers.push(Watcher { run: run(n), seen: Vec::new(), known, doubts });
            }
            Step::Leave { reader } if reader < self.readers.len() => {
                let gone = self.readers.remove(reader);
                self.runs.leave(&gone.run, now);
            }
            Step::Read { reader } if reader < self.readers.len() => self.read(reader),
            _ => {}
        }
    }

    /// A page from the hub, or else from the server; a reader that notices a lost tail begins again.
    fn read(&mut self, reader: usize) {
        let reader = &mut self.readers[reader];
        let after = reader.seen.last().map_or(0, |id| id.seq);
        let stream = &self.streams[&reader.run];
        let page: Vec<EventId> = match self.runs.page(&reader.run, after, 3) {
            Some(page) => page.iter().map(|entry| entry.id).collect(),
            None => stream.iter().copied().filter(|id| id.seq > after).take(3).collect(),
        };
        if page.is_empty() && stream.last() != reader.seen.last() {
            reader.seen.clear();
        }
        reader.seen.extend(page);
        // In the library another reader begins to wait; what it is told of doubts begins anew with it.
        reader.doubts = reader.known.borrow().doubts;
    }

    /// Everything that is on its way arrives.
    fn settle(&mut self, now: Instant) {
        for _ in 0..300 {
            for step in [Step::Ask, Step::Bell, Step::Fetch, Step::Fetched { fails: false }, Step::Answer] {
                self.step(step, now);
            }
            self.runs.retry();
        }
    }
}

proptest! {
    #[test]
    fn a_reader_that_waits_and_reads_sees_everything(steps in prop::collection::vec(any_step(), 1..120)) {
        let (mut world, now) = (World::default(), Instant::now());
        for step in steps {
            world.step(step, now);
        }
        world.settle(now);
        for n in 0..world.readers.len() {
            let (known, after, doubts) = {
                let reader = &world.readers[n];
                let after = reader.seen.last().map_or(0, |id| id.seq);
                (reader.known.borrow().clone(), after, reader.doubts)
            };
            let stream = world.streams[&world.readers[n].run].clone();
            if after < stream.last().unwrap().seq {
                prop_assert_eq!(known.verdict(after, doubts), Verdict::Return);
            }
            // What the hub keeps is what the server holds.
            if let Some(page) = world.runs.page(&world.readers[n].run, after, 512) {
                let held: Vec<EventId> = page.iter().map(|entry| entry.id).collect();
                let rest: Vec<EventId> = stream.iter().copied().filter(|id| id.seq > after).take(held.len()).collect();
                prop_assert_eq!(held, rest);
            }
        }
        prop_assert_eq!(world.runs.bytes, world.runs.hot.values().map(|hot| hot.ring.bytes()).sum::<usize>());
    }
}
