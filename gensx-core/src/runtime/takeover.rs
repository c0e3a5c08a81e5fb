//! Taking a run over: the one way for an application that resumes a run, and for a worker that was given one.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Local, Runtime, not_found,
    resume::{Stream, input, read},
    retry,
    start::{Prepared, execute, prepare},
};
use crate::{
    Component, Error, ErrorKind, Event, EventId, EventKind, Result, RunId, RunStatus,
    error::ErrorRecord,
    event::ErrorBody,
    identity::Fingerprint,
    lease::{Heard, Takeover, confirms, heard, takeover},
    run::{
        RunCore, Stop,
        ledger::{Ledger, RunInfo},
        outbox::Outbox,
    },
    sink::{Append, Batch, BatchKind, BatchToken, Entry, EventSink, Head, Opening, Payload},
};

/// Takeovers that are tried when others append at the same time.
const CLAIM_ATTEMPTS: u32 = 8;

/// A run that is to be taken over, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) run: RunId,
    pub(crate) by: By,
}

/// Who takes a run over.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// The application.
    Application,
    /// A client, to end a run that nobody has. As a worker, it takes none that was not queued.
    Client,
    /// A worker, which takes none that was not queued.
    Worker {
        /// The first event, in case that there is no stream yet.
        first: Option<Payload>,
        deployment: Arc<str>,
        moved_from: Option<Arc<str>>,
    },
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is executed in this process.
    Here(Arc<Local>),
    /// It has ended.
    Ended,
    /// It has no stream.
    Gone,
    /// It is executed by an application, and is none of a worker's.
    NotQueued,
}

impl Assignment {
    pub(crate) fn of_application(run: &RunId) -> Self {
        Self { run: run.clone(), by: By::Application }
    }

    fn first(&self) -> Option<&Payload> {
        match &self.by {
            By::Application | By::Client => None,
            By::Worker { first, .. } => first.as_ref(),
        }
    }

    fn is_fleets(&self) -> bool {
        !matches!(self.by, By::Application)
    }

    /// Whether the run is an application's, and none of the fleet's that this is for.
    fn is_anothers(&self, info: &RunInfo) -> bool {
        self.is_fleets() && info.queued.is_none()
    }

    /// The deployment that takes it over, and the one that it was moved from.
    fn deployments(&self) -> (Option<Arc<str>>, Option<Arc<str>>) {
        match &self.by {
            By::Application | By::Client => (None, None),
            By::Worker { deployment, moved_from, .. } => (Some(Arc::clone(deployment)), moved_from.clone()),
        }
    }

    fn claims(&self) -> BatchKind {
        BatchKind::Claims { deployment: self.deployments().0 }
    }

    fn claim(&self, runtime: &Runtime) -> Payload {
        let owner = runtime.config().owner.clone();
        let (deployment, moved_from) = self.deployments();
        let (deployment, moved_from) =
            (deployment.map(|name| name.to_string()), moved_from.map(|name| name.to_string()));
        let kind = EventKind::RunClaimed { owner, deployment, moved_from };
        Event::new(crate::clock::unix_ms(), None, 0, kind).encode()
    }
}

/// Opens the stream of a run that was queued, as its client does, and whoever claims it before the client could.
pub(crate) async fn open(
    sink: &Arc<dyn EventSink>,
    run: &RunId,
    opening: Opening,
    payloads: Vec<Payload>,
) -> Result<Append> {
    let (owner, _) = uuid::Uuid::new_v4().as_u64_pair();
    let batch = Batch {
        run: run.clone(),
        first: EventId::new(1, 1),
        token: BatchToken { owner, number: 1 },
        payloads,
        kind: BatchKind::Opens(opening),
        closes: None,
    };
    // Once more, if the answer was lost: then it is a duplicate.
    match sink.append(&batch).await {
        Err(error) if error.kind() == crate::SinkErrorKind::Unavailable => Ok(sink.append(&batch).await?),
        answer => Ok(answer?),
    }
}

async fn open_with(sink: &Arc<dyn EventSink>, run: &RunId, at: EventId, first: &Payload) -> Result<()> {
    let Some(opening) = Opening::of(&Event::decode(at, first)?.kind) else {
        return Err(Error::of(
            ErrorKind::Replay,
            format!("run `{run}` was queued with an event that begins no run"),
        ));
    };
    // Whatever the answer: there is a stream now, and it is read.
    open(sink, run, opening, vec![Payload::clone(first)]).await.map(drop)
}

/// Takes a run over and executes it here.
pub(crate) async fn take_over<W, I>(
    runtime: &Runtime,
    workflow: &W,
    assignment: &Assignment,
    supplied: Option<I>,
) -> Result<Taken>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned,
{
    runtime.listen().await?;
    let (id, sink) = (&assignment.run, runtime.sink());
    // One at a time: of two that ask at once in this process, the second finds the first one's run, and does not fence it.
    let (key, unwatched) = (Fingerprint::of(format!("gensx resume\0{id}").as_bytes()), Arc::default());
    let _turn = runtime.config().flights.enter(key, &unwatched).await;
    let mut supplied = supplied;
    for _ in 0..CLAIM_ATTEMPTS {
        // Another call of this process may have been faster: its run is not to be fenced by this one.
        if let Some(local) = runtime.local(id) {
            return Ok(Taken::Here(local));
        }
        let stream = read(sink, id).await?;
        match takeover(stream.head().as_ref(), assignment.first().is_some()) {
            Takeover::Gone => return Ok(Taken::Gone),
            Takeover::Ended => return Ok(Taken::Ended),
            Takeover::Open(at) => {
                if let Some(first) = assignment.first() {
                    open_with(sink, id, at, first).await?;
                }
            }
            Takeover::Claim(_) if assignment.is_anothers(stream.info(id, sink)?) => {
                return Ok(Taken::NotQueued);
            }
            Takeover::Claim(at) => {
                let mut claiming = Claiming { runtime, workflow, assignment, at };
                if let Some(local) = claiming.claim(stream, &mut supplied).await? {
                    return Ok(Taken::Here(local));
                }
            }
        }
    }
    Err(taken_over(id))
}

fn taken_over(id: &RunId) -> Error {
    Error::of(ErrorKind::Fenced, format!("run `{id}` was taken over by others {CLAIM_ATTEMPTS} times"))
}

/// A claim that is to be appended at a place.
struct Claiming<'a, W> {
    runtime: &'a Runtime,
    workflow: &'a W,
    assignment: &'a Assignment,
    at: EventId,
}

impl<W> Claiming<'_, W> {
    /// Claims and executes; `None` if others were faster, and the stream is to be read again.
    async fn claim<I>(&mut self, stream: Stream, supplied: &mut Option<I>) -> Result<Option<Arc<Local>>>
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned,
    {
        let runtime = self.runtime;
        let read_last = stream.last.clone();
        let (input, again) = self.input(&stream, supplied.take())?;
        *supplied = again;
        let outbox = self.outbox();
        let mut missing = self.missing(&stream).await?;
        let mut built = self.rebuild(stream, &outbox, input, &missing).await?;
        let claim = self.assignment.claim(runtime);
        if heard(outbox.begin(self.assignment.claims(), vec![Payload::clone(&claim)]).await?)
            != Heard::Durable
        {
            return Ok(None);
        }
        if !confirms(read_last.as_ref(), self.before().await?.as_ref()) {
            let Some(stream) = self.read_to_claim(&claim).await? else { return Ok(None) };
            let (input, again) = self.input(&stream, supplied.take())?;
            *supplied = again;
            missing = self.missing(&stream).await?;
            built = self.rebuild(stream, &outbox, input, &missing).await?;
        }
        let (core, prepared) = built;
        retry::carry(&core, missing).await?;
        // What was sent while nobody had the run is waiting: a run that was cancelled does nothing more.
        runtime.collect(&core).await;
        Ok(Some(execute(runtime, core, prepared)))
    }

    /// Behind the claim.
    fn next(&self) -> EventId {
        EventId::new(self.at.epoch, self.at.seq + 1)
    }

    fn outbox(&self) -> Arc<Outbox> {
        Outbox::new(self.assignment.run.clone(), Arc::clone(self.runtime.config()), self.next())
    }

    /// What it is to carry over from the run that it retries, and does not have.
    async fn missing(&self, stream: &Stream) -> Result<Vec<Event>> {
        let sink = self.runtime.sink();
        retry::missing(sink, &stream.ledger, stream.info(&self.assignment.run, sink)?).await
    }

    fn input<I: Serialize + DeserializeOwned>(
        &self,
        stream: &Stream,
        supplied: Option<I>,
    ) -> Result<(I, Option<I>)> {
        let id = &self.assignment.run;
        input(id, stream.info(id, self.runtime.sink())?, supplied)
    }

    async fn rebuild<I>(
        &self,
        mut stream: Stream,
        outbox: &Arc<Outbox>,
        input: I,
        missing: &[Event],
    ) -> Result<(Arc<RunCore>, Prepared)>
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
    {
        let (id, config) = (&self.assignment.run, self.runtime.config());
        let info = stream.info(id, self.runtime.sink())?.clone();
        retry::apply(&mut stream.ledger, self.next(), missing)?;
        let now = config.sink.now_ms().await?;
        let core = RunCore::new(id.clone(), Arc::clone(config), Arc::clone(outbox), stream.ledger, now);
        let core = Arc::new(core);
        let prepared = prepare(&core, &info.origin, self.workflow, input);
        expect_workflow(id, &info, &prepared)?;
        if prepared.incomplete && self.assignment.is_fleets() {
            return Err(incomplete(id, &info));
        }
        Ok((core, prepared))
    }

    /// The entry right before the claim, as it stands there now.
    async fn before(&self) -> Result<Option<Entry>> {
        let page = self.runtime.sink().read(&self.assignment.run, self.at.seq - 2, 1).await?;
        Ok(page.into_iter().next())
    }

    /// The stream up to the claim, which ends it; `None` if it does not any more.
    async fn read_to_claim(&self, claim: &Payload) -> Result<Option<Stream>> {
        let stream = read(self.runtime.sink(), &self.assignment.run).await?;
        let ours = stream.last.as_ref().is_some_and(|last| last.id == self.at && last.payload == *claim);
        Ok(ours.then_some(stream))
    }
}

pub(super) fn expect_workflow(id: &RunId, info: &RunInfo, prepared: &Prepared) -> Result<()> {
    if info.workflow == prepared.workflow {
        return Ok(());
    }
    let text = format!(
        "run `{id}` belongs to workflow `{}` (version {}), not to `{}`; it stays as it is",
        info.workflow, info.version, prepared.workflow
    );
    Err(Error::of(ErrorKind::NotFound, text))
}

fn incomplete(id: &RunId, info: &RunInfo) -> Error {
    let text = format!(
        "run `{id}` cannot be executed by a worker: the input of `{}` has secret or skipped parts, which a worker is not \
         given: take them from the worker's own settings",
        info.workflow
    );
    Error::of(ErrorKind::InvalidInput, text)
}

/// Takes a run over and ends it, without executing anything of it. `why` is told what can be read of its stream.
pub(crate) async fn end_without_executing(
    runtime: &Runtime,
    assignment: &Assignment,
    why: impl Fn(&Ledger) -> (RunStatus, Option<Error>),
) -> Result<Taken> {
    let (id, sink) = (&assignment.run, runtime.sink());
    for _ in 0..CLAIM_ATTEMPTS {
        let head = sink.head(id).await?;
        match takeover(head.as_ref(), assignment.first().is_some()) {
            Takeover::Gone => return Ok(Taken::Gone),
            Takeover::Ended => return Ok(Taken::Ended),
            Takeover::Open(at) => {
                if let Some(first) = assignment.first() {
                    open_with(sink, id, at, first).await?;
                }
            }
            Takeover::Claim(at) => {
                // A stream that cannot be read ends all the same.
                let ledger = read(sink, id).await.map(|stream| stream.ledger).unwrap_or_default();
                if ledger.info.as_ref().is_some_and(|info| assignment.is_anothers(info)) {
                    return Ok(Taken::NotQueued);
                }
                if claim_and_end(runtime, assignment, at, why(&ledger)).await? {
                    return Ok(Taken::Ended);
                }
            }
        }
    }
    Err(taken_over(id))
}

/// `false` if others were faster.
async fn claim_and_end(
    runtime: &Runtime,
    assignment: &Assignment,
    at: EventId,
    (status, error): (RunStatus, Option<Error>),
) -> Result<bool> {
    let next = EventId::new(at.epoch, at.seq + 1);
    let outbox = Outbox::new(assignment.run.clone(), Arc::clone(runtime.config()), next);
    if heard(outbox.begin(assignment.claims(), vec![assignment.claim(runtime)]).await?) != Heard::Durable {
        return Ok(false);
    }
    let error = error.map(|error| ErrorBody(ErrorRecord::of(&error, None, str::to_owned)));
    let last = EventKind::RunEnded { status, output: None, error };
    let position = outbox.push(Event::new(crate::clock::unix_ms(), None, 0, last))?;
    match outbox.commit(position).await {
        Ok(()) => Ok(true),
        Err(Stop::LetGo(error)) if error.kind() == ErrorKind::Fenced => Ok(false),
        Err(Stop::LetGo(error) | Stop::Broken(error)) => Err(error),
        Err(Stop::Cancelled | Stop::Parked(_)) => Ok(false),
    }
}

impl Stream {
    /// How it stands, as far as it was read; `None` if there is none.
    fn head(&self) -> Option<Head> {
        let last = self.last.as_ref()?.id;
        let workflow = self.ledger.info.as_ref().map(|info| info.workflow.as_str()).unwrap_or_default();
        let status = self.ledger.ended.unwrap_or(RunStatus::Running);
        Some(Head { workflow: workflow.into(), last, status })
    }

    fn info(&self, id: &RunId, sink: &Arc<dyn EventSink>) -> Result<&RunInfo> {
        self.ledger.info.as_deref().ok_or_else(|| not_found(id, sink))
    }
}
