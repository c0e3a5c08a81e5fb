//! Messages from outside, brought to the runs of this process that they are for.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    future::{Either, select},
    stream,
};
use tokio::sync::{Notify, oneshot};

use super::{Inner, Runtime};
use crate::{
    Error, EventSink, Result, RunId, SinkErrorKind, clock, io,
    run::{RunCore, lock},
    sink::Arrived,
};

/// The wait before an inbox that could not be read, or a sink that does not answer, is asked again.
const PAUSE: Duration = Duration::from_millis(250);
/// Inboxes that are read at once: after a disconnection each run's is.
const READS_AT_ONCE: usize = 32;
/// How often it is looked for a run that is not here: one that is being started is not yet.
const LOOKS_FOR_A_RUN: u32 = 8;

/// Lives in a runtime, and ends its wait for messages with it.
#[derive(Debug)]
pub(super) struct Listening {
    again: Arc<Again>,
    #[expect(dead_code, reason = "the receiver hears that it is dropped")]
    alive: oneshot::Sender<()>,
}

/// Runs whose inbox is to be read again, and of which no message will tell.
#[derive(Debug, Default)]
struct Again {
    runs: Mutex<HashSet<RunId>>,
    asked: Notify,
}

impl Runtime {
    /// Begins to listen for messages to runs of this process; before the first run, so that none is missed.
    pub(super) async fn listen(&self) -> Result<()> {
        let listen = || async {
            let sink = Arc::clone(self.sink());
            let (cursor, _) = sink.arrivals(0).await?;
            let (alive, gone) = oneshot::channel();
            let again = Arc::new(Again::default());
            let postman = Postman { sink, inner: Arc::downgrade(&self.0), due: HashMap::new() };
            io::spawn(until_gone(gone, postman.serve(cursor, Arc::clone(&again))));
            Ok::<_, Error>(Listening { again, alive })
        };
        self.0.arrivals.get_or_try_init(listen).await?;
        Ok(())
    }

    /// Reads what was sent to a run while nobody had it. A failure is made good later.
    pub(super) async fn collect(&self, core: &Arc<RunCore>) {
        if core.mail.pull(core).await.is_err()
            && let Some(listening) = self.0.arrivals.get()
        {
            lock(&listening.again.runs).insert(core.id.clone());
            listening.again.asked.notify_one();
        }
    }
}

/// A wait for messages may last for ever, and holds the sink: it is dropped when the runtime is.
async fn until_gone(gone: oneshot::Receiver<()>, serve: impl Future<Output = ()>) {
    select(gone, std::pin::pin!(serve)).await;
}

struct Postman {
    sink: Arc<dyn EventSink>,
    inner: Weak<Inner>,
    /// Runs whose inbox is to be read, and how often they were looked for in vain.
    due: HashMap<RunId, u32>,
}

impl Postman {
    async fn serve(mut self, mut cursor: u64, again: Arc<Again>) {
        let sink = Arc::clone(&self.sink);
        loop {
            let pause = async {
                if self.due.is_empty() { std::future::pending().await } else { clock::sleep(PAUSE).await }
            };
            let events = select(Box::pin(sink.arrivals(cursor)), Box::pin(again.asked.notified()));
            let news = match select(events, Box::pin(pause)).await {
                Either::Left((news, _)) => Some(news),
                Either::Right(_) => None,
            };
            match news {
                Some(Either::Left((Ok((next, arrived)), _))) => {
                    cursor = next;
                    self.note(arrived);
                }
                Some(Either::Left((Err(_), _))) => clock::sleep(PAUSE).await,
                Some(Either::Right(_)) => self.due.extend(lock(&again.runs).drain().map(|run| (run, 0))),
                None => {}
            }
            if !self.deliver().await {
                return;
            }
        }
    }

    fn note(&mut self, arrived: Arrived) {
        match arrived {
            Arrived::Runs(runs) => self.due.extend(runs.into_iter().map(|run| (run, 0))),
            Arrived::Any => {
                let Some(inner) = self.inner.upgrade() else { return };
                self.due.extend(lock(&inner.runs).keys().map(|run| (run.clone(), 0)));
            }
        }
    }

    /// Has each run that is due read its inbox; keeps those that could not. `false`: the runtime is gone.
    async fn deliver(&mut self) -> bool {
        let Some(inner) = self.inner.upgrade() else { return false };
        let here = |(run, looks): (RunId, u32)| {
            let local = lock(&inner.runs).get(&run).and_then(Weak::upgrade);
            async move {
                let Some(local) = local else {
                    return Some((run, looks + 1)).filter(|(_, looks)| *looks < LOOKS_FOR_A_RUN);
                };
                let error = local.core.mail.pull(&local.core).await.err()?;
                tracing::warn!(run = %run, error = %error, "the run's inbox cannot be read");
                (error.kind() == SinkErrorKind::Unavailable).then_some((run, 0))
            }
        };
        let due = std::mem::take(&mut self.due);
        let left = stream::iter(due).map(here).buffer_unordered(READS_AT_ONCE);
        self.due = left.filter_map(std::future::ready).collect().await;
        true
    }
}
