//! Where streams live: the trait that backends implement, and the one that is a map in memory.

mod batch;
pub mod conformance;
mod error;
mod inbox;
mod listing;
mod memory;
mod pages;
mod tail;

use async_trait::async_trait;

pub use batch::{Append, Batch, BatchKind, BatchToken, Entry, Head, Opening, Payload, Standing, judge};
pub use error::{SinkError, SinkErrorKind};
pub use inbox::{Arrived, Inbox, MAX_MESSAGES_PER_RUN, Message};
pub use listing::{Cursor, MAX_LOOKED_AT, RunFilter, RunPage, RunSummary, StatusFilter};
pub use memory::MemorySink;
pub use pages::{Page, Pages, pages};
pub use tail::{Events, events};

use crate::RunId;

/// The most entries that one [`EventSink::read`] gives, whatever it is asked for.
pub const MAX_PAGE: usize = 1_000;

/// A store of runs' streams.
///
/// The clauses below are numbered; [`conformance`] has a case for each, so that a backend of your own can be
/// checked in one line. All methods may be called from any number of tasks, threads and, where the
/// backend allows it, processes at once. Every future may be dropped at any time: an append that was dropped
/// may or may not have been applied, and repeating it is safe.
#[async_trait]
pub trait EventSink: Inbox + std::fmt::Debug + Send + Sync + 'static {
    /// What error messages call this sink, such as `sqlite:gensx.db`. Never a password.
    fn name(&self) -> String;

    /// Adds a batch to a run's stream.
    ///
    /// - **A1** A batch that opens a run is accepted if the run has no stream.
    /// - **A2** A batch that continues under the stream's last epoch is accepted if its first event directly follows the
    ///   last one.
    /// - **A3** A claim under a higher epoch is accepted if its first event directly follows the last one.
    /// - **A4** A batch is added whole or not at all, in its order.
    /// - **A5** The same batch again, by its token, is answered [`Append::Duplicate`], also after later events.
    /// - **A6** A batch under a lower epoch than the stream's is answered [`Append::Fenced`]; so is one whose place is
    ///   taken by another batch, one that opens a run that exists, and one that continues under the stream's epoch though
    ///   another owner wrote the last event: the store had lost the claim, and gave the epoch to the next who claimed.
    /// - **A7** A batch that would leave a hole is answered [`Append::Lost`]; so is one to a stream that is gone, and one
    ///   that continues under an epoch that the stream does not know: the store has lost the claim.
    /// - **A8** After a batch that closes the run nothing is accepted: the answer is [`Append::Ended`].
    /// - **A9** Of claims that race for one epoch, one is accepted.
    /// - **A10** What was answered [`Append::Done`] is seen by every later read.
    /// - **A11** A run that was opened with a time to keep is removed when so much has passed since its end, some time after
    ///   that and not before, whatever the store does with other runs. One that has not ended is never removed.
    ///
    /// # Errors
    /// [`SinkErrorKind::Unavailable`] when it cannot be told whether the batch was applied: repeat the same batch.
    async fn append(&self, batch: &Batch) -> Result<Append, SinkError>;

    /// Reads up to `limit` entries that follow position `after` (0: from the beginning), in order.
    ///
    /// - **R1** Entries come in order, dense, each with the id and the bytes it was appended with.
    /// - **R2** No more than `limit` and no more than [`MAX_PAGE`] entries come, and at least one if there is one.
    /// - **R3** A position at or past the end gives an empty page.
    /// - **R4** Any number of readers read the same.
    ///
    /// # Errors
    /// - **R5** [`SinkErrorKind::NotFound`] for a run that has no stream: one never started, deleted, or expired.
    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError>;

    /// Where a run stands; `None` if it has no stream.
    ///
    /// - **H1** Gives the workflow's name from the opening batch, the id of the last event, and the status: running,
    ///   or that of the closing batch.
    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError>;

    /// Waits until the stream may have entries after position `after`, or until it is gone.
    ///
    /// - **W1** Returns at once if there are entries after `after`, or there is no stream.
    /// - **W2** Returns soon after an append by this process or another one.
    /// - **W3** It is a hint: it may return with nothing there, and the caller reads to know.
    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError>;

    /// Lists the runs that a filter takes, from the first behind `after`, up to `limit` and [`MAX_PAGE`] of them.
    ///
    /// - **L1** They come newest first: by the time at which they were opened, and by their ids, the last one first, where that
    ///   is the same. Each is told as its stream stands.
    /// - **L2** Pages, each from where the one before it says, neither overlap nor leave out a run that was there, and was
    ///   taken by the filter, all the time. A page without a `next` is the last one.
    /// - **L3** No more than `limit` and no more than [`MAX_PAGE`] runs come. One call looks at no more than
    ///   [`MAX_LOOKED_AT`] runs: a page may hold fewer than were asked for, even none, and have a `next`.
    /// - **L4** A filter by workflow takes the runs that were opened under its name.
    /// - **L5** A filter by status takes the runs that stand so.
    /// - **L6** A filter by deployment takes the runs whose last claim named it.
    /// - **L7** A filter by time takes the runs that were opened at or after its beginning and before its end.
    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError>;

    /// Removes a run's stream and its inbox.
    ///
    /// - **D1** Reads then answer [`SinkErrorKind::NotFound`], appends [`Append::Lost`], and waits return.
    /// - **D2** A run that does not exist is removed already.
    async fn delete(&self, run: &RunId) -> Result<(), SinkError>;

    /// The store's time, in milliseconds since 1970. Only what is due is decided by it.
    ///
    /// - **T1** It does not go back between two calls of one process.
    async fn now_ms(&self) -> Result<u64, SinkError>;
}
