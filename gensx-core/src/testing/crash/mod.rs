//! Every moment at which a process can end, one after the other.

mod history;
mod lives;
mod report;

use std::{fmt, future::IntoFuture, time::Duration};

use futures_util::future::{Either, select};
use serde::{Serialize, de::DeserializeOwned};

pub use self::report::{CrashPoint, CrashReport, Problem};
use self::{
    history::History,
    lives::Lives,
    report::{Ended, Same},
};
use super::{Calls, TestRuntime, TestRuntimeBuilder};
use crate::{
    Component, Error, ErrorKind, Result, Run, RunId, RuntimeBuilder, SinkErrorKind,
    clock::{self, BoxFuture},
    sink::Message,
};

/// The name of every run of an enumeration: with it, calls have the same identity in each.
const RUN: &str = "crash-points";
/// The most real time that one process of a run may take, by default.
const PROCESS_LIMIT: Duration = Duration::from_secs(30);

/// Runs a workflow once, then once for each event of its stream: the process is ended right after that event became durable,
/// the run is resumed in another one, and what came of it is compared with the first run.
///
/// Awaiting it gives a [`CrashReport`]; [`CrashReport::assert_ok`] is the assertion. Every run has virtual time, and its recorded
/// random values, times and ids are the same as the first run's, so outputs are compared as they are. An
/// output with other random parts needs [`same_if`](CrashPoints::same_if).
///
/// It begins the workflow again for every event: give what is outside (models, databases) doubles, in
/// [`setup`](CrashPoints::setup).
pub fn crash_points<W, I>(workflow: &W, input: I) -> CrashPoints<W, I>
where
    W: Component<I>,
{
    CrashPoints {
        workflow: workflow.clone(),
        input,
        messages: Vec::new(),
        setup: Box::new(|_| {}),
        builder: Box::new(TestRuntime::builder),
        same: Box::new(|first, other| first == other),
        other_calls: false,
        limit: PROCESS_LIMIT,
    }
}

/// An enumeration of crash points, to be given options and awaited: see [`crash_points`].
#[must_use = "nothing is run before it is awaited"]
pub struct CrashPoints<W, I> {
    workflow: W,
    input: I,
    messages: Vec<(String, String)>,
    setup: Box<dyn Fn(&TestRuntime) + Send + Sync>,
    builder: Box<dyn Fn() -> TestRuntimeBuilder + Send + Sync>,
    same: Box<Same>,
    other_calls: bool,
    limit: Duration,
}

impl<W, I> CrashPoints<W, I>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    /// Prepares each run, before it starts: with doubles and scripted failures. They live on when the process ends, as what is
    /// outside does; an attempt that the end interrupts fails in the same way when it begins again.
    pub fn setup(mut self, setup: impl Fn(&TestRuntime) + Send + Sync + 'static) -> Self {
        self.setup = Box::new(setup);
        self
    }

    /// Sets options of the runtimes.
    pub fn configure(
        mut self,
        configure: impl Fn(RuntimeBuilder) -> RuntimeBuilder + Clone + Send + Sync + 'static,
    ) -> Self {
        self.builder = Box::new(move || TestRuntime::builder().configure(configure.clone()));
        self
    }

    /// Sends this message to each run when it has started.
    ///
    /// # Panics
    /// If the value has no JSON form.
    #[expect(clippy::expect_used, reason = "a test's own value; the test is wrong")]
    pub fn send<T: Serialize>(mut self, name: impl Into<String>, value: T) -> Self {
        let body = serde_json::to_string(&value).expect("a message has a JSON form");
        self.messages.push((name.into(), body));
        self
    }

    /// Says when an output is as good as the first run's. Default: when their JSON is equal.
    pub fn same_if(mut self, same: impl Fn(&W::Output, &W::Output) -> bool + Send + Sync + 'static) -> Self {
        let read = |json: &serde_json::Value| serde_json::from_value::<W::Output>(json.clone()).ok();
        self.same = Box::new(move |first, other| match (read(first), read(other)) {
            (Some(first), Some(other)) => same(&first, &other),
            _ => false,
        });
        self
    }

    /// Allows a resumed run to make calls that the first run did not make, or to leave some out: for a workflow whose
    /// calls race.
    pub fn allow_other_calls(mut self) -> Self {
        self.other_calls = true;
        self
    }

    /// The most real time that one process of a run may take. Default: 30 s.
    pub fn process_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn run(self) -> Result<CrashReport> {
        let test = self.fresh(None);
        let first = match self.process(&test, Begin::Start).await {
            Process::Ended(ended) => ended,
            Process::Died | Process::Stuck => return Err(stuck(self.limit)),
        };
        let events = History::read(test.store(), &run_id()).await?.events();
        let calls = test.calls();
        test.end().await;
        let mut points = Vec::new();
        for events in 1..=events {
            points.push(self.point(events, &first, &calls).await?);
        }
        Ok(CrashReport { end: first.to_string(), points })
    }

    fn fresh(&self, events: Option<u64>) -> TestRuntime {
        let test = (self.builder)().build_until(events);
        (self.setup)(&test);
        test
    }

    /// Ends the process after `events` events, and resumes the run.
    async fn point(&self, events: u64, first: &Ended, calls: &Calls) -> Result<CrashPoint> {
        let test = self.fresh(Some(events));
        let mut end = self.process(&test, Begin::Start).await;
        test.end().await;
        let recorded = History::read(test.store(), &run_id()).await?;
        let before = test.calls();
        test.clear_calls();
        if let Process::Died = end {
            let next = test.next_process();
            end = self.process(&next, Begin::Resume).await;
            next.end().await;
        }
        let whole = History::read(test.store(), &run_id()).await?;
        let lives =
            Lives { first: calls, before: &before, after: &test.calls(), recorded: &recorded, whole: &whole };
        Ok(self.judge(events, first, &end, &lives))
    }

    fn judge(&self, events: u64, first: &Ended, end: &Process, lives: &Lives<'_>) -> CrashPoint {
        let mut problems = Vec::new();
        match end {
            Process::Ended(end) if first.is_as(end, &*self.same) => {}
            Process::Ended(end) => {
                problems.push(Problem::OtherEnd { first: first.to_string(), resumed: end.to_string() });
            }
            Process::Died | Process::Stuck => problems.push(Problem::Stuck { limit: self.limit }),
        }
        problems.extend(lives.ran_though_recorded());
        if !self.other_calls && matches!(end, Process::Ended(_)) {
            problems.extend(lives.other_calls());
        }
        CrashPoint { events, last: lives.recorded.last(), ran_twice: lives.ran_twice(), problems }
    }

    /// One process of the run: until the run ends, or the process does.
    async fn process(&self, test: &TestRuntime, begin: Begin) -> Process {
        let work = async {
            let held = test.hold();
            let run = self.begin(test, begin).await?;
            self.send_all(test).await?;
            drop(held);
            run.output().await
        };
        let ended = select(Box::pin(test.died()), Box::pin(work));
        match select(ended, Box::pin(clock::sleep(self.limit))).await {
            Either::Left((Either::Left(_), _)) => Process::Died,
            Either::Left((Either::Right((result, _)), _)) => Process::Ended(Ended::of(result)),
            Either::Right(_) => Process::Stuck,
        }
    }

    async fn begin(&self, test: &TestRuntime, begin: Begin) -> Result<Run<W::Output>> {
        let input = self.input.clone();
        match begin {
            Begin::Start => test.start_with_id(&self.workflow, run_id(), input).await,
            Begin::Resume => match test.resume(&self.workflow, &run_id()).await {
                // Parts of it are secret or skipped.
                Err(error) if error.kind() == ErrorKind::InvalidInput => {
                    test.resume_with(&self.workflow, &run_id(), input).await
                }
                result => result,
            },
        }
    }

    /// Sends every message, to what outlives the process; those that were sent before change nothing.
    async fn send_all(&self, test: &TestRuntime) -> Result<()> {
        for (number, (name, body)) in self.messages.iter().enumerate() {
            let id = Some(format!("crash-points-{number}"));
            let message = Message { number: 0, name: name.clone(), body: body.clone(), id };
            match test.store().send(&run_id(), message).await {
                Err(error) if error.kind() != SinkErrorKind::Ended => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<W, I> IntoFuture for CrashPoints<W, I>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    type Output = Result<CrashReport>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<W, I> fmt::Debug for CrashPoints<W, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashPoints").field("other_calls", &self.other_calls).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Begin {
    Start,
    Resume,
}

/// How one process of a run ended.
enum Process {
    Ended(Ended),
    Died,
    Stuck,
}

fn run_id() -> RunId {
    #[expect(clippy::expect_used, reason = "a constant that is a valid id")]
    RUN.parse().expect("a run id")
}

fn stuck(limit: Duration) -> Error {
    let text = format!(
        "the workflow did not end within {limit:?} in its first run, without any crash: it waits for something that          does not come, such as an input that was not given with `send`"
    );
    Error::of(ErrorKind::Timeout, text)
}
