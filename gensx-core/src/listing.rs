//! Lists of runs, as applications and clients ask for them.

use std::{future::IntoFuture, pin::Pin, sync::Arc, time::SystemTime};

use crate::{
    Result, RunStatus,
    sink::{Cursor, EventSink, RunFilter, RunPage, RunSummary},
};

/// The runs of a page, unless [`List::limit`] says otherwise.
const DEFAULT_LIMIT: usize = 100;
/// Runs of a page where all are gone through.
const EACH_PAGE: usize = 500;

/// A list of a sink's runs, newest first; `.await` gives a page of it. See [`Client::list`](crate::Client::list) and
/// [`Runtime::list`](crate::Runtime::list).
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example(client: gensx::Client) -> gensx::Result<()> {
/// use std::time::{Duration, SystemTime};
///
/// let yesterday = SystemTime::now() - Duration::from_secs(24 * 3600);
/// let failed = client.list().workflow("blog").failed().since(yesterday).limit(50);
/// let mut page = failed.clone().await?;
/// loop {
///     for run in &page.runs {
///         println!("{} failed at event {}", run.id, run.last);
///     }
///     // A token, which may go to a browser and come back.
///     let Some(next) = page.next else { break };
///     page = failed.clone().after(next).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// One page looks at no more than [`MAX_LOOKED_AT`](crate::sink::MAX_LOOKED_AT) runs. So it may hold fewer than were asked for,
/// even none, and have a next one all the same: the list is over where there is no `next`.
///
/// # Cancel safety
/// Cancel safe: it only reads.
///
/// # Errors
/// [`ErrorKind::Sink`](crate::ErrorKind::Sink).
#[derive(Clone, Debug)]
#[must_use = "nothing is listed before it is awaited"]
pub struct List {
    sink: Arc<dyn EventSink>,
    filter: RunFilter,
    after: Option<Cursor>,
    limit: usize,
}

impl List {
    pub(crate) fn new(sink: Arc<dyn EventSink>) -> Self {
        Self { sink, filter: RunFilter::new(), after: None, limit: DEFAULT_LIMIT }
    }

    /// All conditions at once, in the place of those that were given.
    pub fn filter(mut self, filter: RunFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Only runs of the workflow with this name. Default: of any.
    pub fn workflow(self, name: impl Into<Arc<str>>) -> Self {
        self.with(|filter| filter.workflow(name))
    }

    /// Only runs with this status. Default: with any.
    pub fn status(self, status: RunStatus) -> Self {
        self.with(|filter| filter.status(status))
    }

    /// Only runs that have not ended.
    pub fn unfinished(self) -> Self {
        self.with(RunFilter::unfinished)
    }

    /// Only runs that have ended, in whatever way.
    pub fn ended(self) -> Self {
        self.with(RunFilter::ended)
    }

    /// Only runs that failed.
    pub fn failed(self) -> Self {
        self.with(RunFilter::failed)
    }

    /// Only runs that a worker of this deployment had last. Default: any.
    pub fn deployment(self, name: impl Into<Arc<str>>) -> Self {
        self.with(|filter| filter.deployment(name))
    }

    /// Only runs that started at this time or later, by the store's clock. Default: at any.
    pub fn since(self, time: SystemTime) -> Self {
        self.with(|filter| filter.since(time))
    }

    /// Only runs that started before this time, by the store's clock. Default: at any.
    pub fn before(self, time: SystemTime) -> Self {
        self.with(|filter| filter.before(time))
    }

    /// The page that follows the one which gave this cursor. Default: the first one.
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// The page that follows this place, or the first one.
    pub(crate) fn go_on(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }

    /// The most runs of the page, up to [`MAX_PAGE`](crate::sink::MAX_PAGE). Default 100.
    pub fn limit(mut self, runs: usize) -> Self {
        self.limit = runs;
        self
    }

    fn with(mut self, add: impl FnOnce(RunFilter) -> RunFilter) -> Self {
        self.filter = add(self.filter);
        self
    }

    async fn page(self) -> Result<RunPage> {
        Ok(self.sink.list(&self.filter, self.after.as_ref(), self.limit).await?)
    }

    /// All pages, one after the other.
    pub(crate) fn pages(self) -> Pages {
        Pages(Some(self.limit(EACH_PAGE)))
    }
}

/// What is left of a list that is gone through; none at its end.
#[derive(Debug)]
pub(crate) struct Pages(Option<List>);

impl Pages {
    /// The next page, which may be empty; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<RunSummary>>> {
        let Some(list) = self.0.take() else { return Ok(None) };
        let RunPage { runs, next } = list.clone().page().await?;
        self.0 = next.map(|next| list.after(next));
        Ok(Some(runs))
    }
}

impl IntoFuture for List {
    type Output = Result<RunPage>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.page())
    }
}
