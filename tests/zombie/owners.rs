//! The processes that own the run, one after the other or at once.

use std::{cell::Cell, collections::BTreeSet, path::PathBuf, process::ExitStatus};

use gensx::{Event, EventKind, RunId};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::process::Child;

use crate::{
    common::{
        backend::{Backend, Place},
        ledger::{self, Body},
        part, stream, until, within,
    },
    program::{Holds, beside},
};

/// One run, and where it is seen.
pub(crate) struct Scene {
    place: Place,
    run: RunId,
    processes: Cell<u32>,
}

/// A process that has the run, or believes so.
pub(crate) struct Owner {
    pub(crate) life: u32,
    process: Child,
}

impl Scene {
    pub(crate) async fn new(backend: Backend) -> Self {
        Self { place: backend.place().await, run: "relay".parse().unwrap(), processes: Cell::new(0) }
    }

    pub(crate) fn owner(&self, holds: &Holds) -> Owner {
        let life = self.processes.get() + 1;
        self.processes.set(life);
        Owner { life, process: part::start(&self.place, &self.run, life, &holds.told()) }
    }

    /// A file that is not there.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.place.folder.path().join(name)
    }

    fn lines(&self) -> Vec<ledger::Line> {
        ledger::read(&part::ledger_of(&self.place, &self.run))
    }

    /// How many processes have begun.
    pub(crate) fn lives(&self) -> usize {
        ledger::lives(&self.lines()).count()
    }

    /// The bodies that ran, in their order.
    pub(crate) fn bodies(&self) -> Vec<Body> {
        ledger::bodies(&self.lines()).cloned().collect()
    }

    pub(crate) fn bodies_of(&self, owner: &Owner) -> Vec<Body> {
        self.bodies().into_iter().filter(|body| body.life == owner.life).collect()
    }

    pub(crate) async fn stream(&self) -> Vec<Event> {
        stream::read(self.place.sink.as_ref(), &self.run).await
    }

    /// Waits until the owner has run the body at `site`, and has nothing left to append: only calls that have begun
    /// on the stream, and wait for this one, are open.
    pub(crate) async fn held(&self, owner: &Owner, site: &str) {
        let quiet = async || {
            let bodies = self.bodies_of(owner);
            let held = bodies.iter().find(|body| body.site() == site)?;
            let events = self.stream().await;
            // A start that an earlier owner recorded says nothing of this one.
            let epoch = events.last()?.id.epoch;
            let begun = calls(&events, |event| {
                event.id.epoch == epoch && matches!(event.kind, EventKind::Started { .. })
            });
            let ended = calls(&events, |event| matches!(event.kind, EventKind::Ended { .. }));
            let settled = |body: &Body| ended.contains(&body.call) || waits_for(body, held);
            // A body begins before its start is on the stream: what runs beside must have been seen to begin.
            let beside = beside(site).is_none_or(|site| bodies.iter().any(|body| body.site() == site));
            (begun.contains(&held.call) && beside && bodies.iter().all(settled)).then_some(())
        };
        until("an owner that holds", quiet).await;
    }
}

/// Whether `body` goes on only when `held` does: it is the same call, or one above.
pub(crate) fn waits_for(body: &Body, held: &Body) -> bool {
    body.call == held.call || held.path.starts_with(&format!("{}/", body.path))
}

fn calls(events: &[Event], wanted: impl Fn(&Event) -> bool) -> BTreeSet<String> {
    let wanted = events.iter().filter(|event| wanted(event));
    wanted.filter_map(|event| event.call).map(|call| call.to_string()).collect()
}

impl Owner {
    fn pid(&self) -> Pid {
        let id = self.process.id().expect("the process has not been waited for");
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }

    /// Stops the process, and returns when it stands.
    pub(crate) fn stop(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        let (_, status) = waitpid(Some(self.pid()), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "life {}: {status:?}", self.life);
    }

    pub(crate) fn wake(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    pub(crate) async fn end(&mut self) -> ExitStatus {
        within("an owner's end", self.process.wait()).await.unwrap()
    }

    pub(crate) async fn expect_output(&mut self) {
        let status = self.end().await;
        assert!(status.success(), "life {}: {status}", self.life);
    }

    pub(crate) async fn expect_fenced(&mut self) {
        let status = self.end().await;
        assert_eq!(status.code(), Some(part::FENCED), "life {}: {status}", self.life);
    }
}
