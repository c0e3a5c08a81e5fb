//! What is asked of the server, one request for each method.

use std::{sync::Arc, time::Duration};

use gensx_core::{
    RunId, SinkErrorKind,
    queue::{
        Announce, Claim, Claimed, DeadRun, Deployment, Due, Enqueue, Enqueued, Lease, MAX_CLAIM,
        MAX_DEAD_PAGE, MAX_RENEW, MovePolicy, QueueStats, Queued, Release, Released, Removed, Renewal,
        Renewed, Wake, millis,
    },
};
use redis::{Cmd, Value};

use super::{answer, keys::QueueKeys, script};
use crate::{append::MAX_VALUE_BYTES, error::Failure, link::Request, script::Script, store::Store};

/// The longest times and highest numbers that are sent: with any time of the server added, they are exact in a script.
const MAX_NUMBER: u64 = 1 << 52;

fn number(number: u64) -> u64 {
    number.min(MAX_NUMBER)
}

fn ms(duration: Duration) -> u64 {
    number(millis(duration))
}

/// How a due time is sent: a word, and milliseconds.
fn due(due: Due) -> (&'static str, u64) {
    match due {
        Due::Now => ("now", 0),
        Due::After(wait) => ("after", ms(wait)),
        Due::AtMs(at) => ("at", number(at)),
    }
}

/// How a way to let go of a run is sent.
struct Way {
    name: &'static str,
    due: (&'static str, u64),
    on_message: bool,
    seen_wakes: u64,
}

impl Way {
    fn of(how: &Release) -> Self {
        let way = |name| Self { name, due: ("", 0), on_message: false, seen_wakes: 0 };
        match how {
            Release::Done => way("done"),
            Release::Back => way("back"),
            Release::Dead => way("dead"),
            Release::Retry(again) => Self { due: due(*again), ..way("retry") },
            Release::Park(park) => Self {
                name: "park",
                due: park.due.map_or(("", 0), due),
                on_message: park.on_message,
                seen_wakes: number(park.seen_wakes),
            },
        }
    }
}

fn policy(policy: MovePolicy) -> &'static str {
    match policy {
        MovePolicy::Prefer => "prefer",
        MovePolicy::Pin => "pin",
        MovePolicy::Latest => "latest",
    }
}

/// The queue's keys, and the way to them.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) store: Arc<Store>,
    pub(super) keys: Arc<QueueKeys>,
}

impl Asker {
    async fn ask(
        &self,
        script: &'static Script,
        arguments: impl FnOnce(&mut Cmd),
    ) -> Result<Vec<Value>, Failure> {
        self.send(self.keys.request(&self.store, script, None, arguments)).await
    }

    async fn send(&self, request: Request) -> Result<Vec<Value>, Failure> {
        answer::whole(self.store.link.ask(request).await?)
    }

    pub(super) async fn enqueue(&self, entry: &Enqueue) -> Result<Result<Enqueued, u64>, Failure> {
        let first = entry.first.as_deref();
        let bytes = first.map_or(0, <[u8]>::len);
        if bytes > MAX_VALUE_BYTES {
            let text = format!(
                "its first event has {bytes} bytes, {MAX_VALUE_BYTES} are taken: give it a smaller input"
            );
            return Err(Failure::new(SinkErrorKind::TooLarge, text));
        }
        let key =
            entry.key.as_ref().map(|key| (self.keys.idempotency(&entry.workflow, &key.key), ms(key.ttl)));
        let more = key.as_ref().map(|(key, _)| &**key);
        let (when, at) = due(entry.due);
        let request = self.keys.request(&self.store, &script::ENQUEUE, more, |command| {
            command.arg(entry.run.as_str()).arg(&*entry.workflow).arg(entry.priority).arg(when).arg(at);
            command.arg(number(entry.max_waiting)).arg(key.as_ref().map_or(0, |(_, ttl)| *ttl));
            command.arg(u8::from(first.is_some())).arg(first.unwrap_or_default());
            for limit in entry.gates() {
                command.arg(&*limit.name).arg(&*limit.key).arg(limit.max);
            }
        });
        answer::enqueued(self.send(request).await?)
    }

    pub(super) async fn claim(&self, ask: &Claim) -> Result<Claimed, Failure> {
        let repetition = uuid::Uuid::new_v4().simple().to_string();
        let given = self.keys.given(ask.worker.id.as_str());
        let request = self.keys.request(&self.store, &script::CLAIM, Some(&given), |command| {
            command.arg(ask.worker.id.as_str()).arg(&*ask.worker.deployment).arg(ms(ask.lease));
            command.arg(ask.max_claims).arg(ask.max_runs.min(MAX_CLAIM));
            command.arg(repetition).arg(ms(self.store.link.limit() * 2).max(1));
            for wanted in &ask.workflows {
                command.arg(&*wanted.workflow).arg(policy(wanted.policy));
            }
        });
        answer::claimed(self.send(request).await?, &ask.worker.id)
    }

    pub(super) async fn renew(&self, leases: &[Renewal], lease: Duration) -> Result<Vec<Renewed>, Failure> {
        let mut renewed = Vec::with_capacity(leases.len());
        for some in leases.chunks(MAX_RENEW) {
            let answer = self.ask(&script::RENEW, |command| {
                command.arg(ms(lease));
                for Renewal { lease: Lease { run, worker, number }, opened, progressed } in some {
                    command.arg(format!(
                        "{}{}\n{run}\n{worker}\n{number}",
                        u8::from(*opened),
                        u8::from(*progressed)
                    ));
                }
            });
            renewed.extend(answer::renewed(answer.await?)?);
        }
        Ok(renewed)
    }

    pub(super) async fn release(
        &self,
        lease: &Lease,
        how: &Release,
        opened: bool,
    ) -> Result<Released, Failure> {
        let way = Way::of(how);
        let answer = self.ask(&script::RELEASE, |command| {
            command.arg(lease.run.as_str()).arg(lease.worker.as_str()).arg(lease.number).arg(way.name);
            command.arg(u8::from(opened)).arg(way.due.0).arg(way.due.1);
            command.arg(u8::from(way.on_message)).arg(way.seen_wakes);
        });
        let words = [("RELEASED", Released::Released), ("WOKEN", Released::Woken), ("LOST", Released::Lost)];
        answer::word(answer.await?, &words)
    }

    pub(super) async fn wake(&self, run: &RunId, why: Wake) -> Result<bool, Failure> {
        let why = match why {
            Wake::Message => "message",
            Wake::Now => "now",
        };
        let answer = self.ask(&script::WAKE, |command| {
            command.arg(run.as_str()).arg(why);
        });
        Ok(answer::numbers(&answer.await?)? == [1])
    }

    pub(super) async fn announce(&self, announce: &Announce) -> Result<(), Failure> {
        let Announce { worker, draining, ttl } = announce;
        let answer = self.ask(&script::ANNOUNCE, |command| {
            command.arg(worker.id.as_str()).arg(&*worker.deployment).arg(u8::from(*draining)).arg(ms(*ttl));
        });
        answer::word(answer.await?, &[("OK", ())])
    }

    pub(super) async fn find(&self, run: &RunId) -> Result<Option<Queued>, Failure> {
        let keys = [self.keys.runs(), self.keys.agenda()];
        let request = script::FIND.on(&keys, |command| {
            command.arg(run.as_str());
        });
        answer::queued(self.send(request).await?, self.keys.runs())
    }

    pub(super) async fn stats(&self) -> Result<QueueStats, Failure> {
        answer::stats(&self.ask(&script::STATS, |_| {}).await?)
    }

    pub(super) async fn deployments(&self) -> Result<Vec<Deployment>, Failure> {
        answer::deployments(self.ask(&script::DEPLOYMENTS, |_| {}).await?)
    }

    pub(super) async fn dead(&self, after: Option<&RunId>, limit: usize) -> Result<Vec<DeadRun>, Failure> {
        let from = after.map_or("-".to_owned(), |run| format!("({run}"));
        let request = script::DEAD.on(&[self.keys.runs(), self.keys.dead()], |command| {
            command.arg(from).arg(limit.min(MAX_DEAD_PAGE));
        });
        answer::dead(self.send(request).await?)
    }

    pub(super) async fn remove(&self, run: &RunId) -> Result<Removed, Failure> {
        let answer = self.ask(&script::REMOVE, |command| {
            command.arg(run.as_str());
        });
        let words =
            [("REMOVED", Removed::Removed), ("LEASED", Removed::Leased), ("UNKNOWN", Removed::Unknown)];
        answer::word(answer.await?, &words)
    }
}
