//! Reading a run's stream in pages, and where it stands.

use gensx_core::{
    EventId, MAX_SEQ, RunId, SinkErrorKind,
    sink::{Entry, Head, MAX_PAGE, RunSummary},
};
use redis::cmd;

use crate::{error::Failure, reply, script, sizes::PAGE_BYTES, store::Store};

/// Where a position is in a stream.
enum Place {
    NoStream,
    /// At the end, or past it. What stands last.
    End,
    Held(EventId),
}

impl Store {
    /// The events after a position, up to `limit`, or to the one with which they are many bytes: a page is to arrive within
    /// the time limit of a request, and to fit into memory.
    pub(crate) async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, Failure> {
        let (limit, after) = (limit.clamp(1, MAX_PAGE), after.min(MAX_SEQ));
        let (mut page, mut bytes) = (Vec::<Entry>::new(), 0);
        loop {
            let last = page.last().map(|entry| entry.id);
            let asked = self.sizes.count(run).min(limit - page.len());
            let part = self.part(run, last.map_or(after, |id| id.seq), asked).await?;
            // Between two parts the stream may have lost its tail. Readers look for that where a page begins.
            let follows =
                last.is_none_or(|last| part.first().is_none_or(|first| first.id.epoch == last.epoch));
            if follows {
                bytes += part.iter().map(|entry| entry.payload.len()).sum::<usize>();
                page.extend_from_slice(&part);
            }
            if !follows || part.len() < asked || page.len() == limit || bytes >= PAGE_BYTES {
                return Ok(page);
            }
        }
    }

    /// The next events, as they stand at one moment. One request where the epoch there is as expected; three otherwise.
    async fn part(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, Failure> {
        let likely = (after > 0).then(|| EventId::new(self.hints.epoch(run, after), after));
        let page = self.range(run, likely, limit).await?;
        if page.first().is_some_and(|first| first.id.seq == after + 1) {
            self.hints.learn(run, &page);
            return Ok(page);
        }
        match self.locate(run, after).await? {
            Place::NoStream => Err(not_found(run)),
            Place::End => Ok(Vec::new()),
            Place::Held(at) => {
                self.hints.forget(run);
                let page = self.range(run, Some(at), limit).await?;
                self.hints.learn(run, &page);
                Ok(page)
            }
        }
    }

    /// What follows an event that the hub has, as much as is fetched at once; whether there may be more.
    pub(crate) async fn follow(&self, run: &RunId, after: EventId) -> Result<(Vec<Entry>, bool), Failure> {
        let asked = self.sizes.count(run);
        let entries = self.range(run, Some(after), asked).await?;
        let more = entries.len() == asked;
        Ok((entries, more))
    }

    async fn range(&self, run: &RunId, after: Option<EventId>, limit: usize) -> Result<Vec<Entry>, Failure> {
        let key = self.keys.stream(run);
        let from = after.map_or("-".to_owned(), |id| format!("({}-{}", id.epoch, id.seq));
        let mut command = cmd("XRANGE");
        command.arg(&key).arg(from).arg("+").arg("COUNT").arg(limit);
        let entries = reply::entries(self.link.ask(command).await?, &key)?;
        self.sizes.learn(run, limit, &entries);
        Ok(entries)
    }

    async fn locate(&self, run: &RunId, position: u64) -> Result<Place, Failure> {
        let key = self.keys.stream(run);
        let request = script::LOCATE.on(&[&key], |command| {
            command.arg(position);
        });
        let mut ids = reply::list(self.link.ask(request).await?)?.into_iter();
        Ok(match (ids.next(), ids.next()) {
            (None, _) => Place::NoStream,
            (Some(_), Some(at)) if position > 0 => Place::Held(reply::event_id(at, &key)?),
            (Some(last), _) => {
                reply::event_id(last, &key)?;
                Place::End
            }
        })
    }

    pub(crate) async fn head(&self, run: &RunId) -> Result<Option<Head>, Failure> {
        let summary = self.summary(run, 0).await?;
        Ok(summary.map(|RunSummary { workflow, last, status, .. }| Head { workflow, last, status }))
    }

    /// What lists tell of a run that began at `started_ms`, which they know.
    pub(crate) async fn summary(&self, run: &RunId, started_ms: u64) -> Result<Option<RunSummary>, Failure> {
        let key = self.keys.stream(run);
        let answer = reply::list(self.link.ask(script::HEAD.on(&[&key], |_| {})).await?)?;
        if answer.is_empty() {
            return Ok(None);
        }
        let [last, rest @ ..] = reply::fixed::<_, 6>(answer)?;
        let last = reply::event_id(last, &key)?;
        let [workflow, status, ended, deployment, retry_of] = rest.map(reply::text);
        let mut summary = RunSummary::new(run.clone(), workflow?, started_ms, last);
        summary.status = reply::status(&status?, &key)?;
        summary.ended_ms = ended?.parse().ok();
        summary.deployment = Some(deployment?).filter(|name| !name.is_empty()).map(Into::into);
        // Empty where there is none.
        summary.retry_of = retry_of?.parse().ok();
        Ok(Some(summary))
    }

    pub(crate) async fn delete(&self, run: &RunId) -> Result<(), Failure> {
        let request = script::DELETE.on(&[&self.keys.stream(run), &self.keys.inbox(run)], |command| {
            command.arg(self.publish()).arg(self.keys.channel(run));
        });
        let workflow = reply::text(self.link.ask(request).await?)?;
        self.hints.forget(run);
        self.unlist(run, &workflow).await
    }

    /// The server's clock, in milliseconds since 1970.
    pub(crate) async fn time_ms(&self) -> Result<u64, Failure> {
        let parts = reply::texts(self.link.ask(cmd("TIME")).await?)?;
        let [Ok(seconds), Ok(micros)] =
            [0, 1].map(|n| parts.get(n).map_or("", String::as_str).parse::<u64>())
        else {
            return Err(Failure::unavailable("Redis told no time: check what stands between"));
        };
        Ok(seconds * 1_000 + micros / 1_000)
    }
}

pub(crate) fn not_found(run: &RunId) -> Failure {
    let text = format!("run `{run}` has no stream: it never started, was deleted, or has expired");
    Failure::new(SinkErrorKind::NotFound, text)
}
