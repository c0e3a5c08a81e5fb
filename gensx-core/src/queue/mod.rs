//! Where runs wait for workers: the trait that backends implement, and the one that is maps in memory.
//!
//! # How a client uses it
//!
//! [`RunQueue::enqueue`] is the commit point of a start. The client encodes the first event, enqueues the run with it, and then
//! appends it to the stream, as an opening batch. Should it die in between, whoever claims the run finds no stream
//! and opens it with the event that came with the grant; should the worker be faster, the client's append is
//! answered `Fenced` or `Ended`, which means that the run was started. So neither exists for long without the other.
//!
//! - [`Enqueued::Known`] with the client's own run id: it was started before; append the first event all the same, if that
//!   is not known to have been done. With another id: that is the run of the idempotency key.
//! - A queue forgets a run that is done. An enqueue of its id is then taken as fresh, and is **guarded by the stream**:
//!   the client's append is answered `Ended` (it may [`remove`](RunQueue::remove) the run), and a worker that claims the
//!   run finds that it has ended ([`lease::takeover`](crate::lease::takeover)) and releases it as done. Nothing is run.
//! - A message: send it to the run's inbox first, then [`wake`](RunQueue::wake) the run with [`Wake::Message`]; a
//!   cancellation, with [`Wake::Now`]: whoever claims the run then looks into the inbox before anything else.
//! - What remains after a crash between two stores is healed by enqueueing, without a first event, the runs that the sink lists as
//!   unfinished: those that are queued are not changed.
//!
//! # How a worker uses it
//!
//! 1. [`announce`](RunQueue::announce) every third of its time to live.
//! 2. [`claim`](RunQueue::claim) with the room it has. If that gave less than asked for, [`wait`](RunQueue::wait) from the
//!    claim's cursor, no longer than its `next_due` (and some seconds at most: a wait is a hint), and claim again.
//! 3. For each grant read the stream, and do what [`lease::takeover`](crate::lease::takeover) says; after a claim read the
//!    entry before it, and everything again unless [`lease::confirms`](crate::lease::confirms) it; look into the inbox;
//!    execute, and treat each append's answer as [`lease::heard`](crate::lease::heard) says. A grant that is `exhausted` is
//!    taken over, ended as failed, and released as dead, and nothing of it is run.
//! 4. [`renew`](RunQueue::renew) all leases in one call every third of a lease, from a thread that no component can block,
//!    and stop those that [`lease::beat`](crate::lease::beat) says are lost.
//! 5. To park, take the wakes from the grant or the latest renewal, **then** read the inbox, then append nothing more, then
//!    release with [`Release::Park`] and those wakes.
//! 6. [`release`](RunQueue::release) each run as [`lease::release_of`](crate::lease::release_of) says, after the last append was answered. An error of
//!    the queue here costs a lease's time, no more.
//! 7. To drain: announce `draining`, claim no more, go on renewing, release what does not finish as [`Release::Back`],
//!    announce with a `ttl` of zero.
//!
//! # How a backend keeps it
//!
//! Each call is one short step: one script over keys that are all named beforehand and in one slot, or one transaction. No loop
//! goes over what has no bound. A way that fits both, and that [`MemoryQueue`] has: one record for each run; **lanes** of
//! ready runs, by workflow and the deployment that the run is bound to, in the order of priority and then of arrival (in
//! Redis all lanes are one sorted set, in the order of its members, `workflow 0 deployment 0 priority arrival run`, so
//! that no key is computed in a script); one **agenda** of everything that has a time, starts, parked runs and leases
//! alike; for each limit the number of runs that hold a lease, and for each limit and lane a **gate**: one run whose turn
//! it is, and a line of those behind it. Only the one whose turn it is stands in the lane. When it is claimed the next in the
//! line comes to the lane's end, so the keys of a limit alternate, and a claim never passes over ten thousand of one key. A limit
//! that turns out to be full sends the run back to its line, where it is found when a lease under that limit ends.

mod claim;
pub mod conformance;
mod entry;
mod error;
mod look;
mod memory;
pub(crate) mod reference;

use std::time::Duration;

use async_trait::async_trait;

pub use claim::{
    Claim, Claimed, Grant, Lease, MAX_CLAIM, MAX_CLAIM_WORKFLOWS, MAX_DEPLOYMENTS, MAX_DUE_PER_CALL,
    MAX_RENEW, MovePolicy, Park, Release, Released, Renewal, Renewed, Wake, Wanted, Worker, WorkerId,
};
pub use entry::{
    DEFAULT_MAX_WAITING, Due, Enqueue, Enqueued, IdempotencyKey, Limit, MAX_LIMITS_PER_RUN, MAX_NAME_BYTES,
    check_name, millis,
};
pub use error::{QueueError, QueueErrorKind};
pub use look::{Announce, DeadRun, Deployment, MAX_DEAD_PAGE, QueueState, QueueStats, Queued, Removed};
pub use memory::MemoryQueue;

use crate::RunId;

/// A store of the runs that wait for workers, and of the leases of those that workers have.
///
/// The clauses below are numbered; [`conformance`] has a case for each, so that a backend of your own can be
/// checked in one line. All methods may be called from any number of tasks, threads and, where the backend allows it,
/// processes at once. Each is one step: what two calls do never mixes. Time is the store's: no clause compares it with
/// the clock of a caller.
///
/// A queue decides who may begin, never who may append: see [`lease`](crate::lease). So after an answer that was
/// lost, and after a failover that lost what the queue had acknowledged, runs may begin twice, and none has two owners
/// that append.
///
/// # Cancel safety
/// Every future may be dropped at any time: the call may then have been applied or not. All but `claim` may be
/// repeated. Runs that a dropped claim was given come back when their leases run out.
///
/// # Errors
/// Each method: [`QueueErrorKind::Unavailable`] when it cannot be told whether the call was applied,
/// [`QueueErrorKind::Corrupt`], [`QueueErrorKind::Config`]; `enqueue`, `claim` and `announce`:
/// [`QueueErrorKind::Invalid`] for what their argument's `check` refuses.
///
/// ```
/// use std::time::Duration;
/// use gensx_core::{MemoryQueue, RunId, RunQueue, queue::*};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), QueueError> {
/// let queue = MemoryQueue::new();
/// queue.enqueue(&Enqueue::new(RunId::generate(), "digest")).await?;
/// let ask = Claim {
///     worker: Worker { id: WorkerId::generate(), deployment: "v1".into() },
///     workflows: vec![Wanted { workflow: "digest".into(), policy: MovePolicy::Prefer }],
///     max_runs: 8,
///     lease: Duration::from_secs(30),
///     max_claims: 5,
/// };
/// for grant in queue.claim(&ask).await?.grants {
///     // Take the stream over, execute, append the last event; then:
///     assert_eq!(queue.release(&grant.lease, &Release::Done, true).await?, Released::Released);
/// }
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait RunQueue: std::fmt::Debug + Send + Sync + 'static {
    /// What error messages call this queue. Never a password.
    fn name(&self) -> String;

    /// Queues a run.
    ///
    /// - **E1** A run that is not in the queue is [`Enqueued::Fresh`], and may be claimed at once.
    /// - **E2** One that is, in whatever state, is [`Enqueued::Known`], and is not changed.
    /// - **E3** One that was released as done, or removed, is not in the queue: it is fresh again.
    /// - **E4** With an idempotency key that the workflow's runs had before, the answer is [`Enqueued::Known`] with the
    ///   run of that key, and nothing is queued.
    /// - **E5** A key is remembered for its time to live, also when its run is done, and by workflow: two of them may use the
    ///   same.
    /// - **E6** A run with a later due time is not given to a claim before that time of the store.
    /// - **E7** With `max_waiting` or more runs ready, held or delayed, a fresh one is refused as [`QueueErrorKind::Full`], and
    ///   nothing of it is kept; known ones are answered as ever.
    /// - **E8** The first event comes with each grant, byte by byte, until a worker has said that the stream exists.
    /// - **E9** Names, keys and limits that no store takes are refused as [`QueueErrorKind::Invalid`].
    async fn enqueue(&self, entry: &Enqueue) -> Result<Enqueued, QueueError>;

    /// Gives ready runs to a worker, each under a lease. First brings back those whose time has come, and those whose leases
    /// ran out, up to [`MAX_DUE_PER_CALL`].
    ///
    /// - **C1** Only runs of the named workflows, and no more than `max_runs` and [`MAX_CLAIM`].
    /// - **C2** A run that is leased is given to nobody else; each lease differs from every other.
    /// - **C3** Of one workflow, a higher priority goes first; among equals, whoever was ready first.
    /// - **C4** The named workflows take turns among equal priorities: a long line of one holds up no other.
    /// - **C5** A run whose lease ran out is given out again, with one claim more.
    /// - **C6** After `max_claims` claims without progress it is given out as `exhausted`, as often as need be.
    /// - **C7** The answer says in how long something is due at the earliest, of any workflow; nothing, if nothing is.
    /// - **C8** Claims that race share the runs: each is given once.
    /// - **C9** However many are due at once, claims bring all of them back: while there are more, `next_due` is zero.
    /// - **L1** Of the runs that carry a limit, no more than its `max` are leased at once, by whatever workers.
    /// - **L2** The keys of a limit's name take turns: of one workflow and priority, two in a row of one key are not given
    ///   while another key has a run that could be.
    /// - **L3** A limit that is full holds up no run that does not carry it, however many wait there.
    /// - **L4** Whatever ends a lease makes room: each kind of release, and its running out.
    /// - **L5** A run with several limits keeps to all of them, and takes room in none while it waits for another.
    /// - **L6** Among the runs of one key a higher priority goes first, too.
    async fn claim(&self, ask: &Claim) -> Result<Claimed, QueueError>;

    /// Prolongs leases to `lease` from now, and answers for each in the same order. Up to [`MAX_RENEW`].
    ///
    /// - **N1** A renewed lease lasts beyond the time it had.
    /// - **N2** One that is not held (released, taken back, never given) is [`Renewed::Lost`]; the others are renewed all the same.
    /// - **N3** One that is held is answered with the number of wakes.
    /// - **N4** After one that tells of progress, the claims before this lease's do not count.
    async fn renew(&self, leases: &[Renewal], lease: Duration) -> Result<Vec<Renewed>, QueueError>;

    /// Lets go of a run. `opened`: its stream exists, the first event need not be kept.
    ///
    /// - **F1** Done: the queue forgets the run.
    /// - **F2** Back: it is ready at once, and the claim does not count.
    /// - **F3** Retry: it is ready when it is due, and the claim counts.
    /// - **F4** Dead: it is listed as dead, and given to no claim.
    /// - **F5** A lease that is not held is [`Released::Lost`], and nothing changes: so is a repetition.
    /// - **P1** Parked until its time, it is ready then, and messages change nothing.
    /// - **P2** Parked for a message, it is ready as soon as it is woken; with a time, at the latest then.
    /// - **P3** Woken between the last look and the park, by `seen_wakes`, it is [`Released::Woken`], and ready.
    /// - **P4** Wakes that were seen do not keep it from being parked.
    /// - **P5** After a park, the claims before it do not count.
    async fn release(&self, lease: &Lease, how: &Release, opened: bool) -> Result<Released, QueueError>;

    /// Tells a run that there is something for it. Whether it is in the queue, and not dead.
    ///
    /// - **K1** A run that is parked or delayed, for whatever, is ready at [`Wake::Now`].
    /// - **K2** Of a run that is unknown or dead the answer is `false`, and nothing changes.
    async fn wake(&self, run: &RunId, why: Wake) -> Result<bool, QueueError>;

    /// Says that a worker lives, for so long.
    ///
    /// - **B1** A run is bound to the deployment that claims it first: while that has a worker that lives and is not draining, no other
    ///   gets the run under [`MovePolicy::Prefer`].
    /// - **B2** When its last one drains, leaves, or is silent for longer than its time to live, any other deployment gets it under
    ///   that policy, and is bound from then on.
    /// - **B3** Under [`MovePolicy::Pin`] no other ever gets it.
    /// - **B4** Under [`MovePolicy::Latest`] the newest deployment with such a worker gets every run, and others none.
    /// - **B5** A grant says from which deployment the run moved.
    async fn announce(&self, announce: &Announce) -> Result<(), QueueError>;

    /// Waits until a claim like this one may give more than it did when it gave `cursor`.
    ///
    /// - **W1** Returns at once if a run became ready since then.
    /// - **W2** Returns soon after an enqueue or a wake by this process or another one, and after a release that makes room.
    /// - **W3** It is a hint: it may return for nothing. What is due by time alone does not end it: that is
    ///   [`Claimed::next_due`].
    /// - **W4** Returns soon after a run was delayed or parked to a time before everything that was due then.
    async fn wait(&self, ask: &Claim, cursor: u64) -> Result<(), QueueError>;

    /// Where a run stands; `None` if it is not in the queue.
    ///
    /// - **S1** Gives each state, with the workflow, the deployment, the worker and the claims.
    async fn find(&self, run: &RunId) -> Result<Option<Queued>, QueueError>;

    /// How the queue stands, in a time that does not grow with it.
    ///
    /// - **S2** Counts the runs by state, and gives the age of the oldest that could be claimed.
    async fn stats(&self) -> Result<QueueStats, QueueError>;

    /// The deployments that have workers or runs, oldest first.
    ///
    /// - **S3** Each with its workers, those of them that drain, and the runs bound to it.
    async fn deployments(&self) -> Result<Vec<Deployment>, QueueError>;

    /// The dead runs in the order of their ids, from the first after `after`, up to `limit` and [`MAX_DEAD_PAGE`].
    ///
    /// - **D1** Pages neither overlap nor leave out one that was there all the time.
    async fn dead(&self, after: Option<&RunId>, limit: usize) -> Result<Vec<DeadRun>, QueueError>;

    /// Forgets a run that no worker has.
    ///
    /// - **D2** It is gone, wherever it stood; what waited behind it for a limit moves up.
    /// - **D3** One that is leased stays: [`Removed::Leased`]. One that is not there is [`Removed::Unknown`].
    async fn remove(&self, run: &RunId) -> Result<Removed, QueueError>;
}
