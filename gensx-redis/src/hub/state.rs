//! What the hub knows of runs, and what it does next. No clock and no connection here.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use gensx_core::{EventId, RunId, sink::Entry};
use tokio::sync::watch;

use super::ring::Ring;
use crate::error::Failure;

/// How long a run that nobody reads any more is listened to: readers come back for the next page.
const LINGER: Duration = Duration::from_secs(5);
/// The most bytes of events that are kept for all runs together.
const MAX_BYTES: usize = 64 << 20;

/// The runs that somebody reads.
#[derive(Default)]
pub(crate) struct Runs {
    hot: HashMap<RunId, Hot>,
    /// Those to be listened to.
    to_ask: VecDeque<RunId>,
    /// Those whose news are to be fetched.
    to_fetch: VecDeque<RunId>,
    bytes: usize,
    /// Grows when the server may have changed, and what the one before acknowledged may be lost.
    era: u64,
}

struct Hot {
    readers: usize,
    /// Since when nobody has read it.
    idle_since: Option<Instant>,
    /// Whether the server has confirmed that it rings for this run.
    heard: bool,
    /// Something failed that is to be tried again.
    failed: bool,
    fetching: Fetching,
    ring: Ring,
    known: watch::Sender<Known>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fetching {
    No,
    /// In `to_fetch`.
    Queued,
    UnderWay,
    /// More came while it was under way.
    Again,
}

/// Where a run's stream ends, as far as the hub knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Standing {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    NoStream,
    At(EventId),
}

/// What those who wait for a run are told.
#[derive(Clone, Default, Debug)]
pub(crate) struct Known {
    pub(crate) standing: Standing,
    /// Grows with each reason to look for oneself: the stream went back, or is gone.
    pub(crate) doubts: u64,
    /// Why nothing can be heard at present.
    pub(crate) failure: Option<Failure>,
}

/// What a reader does about what it is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Wait,
    /// There may be something to read.
    Return,
    /// The reader is ahead of what is known here, or the stream has gone back: the server says which.
    Ask,
}

impl Known {
    /// For a reader at position `after` that began to wait with so many doubts.
    pub(crate) fn verdict(&self, after: u64, doubts: u64) -> Verdict {
        match self.standing {
            _ if self.doubts != doubts => Verdict::Return,
            Standing::Unknown => Verdict::Wait,
            Standing::NoStream => Verdict::Return,
            Standing::At(last) if last.seq > after => Verdict::Return,
            Standing::At(last) if last.seq == after => Verdict::Wait,
            Standing::At(_) => Verdict::Ask,
        }
    }
}

/// What a doorbell says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bell {
    /// There is an event with this id.
    Grown(EventId),
    Gone,
}

/// From where a run's news are fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum From {
    /// The end is not known: that is all that is fetched.
    Unknown,
    After(EventId),
}

/// What a fetch found.
pub(crate) enum Found {
    End(EventId),
    /// `more`: there may be more of them.
    Events {
        entries: Vec<Entry>,
        more: bool,
    },
    NoStream,
}

impl Runs {
    pub(crate) fn is_empty(&self) -> bool {
        self.hot.is_empty()
    }

    /// A reader begins to wait.
    pub(crate) fn enter(&mut self, run: &RunId) -> watch::Receiver<Known> {
        if !self.hot.contains_key(run) {
            self.to_ask.push_back(run.clone());
        }
        let hot = self.hot.entry(run.clone()).or_insert_with(Hot::new);
        hot.readers += 1;
        hot.idle_since = None;
        hot.known.subscribe()
    }

    /// A reader waits no longer.
    pub(crate) fn leave(&mut self, run: &RunId, now: Instant) {
        if let Some(hot) = self.hot.get_mut(run) {
            hot.readers -= 1;
            if hot.readers == 0 {
                hot.idle_since = Some(now);
            }
        }
    }

    /// The next runs to listen to.
    pub(crate) fn next_to_ask(&mut self, limit: usize) -> Vec<RunId> {
        self.to_ask.drain(..limit.min(self.to_ask.len())).collect()
    }

    /// The server confirmed: every later event of the run rings. Those before are fetched.
    pub(crate) fn heard(&mut self, run: &RunId) {
        if let Some(hot) = self.hot.get_mut(run) {
            hot.heard = true;
            self.want(run);
        }
    }

    /// A run cannot be listened to at present; others can.
    pub(crate) fn refused(&mut self, run: &RunId, failure: Failure) {
        if let Some(hot) = self.hot.get_mut(run) {
            hot.fail(failure);
        }
    }

    /// The server rings for a run no more: in a cluster its slot has moved.
    pub(crate) fn silenced(&mut self, run: &RunId) {
        if let Some(hot) = self.hot.get_mut(run).filter(|hot| hot.heard) {
            hot.heard = false;
            self.to_ask.push_back(run.clone());
        }
    }

    /// Has what failed tried again.
    pub(crate) fn retry(&mut self) {
        let failed = self.hot.iter_mut().filter(|(_, hot)| hot.failed);
        let failed: Vec<(RunId, bool)> = failed
            .map(|(run, hot)| {
                hot.failed = false;
                (run.clone(), hot.heard)
            })
            .collect();
        for (run, heard) in failed {
            if heard {
                self.want(&run);
            } else {
                self.to_ask.push_back(run);
            }
        }
    }

    /// Forgets the runs that nobody has read for a while. One whose news are being fetched is kept: they would be taken
    /// for those of a reader who has come back.
    pub(crate) fn forget_idle(&mut self, now: Instant) -> Vec<RunId> {
        let idle = |since: Instant| now.saturating_duration_since(since) >= LINGER;
        let gone = self.hot.extract_if(|_, hot| {
            hot.heard && hot.fetching == Fetching::No && hot.idle_since.is_some_and(idle)
        });
        let gone: Vec<(RunId, usize)> = gone.map(|(run, hot)| (run, hot.ring.bytes())).collect();
        self.bytes -= gone.iter().map(|(_, bytes)| bytes).sum::<usize>();
        gone.into_iter().map(|(run, _)| run).collect()
    }

    /// The connection is gone, and with it what was fetched: all are to be listened to anew, and each run's end is looked
    /// at again. Readers are told only if it is not where they think: with all of them looking at once a server
    /// that has just come back would be down again.
    pub(crate) fn unheard(&mut self) {
        self.era += 1;
        self.bytes = 0;
        self.to_fetch.clear();
        self.to_ask = self.hot.keys().cloned().collect();
        for hot in self.hot.values_mut() {
            (hot.heard, hot.failed, hot.fetching) = (false, false, Fetching::No);
            hot.ring.restart(None);
            // Where nothing was known, a step back could not be told: whoever waits is to look, once there is an answer.
            hot.known.send_if_modified(|known| {
                known.doubts += u64::from(known.standing == Standing::Unknown);
                false
            });
        }
    }

    /// Looks for events whose doorbell was not heard.
    pub(crate) fn look_again(&mut self) {
        for run in self.hot.keys().cloned().collect::<Vec<_>>() {
            self.want(&run);
        }
    }

    /// Nothing can be heard: those who wait are told why.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        for hot in self.hot.values() {
            hot.known.send_modify(|known| known.failure = Some(failure.clone()));
        }
    }

    pub(crate) fn ring(&mut self, run: &RunId, bell: Bell) {
        let Some(hot) = self.hot.get(run) else { return };
        match bell {
            Bell::Grown(id) if hot.ring.end().is_some_and(|end| id <= end) => {}
            Bell::Grown(_) => self.want(run),
            Bell::Gone => {
                self.change_ring(run, |ring| ring.restart(None));
                self.tell(run, Standing::NoStream);
                self.want(run);
            }
        }
    }

    fn want(&mut self, run: &RunId) {
        let Some(hot) = self.hot.get_mut(run) else { return };
        hot.fetching = match hot.fetching {
            Fetching::No => {
                self.to_fetch.push_back(run.clone());
                Fetching::Queued
            }
            Fetching::UnderWay => Fetching::Again,
            already => already,
        };
    }

    /// The next runs to fetch news of. Those that are not listened to yet wait until they are.
    pub(crate) fn next_to_fetch(&mut self, limit: usize) -> Vec<(RunId, From)> {
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(run) = self.to_fetch.pop_front()
        {
            let Some(hot) = self.hot.get_mut(&run) else { continue };
            hot.fetching = if hot.heard { Fetching::UnderWay } else { Fetching::No };
            if hot.heard {
                due.push((run, hot.ring.end().map_or(From::Unknown, From::After)));
            }
        }
        due
    }

    /// Takes in what a fetch found.
    pub(crate) fn fetched(&mut self, run: &RunId, found: Result<Found, Failure>) {
        let Some(hot) = self.hot.get_mut(run) else { return };
        let again = hot.fetching == Fetching::Again;
        hot.fetching = Fetching::No;
        let (standing, more) = match found {
            Ok(Found::End(end)) => {
                self.change_ring(run, |ring| ring.restart(Some(end)));
                (Standing::At(end), false)
            }
            Ok(Found::Events { entries, more }) => self.take_in(run, entries, more),
            Ok(Found::NoStream) => {
                self.change_ring(run, |ring| ring.restart(None));
                (Standing::NoStream, false)
            }
            Err(failure) => {
                self.change_ring(run, |ring| ring.restart(None));
                if let Some(hot) = self.hot.get_mut(run) {
                    hot.fail(failure);
                }
                return;
            }
        };
        self.tell(run, standing);
        if again || more {
            self.want(run);
        }
    }

    fn take_in(&mut self, run: &RunId, entries: Vec<Entry>, more: bool) -> (Standing, bool) {
        let follows = self.change_ring(run, |ring| ring.add(entries)).unwrap_or(false);
        if !follows {
            // The stream was written anew: its end is looked at.
            self.change_ring(run, |ring| ring.restart(None));
        }
        (self.standing(run), more || !follows)
    }

    /// When an append begins: what it is answered holds for this era.
    pub(crate) fn era(&self) -> u64 {
        self.era
    }

    /// Takes in events that this process appended itself in an era. If they do not follow, the doorbell has them fetched.
    pub(crate) fn appended(&mut self, run: &RunId, era: u64, entries: impl IntoIterator<Item = Entry>) {
        if era == self.era && self.change_ring(run, |ring| ring.add(entries)) == Some(true) {
            let standing = self.standing(run);
            self.tell(run, standing);
        }
    }

    pub(crate) fn is_hot(&self, run: &RunId) -> bool {
        self.hot.contains_key(run)
    }

    /// A page of what is kept, if it begins right after the position.
    pub(crate) fn page(&self, run: &RunId, after: u64, limit: usize) -> Option<Vec<Entry>> {
        self.hot.get(run)?.ring.after(after, limit)
    }

    fn standing(&self, run: &RunId) -> Standing {
        let end = self.hot.get(run).and_then(|hot| hot.ring.end());
        end.map_or(Standing::Unknown, Standing::At)
    }

    /// Changes a run's events, within the bound for all of them.
    fn change_ring<T>(&mut self, run: &RunId, change: impl FnOnce(&mut Ring) -> T) -> Option<T> {
        let hot = self.hot.get_mut(run)?;
        self.bytes -= hot.ring.bytes();
        let result = change(&mut hot.ring);
        if self.bytes + hot.ring.bytes() > MAX_BYTES {
            // Its readers read pages from the server instead.
            hot.ring.empty();
        }
        self.bytes += hot.ring.bytes();
        Some(result)
    }

    /// Tells a run's readers where it ends. One that ends before it did is a doubt: they look for themselves.
    fn tell(&mut self, run: &RunId, standing: Standing) {
        let Some(hot) = self.hot.get_mut(run) else { return };
        hot.known.send_if_modified(|known| {
            let failed = known.failure.take().is_some();
            let news = match (known.standing, standing) {
                (_, Standing::Unknown) => return failed,
                (Standing::At(before), Standing::At(now)) => {
                    known.doubts +=
                        u64::from(now.seq < before.seq || (now.seq == before.seq && now != before));
                    now != before
                }
                (before, Standing::NoStream) => {
                    known.doubts += 1;
                    before != Standing::NoStream
                }
                (_, Standing::At(_)) => true,
            };
            known.standing = standing;
            news || failed
        });
    }
}

impl Hot {
    fn fail(&mut self, failure: Failure) {
        self.failed = true;
        self.known.send_modify(|known| known.failure = Some(failure));
    }

    fn new() -> Self {
        Self {
            readers: 0,
            idle_since: None,
            heard: false,
            failed: false,
            fetching: Fetching::No,
            ring: Ring::default(),
            known: watch::Sender::default(),
        }
    }
}

#[cfg(test)]
mod tests;
