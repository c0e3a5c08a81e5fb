//! Messages from outside, as the run's owner takes them from the inbox.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Mutex,
};

use tokio::sync::Notify;

use super::{RunCore, Stop, lock};
use crate::{Error, ErrorKind, SinkError, sink::Message};

/// The name of the message that cancels a run.
pub(crate) const CANCEL: &str = "gensx.cancel";
/// Messages read at once.
const PAGE: usize = 100;

#[derive(Debug)]
pub(crate) struct Mail {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug)]
struct State {
    /// The last message that was read.
    read: Read,
    /// Messages that the stream says were taken before.
    taken: HashSet<u64>,
    waiting: HashMap<String, VecDeque<Message>>,
}

/// A message that was read, as far as it takes to know it again.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Read {
    /// 0 before the first one.
    number: u64,
    hash: u64,
}

impl From<&Message> for Read {
    fn from(message: &Message) -> Self {
        let mut hasher = DefaultHasher::new();
        (&message.name, &message.body, &message.id).hash(&mut hasher);
        Self { number: message.number, hash: hasher.finish() }
    }
}

impl Mail {
    pub(crate) fn new(taken: HashSet<u64>) -> Self {
        let state = State { read: Read::default(), taken, waiting: HashMap::new() };
        Self { state: Mutex::new(state), arrived: Notify::new() }
    }

    /// Reads what has arrived. A run is let go of whose store has lost what it read: the numbers of the lost messages are
    /// given again, and those who have them would be passed over.
    pub(crate) async fn pull(&self, run: &RunCore) -> Result<(), SinkError> {
        loop {
            let read = lock(&self.state).read;
            // With the last one that was read, which shows whether the inbox is the same still.
            let known = usize::from(read.number > 0);
            let after = read.number.saturating_sub(1);
            let mut page = run.config.sink.receive(&run.id, after, PAGE + known).await?;
            if known > 0 && page.first().map(Read::from) != Some(read) {
                run.stop(Stop::LetGo(lost(run)));
                return Ok(());
            }
            page.drain(..known);
            let Some(last) = page.last().map(Read::from) else { return Ok(()) };
            if page.iter().any(|message| message.name == CANCEL) {
                run.stop(Stop::Cancelled);
            }
            let mut state = lock(&self.state);
            for message in page {
                state.sort(message);
            }
            if last.number > state.read.number {
                state.read = last;
            }
            self.arrived.notify_waiters();
        }
    }

    /// Reads what has arrived; a failure is logged, and made good by the next message.
    pub(crate) async fn pull_or_warn(&self, run: &RunCore) {
        if let Err(error) = self.pull(run).await {
            tracing::warn!(run = %run.id, error = %error, "the run's inbox cannot be read, it is tried again with the next message");
        }
    }

    /// The number of the last message that was read.
    pub(crate) fn last_read(&self) -> u64 {
        lock(&self.state).read.number
    }

    /// The next message of that name, when there is one. Cancel safe: a message is taken only when it is given.
    pub(crate) async fn next(&self, name: &str) -> Message {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            if let Some(message) = lock(&self.state).waiting.get_mut(name).and_then(VecDeque::pop_front) {
                return message;
            }
            arrived.await;
        }
    }
}

impl Mail {
    /// Gives back a message that could not be recorded as taken: it is the next one's who asks.
    pub(crate) fn give_back(&self, message: Message) {
        lock(&self.state).waiting.entry(message.name.clone()).or_default().push_front(message);
        self.arrived.notify_waiters();
    }
}

fn lost(run: &RunCore) -> Error {
    let text = format!(
        "run `{}` was stopped here: the store no longer holds a message that was read: resume it",
        run.id
    );
    Error::of(ErrorKind::Fenced, text)
}

impl State {
    fn sort(&mut self, message: Message) {
        // Two pulls at once may read the same page.
        if message.number > self.read.number && message.name != CANCEL && !self.taken.remove(&message.number)
        {
            self.waiting.entry(message.name.clone()).or_default().push_back(message);
        }
    }
}
