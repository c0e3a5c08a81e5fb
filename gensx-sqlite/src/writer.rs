//! The one thread that writes. It commits what has queued up as one transaction.

use std::sync::{
    Arc,
    mpsc::{self, Receiver, RecvTimeoutError, Sender},
};

use gensx_core::SinkErrorKind;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    builder::Settings,
    changes::Changes,
    chores::Chores,
    error::Failure,
    file::{self, Transaction},
    hub::Hub,
    threads,
};

/// Jobs that wait for the writer; whoever comes then waits for room.
const QUEUE_JOBS: usize = 1_024;
/// Jobs in one transaction.
const GROUP_JOBS: usize = 512;
/// A transaction takes no more jobs after this many bytes.
const GROUP_BYTES: usize = 8 << 20;

/// Something to be done inside a transaction, which may have to be done again in another one.
pub(crate) trait Work: Send + 'static {
    type Output: Send;

    /// How much it writes, about.
    fn bytes(&self) -> usize;

    /// Does it. An error undoes the transaction.
    fn apply(&self, file: &Connection, changes: &mut Changes) -> Result<Self::Output, Failure>;

    /// Does it in one statement, outside a transaction, if it is of the kind that takes no more: the statement is one.
    fn apply_alone(
        &self,
        _file: &Connection,
        _changes: &mut Changes,
    ) -> Result<Option<Self::Output>, Failure> {
        Ok(None)
    }
}

/// Work with a place for its result, without its type.
trait Job: Send {
    fn bytes(&self) -> usize;
    fn apply(&mut self, file: &Connection, changes: &mut Changes) -> Result<(), Failure>;
    /// Whether it is done.
    fn apply_alone(&mut self, file: &Connection, changes: &mut Changes) -> Result<bool, Failure>;
    fn answer(self: Box<Self>, outcome: Result<(), Failure>);
}

struct Ticket<W: Work> {
    work: W,
    output: Option<W::Output>,
    answer: oneshot::Sender<Result<W::Output, Failure>>,
    /// Gives the place in the queue back when it is dropped.
    _room: OwnedSemaphorePermit,
}

impl<W: Work> Job for Ticket<W> {
    fn bytes(&self) -> usize {
        self.work.bytes()
    }

    fn apply(&mut self, file: &Connection, changes: &mut Changes) -> Result<(), Failure> {
        self.output = Some(self.work.apply(file, changes)?);
        Ok(())
    }

    fn apply_alone(&mut self, file: &Connection, changes: &mut Changes) -> Result<bool, Failure> {
        self.output = self.work.apply_alone(file, changes)?;
        Ok(self.output.is_some())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Failure>) {
        let answer = match (outcome, self.output) {
            (Ok(()), Some(output)) => Ok(output),
            (Ok(()), None) => Err(stopped()),
            (Err(failure), _) => Err(failure),
        };
        // Whoever asked may have left.
        let _ = self.answer.send(answer);
    }
}

fn stopped() -> Failure {
    Failure::new(SinkErrorKind::Unavailable, "the writer has stopped: open the file again")
}

/// The way to the thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Sender<Box<dyn Job>>,
    room: Arc<Semaphore>,
}

impl Writer {
    /// Opens the file on a new thread.
    pub(crate) async fn start(settings: Arc<Settings>, hub: Arc<Hub>) -> Result<Self, Failure> {
        let (queue, jobs) = mpsc::channel();
        let (ready, opened) = oneshot::channel();
        threads::start("gensx-db-write", move || match file::open_or_create(&settings) {
            Ok(file) => {
                if ready.send(Ok(())).is_ok() {
                    serve(&file, &jobs, &hub, Chores::new(settings.retention));
                }
            }
            Err(failure) => drop(ready.send(Err(failure))),
        })?;
        opened.await.unwrap_or_else(|_| Err(stopped()))?;
        Ok(Self { queue, room: Arc::new(Semaphore::new(QUEUE_JOBS)) })
    }

    /// Has the thread do `work`, and gives its result once it is committed. Dropped, the work may be done or not.
    pub(crate) async fn run<W: Work>(&self, work: W) -> Result<W::Output, Failure> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| stopped())?;
        let (answer, answered) = oneshot::channel();
        let ticket = Ticket { work, output: None, answer, _room: room };
        self.queue.send(Box::new(ticket)).map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn serve(file: &Connection, jobs: &Receiver<Box<dyn Job>>, hub: &Hub, mut chores: Chores) {
    while let Some(first) = next(file, jobs, hub, &mut chores) {
        let mut group = gather(first, jobs);
        let mut changes = Changes::default();
        match commit(file, &mut group, &mut changes) {
            Ok(()) => finish(group, &changes, hub),
            // Another process, or the disk: it is the same for each of them.
            Err(failure) if group.len() == 1 || failure.kind() == SinkErrorKind::Unavailable => {
                refuse(group, &failure);
            }
            Err(_) => changes = one_by_one(file, group, hub),
        }
        if !changes.gone.is_empty() || changes.expires {
            chores.wake();
        }
        hub.tell(&chores.step(file));
    }
}

/// The next job; meanwhile, the chores. `None` when the sink is dropped and everything that was asked for is done.
fn next(
    file: &Connection,
    jobs: &Receiver<Box<dyn Job>>,
    hub: &Hub,
    chores: &mut Chores,
) -> Option<Box<dyn Job>> {
    loop {
        let Some(wait) = chores.due_in() else { return jobs.recv().ok() };
        match jobs.recv_timeout(wait) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Timeout) => hub.tell(&chores.step(file)),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// What has queued up behind the first job, within the bounds of a transaction.
fn gather(first: Box<dyn Job>, jobs: &Receiver<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    let mut bytes = first.bytes();
    let mut group = vec![first];
    while group.len() < GROUP_JOBS && bytes < GROUP_BYTES {
        let Ok(job) = jobs.try_recv() else { break };
        bytes += job.bytes();
        group.push(job);
    }
    group
}

fn commit(file: &Connection, group: &mut [Box<dyn Job>], changes: &mut Changes) -> Result<(), Failure> {
    if let [job] = group
        && job.apply_alone(file, changes)?
    {
        return Ok(());
    }
    let transaction = Transaction::begin(file)?;
    for job in group {
        job.apply(file, changes)?;
    }
    transaction.commit()
}

fn finish(group: Vec<Box<dyn Job>>, changes: &Changes, hub: &Hub) {
    for job in group {
        job.answer(Ok(()));
    }
    hub.tell(changes);
}

fn refuse(group: Vec<Box<dyn Job>>, failure: &Failure) {
    for job in group {
        job.answer(Err(failure.clone()));
    }
}

/// A damaged run must not be the failure of the others that happened to be in its transaction.
fn one_by_one(file: &Connection, group: Vec<Box<dyn Job>>, hub: &Hub) -> Changes {
    let mut all = Changes::default();
    for job in group {
        let (mut alone, mut changes) = ([job], Changes::default());
        let outcome = commit(file, &mut alone, &mut changes);
        let [job] = alone;
        job.answer(outcome.clone());
        if outcome.is_ok() {
            hub.tell(&changes);
            all.gone.append(&mut changes.gone);
            all.expires |= changes.expires;
        }
    }
    all
}
