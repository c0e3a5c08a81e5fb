//! Messages from outside.

use std::collections::BTreeSet;

use gensx_core::{
    RunId, SinkErrorKind,
    sink::{MAX_MESSAGES_PER_RUN, Message},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{changes::Changes, error::Failure, read, sql, writer::Work};

/// Messages that one answer to `arrivals` covers.
const ARRIVALS_PAGE: i64 = 1_000;

/// A message on its way into the file. A refusal is an answer, too: it does not undo the transaction.
pub(crate) struct SendMessage {
    pub(crate) run: RunId,
    pub(crate) message: Message,
}

impl Work for SendMessage {
    type Output = Result<u64, Failure>;

    fn bytes(&self) -> usize {
        self.message.body.len()
    }

    fn apply(&self, file: &Connection, changes: &mut Changes) -> Result<Self::Output, Failure> {
        let Self { run, message } = self;
        let refused = |kind, text: String| Ok(Err(Failure::new(kind, text)));
        let inbox = file
            .prepare_cached(sql::INBOX)?
            .query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)));
        let Some((key, ended, last)) = inbox.optional()? else {
            let text = format!("run `{run}` has no stream: it never started, was deleted, or has expired");
            return refused(SinkErrorKind::NotFound, text);
        };
        if let Some(number) = sent_before(file, key, message)? {
            return Ok(Ok(number));
        }
        if ended {
            return refused(
                SinkErrorKind::Ended,
                format!("run `{run}` has ended: it takes no more messages"),
            );
        }
        let number = read::number(last.unwrap_or(0))? + 1;
        if number > MAX_MESSAGES_PER_RUN as u64 {
            let text = format!(
                "the inbox of run `{run}` holds {MAX_MESSAGES_PER_RUN} messages, the most there may be"
            );
            return refused(SinkErrorKind::TooLarge, text);
        }
        changes.message = Some(add(file, key, number, message)?);
        Ok(Ok(number))
    }
}

fn sent_before(file: &Connection, key: i64, message: &Message) -> Result<Option<u64>, Failure> {
    let Some(id) = &message.id else { return Ok(None) };
    let number = file.prepare_cached(sql::SENT)?.query_row(params![key, id], |row| row.get(0)).optional()?;
    number.map(read::number).transpose()
}

fn add(file: &Connection, key: i64, number: u64, message: &Message) -> Result<u64, Failure> {
    let Message { name, body, id, .. } = message;
    let mut statement = file.prepare_cached(sql::ADD_MESSAGE)?;
    read::number(statement.insert(params![key, read::position(number), name, body, id])?)
}

pub(crate) fn receive(
    file: &Connection,
    run: &RunId,
    after: u64,
    limit: usize,
) -> Result<Vec<Message>, Failure> {
    let mut statement = file.prepare_cached(sql::RECEIVE)?;
    let page = read::messages_page(limit);
    let mut rows = statement.query(params![run.as_str(), read::position(after), page])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let number = read::number(row.get(0)?)?;
        messages.push(Message { number, name: row.get(1)?, body: row.get(2)?, id: row.get(3)? });
    }
    Ok(messages)
}

/// The cursor after all messages that there are.
pub(crate) fn end(file: &Connection) -> Result<u64, Failure> {
    Ok(last(file)? + 1)
}

/// The newest message's id; 0 without one.
pub(crate) fn last(file: &Connection) -> Result<u64, Failure> {
    let last: Option<i64> = file.prepare_cached(sql::LAST_MESSAGE)?.query_row([], |row| row.get(0))?;
    read::number(last.unwrap_or(0))
}

/// The next cursor and the runs that have messages from `cursor` on; `None` without any.
pub(crate) fn arrived(file: &Connection, cursor: u64) -> Result<Option<(u64, Vec<RunId>)>, Failure> {
    let mut statement = file.prepare_cached(sql::ARRIVALS)?;
    let mut rows = statement.query(params![read::position(cursor), ARRIVALS_PAGE])?;
    let (mut last, mut runs) = (None, BTreeSet::new());
    while let Some(row) = rows.next()? {
        last = Some(read::number(row.get(0)?)?);
        runs.insert(read::run_id(row, 1)?);
    }
    Ok(last.map(|last| (last + 1, runs.into_iter().collect())))
}
