//! Messages from outside, as the run's owner takes them from the inbox.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Mutex,
};

use tokio::sync::Notify;

use super::{RunCore, Stop, lock};
use crate::{SinkError, sink::Message};

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
    /// The number of the last message that was read.
    read: u64,
    /// Messages that the stream says were taken before.
    taken: HashSet<u64>,
    waiting: HashMap<String, VecDeque<Message>>,
}

impl Mail {
    pub(crate) fn new(taken: HashSet<u64>) -> Self {
        let state = State { read: 0, taken, waiting: HashMap::new() };
        Self { state: Mutex::new(state), arrived: Notify::new() }
    }

    /// Reads what has arrived.
    pub(crate) async fn pull(&self, run: &RunCore) -> Result<(), SinkError> {
        loop {
            let after = lock(&self.state).read;
            let page = run.config.sink.receive(&run.id, after, PAGE).await?;
            let Some(last) = page.last().map(|message| message.number) else { return Ok(()) };
            if page.iter().any(|message| message.name == CANCEL) {
                run.stop(Stop::Cancelled);
            }
            let mut state = lock(&self.state);
            for message in page {
                state.sort(message);
            }
            state.read = state.read.max(last);
            self.arrived.notify_waiters();
        }
    }

    /// Reads what has arrived; a failure is logged, and made good by the next message.
    pub(crate) async fn pull_or_warn(&self, run: &RunCore) {
        if let Err(error) = self.pull(run).await {
            tracing::warn!(run = %run.id, error = %error, "the run's inbox cannot be read, it is tried again with the next message");
        }
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

impl State {
    fn sort(&mut self, message: Message) {
        // Two pulls at once may read the same page.
        if message.number > self.read && message.name != CANCEL && !self.taken.remove(&message.number) {
            self.waiting.entry(message.name.clone()).or_default().push_back(message);
        }
    }
}
