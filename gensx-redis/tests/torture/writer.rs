//! A writer that owns a run until another one takes it over, and notes down what it was told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gensx_core::{
    EventId, EventSink, RunId, SinkErrorKind,
    sink::{Append, Batch, Payload},
};

use crate::events::{claim, next, opening, text};

/// The most events of a batch.
const MAX_EVENTS: usize = 19;
/// How long a writer that lost its run may leave the others alone.
const MAX_REST_MS: u64 = 20;

/// How often each answer was given, to all writers together.
#[derive(Default, Debug)]
pub(crate) struct Answers {
    pub(crate) done: AtomicU64,
    pub(crate) duplicate: AtomicU64,
    pub(crate) fenced: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) unavailable: AtomicU64,
}

/// An event that was acknowledged.
pub(crate) struct Acknowledged {
    pub(crate) run: RunId,
    pub(crate) id: EventId,
    pub(crate) payload: Payload,
}

pub(crate) struct Writer {
    sink: Arc<dyn EventSink>,
    runs: Arc<[RunId]>,
    answers: Arc<Answers>,
    dice: fastrand::Rng,
    name: usize,
    written: u64,
    /// The run that it owns, as far as it knows, and its last event there.
    pub(crate) owns: Option<(RunId, EventId)>,
    pub(crate) ledger: Vec<Acknowledged>,
    pub(crate) refused: Vec<Payload>,
    /// The runs that it was told it no longer owns, in order.
    pub(crate) told: Vec<RunId>,
}

impl Writer {
    pub(crate) fn new(
        name: usize,
        sink: Arc<dyn EventSink>,
        runs: Arc<[RunId]>,
        answers: Arc<Answers>,
        seed: u64,
    ) -> Self {
        let dice = fastrand::Rng::with_seed(seed ^ (name as u64) << 32);
        Self {
            sink,
            runs,
            answers,
            dice,
            name,
            written: 0,
            owns: None,
            ledger: Vec::new(),
            refused: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Writes until so many more batches were acknowledged.
    pub(crate) async fn write(&mut self, batches: usize) {
        let (mut acknowledged, mut first) = (0, true);
        while acknowledged < batches {
            let mut batch = match &self.owns {
                // Now and then somebody takes over a run that another one writes.
                Some((run, last)) if first || self.dice.u8(..) > 5 => {
                    let (run, last) = (run.clone(), *last);
                    next(&run, EventId::new(last.epoch, last.seq + 1), self.payloads())
                }
                _ => self.takeover().await,
            };
            first = false;
            batch.token.owner = self.name as u64;
            acknowledged += usize::from(self.append(&batch).await);
        }
    }

    /// Opens or claims some run.
    async fn takeover(&mut self) -> Batch {
        let run = self.runs[self.dice.usize(..self.runs.len())].clone();
        let payloads = self.payloads();
        loop {
            match self.sink.head(&run).await {
                Ok(None) => return opening(&run, payloads),
                Ok(Some(head)) => {
                    return claim(&run, EventId::new(head.last.epoch + 1, head.last.seq + 1), payloads);
                }
                Err(error) => self.unavailable(&error).await,
            }
        }
    }

    fn payloads(&mut self) -> Vec<Payload> {
        let events = self.dice.usize(1..=MAX_EVENTS);
        let first = self.written;
        self.written += events as u64;
        (first..self.written).map(|n| text(&format!("{}-{n}", self.name))).collect()
    }

    /// Repeats a batch until it is answered. Whether it is in the stream.
    async fn append(&mut self, batch: &Batch) -> bool {
        let answer = loop {
            match self.sink.append(batch).await {
                Ok(answer) => break answer,
                Err(error) => self.unavailable(&error).await,
            }
        };
        let counter = match answer {
            Append::Done => &self.answers.done,
            Append::Duplicate => &self.answers.duplicate,
            Append::Fenced => &self.answers.fenced,
            Append::Lost => &self.answers.lost,
            Append::Ended => panic!("nobody has ended run `{}`", batch.run),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let accepted = matches!(answer, Append::Done | Append::Duplicate);
        if accepted {
            let ids = (batch.first.seq..).map(|seq| EventId::new(batch.first.epoch, seq));
            self.ledger.extend(ids.zip(&batch.payloads).map(|(id, payload)| Acknowledged {
                run: batch.run.clone(),
                id,
                payload: Arc::clone(payload),
            }));
            let last = EventId::new(batch.first.epoch, batch.last_seq());
            self.owns = Some((batch.run.clone(), last));
        } else {
            self.refused.extend(batch.payloads.iter().cloned());
            self.owns = None;
            self.told.push(batch.run.clone());
            let rest = Duration::from_millis(self.dice.u64(..MAX_REST_MS));
            tokio::time::sleep(rest).await;
        }
        accepted
    }

    async fn unavailable(&self, error: &gensx_core::SinkError) {
        assert_eq!(error.kind(), SinkErrorKind::Unavailable, "{error}: {error:?}");
        self.answers.unavailable.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
