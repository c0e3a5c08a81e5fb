//! Every statement on the file's tables: those of the streams here, the queue's in `queue`.

pub(crate) mod queue;

/// The bits of an event's id that are its position in its stream; those above are the run's key.
pub(crate) const SEQ_BITS: u32 = 32;

/// The tables.
///
/// - A row of `events` holds the events of one append, or of a part of it: `count` of them, as `frames` has them. Its id
///   is the run's key and the position of the first event, so a stream lies together in the file, in its order, and
///   is found without another index: an append writes one page.
/// - `runs.key` and `messages.id` are never used twice: what is left of a deleted run can belong to no other one, and
///   a cursor over all messages never points back.
/// - `trash` holds the keys of deleted runs whose rows are still to be removed, in small steps.
pub(crate) const CREATE: &str = "
CREATE TABLE runs (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    status TEXT NOT NULL,
    ended_ms INTEGER,
    started_ms INTEGER NOT NULL DEFAULT 0,
    deployment TEXT,
    retry_of TEXT,
    keep_ms INTEGER,
    expires_ms INTEGER
) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    token BLOB NOT NULL,
    payloads BLOB NOT NULL
) STRICT;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    sender_id TEXT
) STRICT;
CREATE UNIQUE INDEX messages_by_run ON messages (run, number);
CREATE UNIQUE INDEX messages_by_sender ON messages (run, sender_id) WHERE sender_id IS NOT NULL;
CREATE TABLE trash (run INTEGER PRIMARY KEY) STRICT;
";

/// What lists of runs go by, and what is removed in time. `keep_ms` is how long a run is kept that says so itself, and
/// `expires_ms`, once it has ended, until when.
pub(crate) const CREATE_LISTS: &str = "
CREATE INDEX runs_by_start ON runs (started_ms, run);
CREATE INDEX runs_by_workflow ON runs (workflow, started_ms, run);
CREATE INDEX runs_by_status ON runs (status, started_ms, run);
CREATE INDEX runs_ended ON runs (ended_ms) WHERE ended_ms IS NOT NULL AND keep_ms IS NULL;
CREATE INDEX runs_expiring ON runs (expires_ms) WHERE expires_ms IS NOT NULL;
";

/// From version 3 of the tables to version 4, before the lists are made.
pub(crate) const FROM_3_TO_4: &str = "
DROP INDEX runs_unfinished;
DROP INDEX runs_ended;
ALTER TABLE runs ADD COLUMN started_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN deployment TEXT;
ALTER TABLE runs ADD COLUMN retry_of TEXT;
ALTER TABLE runs ADD COLUMN keep_ms INTEGER;
ALTER TABLE runs ADD COLUMN expires_ms INTEGER;
";
/// The first events of all runs, which say when they began.
pub(crate) const BEGINNINGS: &str = "
SELECT r.key, e.count, e.payloads FROM runs r CROSS JOIN events e ON e.id = (r.key << 32) + 1";
pub(crate) const SET_STARTED: &str = "UPDATE runs SET started_ms = ?2 WHERE key = ?1";

/// A run's last row, where `r` is the run.
macro_rules! last_row {
    () => {
        "(SELECT id FROM events WHERE id BETWEEN r.key << 32 AND (r.key << 32) + 0xffffffff ORDER BY id DESC LIMIT 1)"
    };
}

/// The position of a row's last event, where `e` is the row.
macro_rules! last_seq {
    () => {
        "((e.id & 0xffffffff) + e.count - 1)"
    };
}

pub(crate) const STANDING: &str = concat!(
    "SELECT r.key, r.ended_ms IS NOT NULL, e.epoch, ",
    last_seq!(),
    ", e.token FROM runs r CROSS JOIN events e ON e.id = ",
    last_row!(),
    " WHERE r.run = ?1"
);
pub(crate) const AT: &str = "
SELECT epoch, token FROM events WHERE id BETWEEN ?1 << 32 AND (?1 << 32) + ?2 ORDER BY id DESC LIMIT 1";
pub(crate) const OPEN_RUN: &str = "
INSERT INTO runs (run, workflow, status, started_ms, retry_of, keep_ms) VALUES (?1, ?2, 'running', ?3, ?4, ?5)";
pub(crate) const ADD_EVENTS: &str = "
INSERT INTO events (id, count, epoch, token, payloads) VALUES ((?1 << 32) + ?2, ?3, ?4, ?5, ?6)";
/// Adds a row if it follows directly what its own owner appended last: the judgement and the row in one statement.
pub(crate) const CONTINUE: &str = concat!(
    "INSERT INTO events (id, count, epoch, token, payloads)
     SELECT (r.key << 32) + ?2, ?3, ?4, ?5, ?6 FROM runs r CROSS JOIN events e ON e.id = ",
    last_row!(),
    " WHERE r.run = ?1 AND r.ended_ms IS NULL AND e.epoch = ?4 AND ",
    last_seq!(),
    " = ?2 - 1 AND substr(e.token, 1, 8) = substr(?5, 1, 8)"
);
pub(crate) const CLAIM_RUN: &str = "UPDATE runs SET deployment = ?2 WHERE key = ?1";
pub(crate) const CLOSE_RUN: &str = "
UPDATE runs SET status = ?2, ended_ms = ?3, expires_ms = ?3 + keep_ms WHERE key = ?1 RETURNING expires_ms IS NOT NULL";

/// From the row on that holds what follows a position.
pub(crate) const READ: &str = "
SELECT e.id & 0xffffffff, e.count, e.epoch, e.payloads FROM runs r CROSS JOIN events e ON e.id BETWEEN
    ifnull((SELECT id FROM events WHERE id BETWEEN r.key << 32 AND (r.key << 32) + ?2 + 1 ORDER BY id DESC LIMIT 1),
        r.key << 32)
    AND (r.key << 32) + 0xffffffff
WHERE r.run = ?1 ORDER BY e.id LIMIT ?3";
pub(crate) const LAST_SEQ: &str = concat!(
    "SELECT ",
    last_seq!(),
    " FROM runs r CROSS JOIN events e ON e.id = ",
    last_row!(),
    " WHERE r.run = ?1"
);
macro_rules! heads {
    ($which:literal) => {
        concat!(
            "SELECT r.run, r.workflow, r.status, e.epoch, ",
            last_seq!(),
            ", r.started_ms, r.ended_ms, r.deployment, r.retry_of FROM runs r CROSS JOIN events e ON e.id = ",
            last_row!(),
            $which
        )
    };
}
pub(crate) const HEAD: &str = heads!(" WHERE r.run = ?1");
pub(crate) const LIST: &str = heads!(
    " WHERE (r.started_ms, r.run) < (?1, ?2) AND r.started_ms >= ?3
     ORDER BY r.started_ms DESC, r.run DESC LIMIT ?4"
);
pub(crate) const LIST_WORKFLOW: &str = heads!(
    " WHERE (r.started_ms, r.run) < (?1, ?2) AND r.started_ms >= ?3 AND r.workflow = ?5
     ORDER BY r.started_ms DESC, r.run DESC LIMIT ?4"
);
pub(crate) const LIST_STATUS: &str = heads!(
    " WHERE (r.started_ms, r.run) < (?1, ?2) AND r.started_ms >= ?3 AND r.status = ?5
     ORDER BY r.started_ms DESC, r.run DESC LIMIT ?4"
);

pub(crate) const INBOX: &str = "
SELECT key, ended_ms IS NOT NULL, (SELECT max(number) FROM messages WHERE run = key) FROM runs WHERE run = ?1";
pub(crate) const SENT: &str = "SELECT number FROM messages WHERE run = ?1 AND sender_id = ?2";
pub(crate) const ADD_MESSAGE: &str = "
INSERT INTO messages (run, number, name, body, sender_id) VALUES (?1, ?2, ?3, ?4, ?5)";
pub(crate) const RECEIVE: &str = "
SELECT number, name, body, sender_id FROM messages
WHERE run = (SELECT key FROM runs WHERE run = ?1) AND number > ?2 ORDER BY number LIMIT ?3";
pub(crate) const ARRIVALS: &str = "
SELECT m.id, r.run FROM messages m CROSS JOIN runs r ON r.key = m.run WHERE m.id >= ?1 ORDER BY m.id LIMIT ?2";

pub(crate) const DELETE_RUN: &str = "DELETE FROM runs WHERE run = ?1 RETURNING key";
/// Those that are kept as the sink keeps runs.
pub(crate) const EXPIRED: &str = "SELECT key FROM runs WHERE ended_ms <= ?1 AND keep_ms IS NULL LIMIT ?2";
/// Those that say themselves how long they are kept.
pub(crate) const OVERDUE: &str = "SELECT key FROM runs WHERE expires_ms <= ?1 LIMIT ?2";
pub(crate) const NEXT_DUE: &str =
    "SELECT expires_ms FROM runs WHERE expires_ms > 0 ORDER BY expires_ms LIMIT 1";
pub(crate) const DELETE_KEY: &str = "DELETE FROM runs WHERE key = ?1 RETURNING run";
pub(crate) const ADD_TRASH: &str = "INSERT INTO trash (run) VALUES (?1)";
pub(crate) const TRASH: &str = "SELECT run FROM trash LIMIT 1";
pub(crate) const REMOVE_EVENTS: &str = "
DELETE FROM events
WHERE id IN (SELECT id FROM events WHERE id BETWEEN ?1 << 32 AND (?1 << 32) + 0xffffffff LIMIT ?2)";
pub(crate) const REMOVE_MESSAGES: &str = "
DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE run = ?1 LIMIT ?2)";
pub(crate) const REMOVE_TRASH: &str = "DELETE FROM trash WHERE run = ?1";
pub(crate) const LAST_MESSAGE: &str = "SELECT max(id) FROM messages";

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn every_statement_of_the_queue_is_looked_at() {
        let statements = include_str!("queue.rs").matches("\npub(crate) const ").count();
        // The tables are not planned.
        assert_eq!(queue::PLANNED.len(), statements - 1);
    }

    /// A statement that looks at each row costs more with every run: none may, but the one over the few rows of trash.
    #[test]
    fn every_statement_uses_an_index() {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch(CREATE).unwrap();
        file.execute_batch(CREATE_LISTS).unwrap();
        file.execute_batch(queue::CREATE).unwrap();
        let statements = [
            STANDING,
            AT,
            CONTINUE,
            CLAIM_RUN,
            CLOSE_RUN,
            READ,
            LAST_SEQ,
            HEAD,
            LIST,
            LIST_WORKFLOW,
            LIST_STATUS,
            INBOX,
            SENT,
            RECEIVE,
            ARRIVALS,
            DELETE_RUN,
            EXPIRED,
            OVERDUE,
            NEXT_DUE,
            DELETE_KEY,
            REMOVE_EVENTS,
            REMOVE_MESSAGES,
            REMOVE_TRASH,
            LAST_MESSAGE,
        ];
        for statement in statements.into_iter().chain(queue::PLANNED) {
            let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let holes = vec![rusqlite::types::Null; plan.parameter_count()];
            let steps =
                plan.query_map(rusqlite::params_from_iter(holes), |row| row.get::<_, String>(3)).unwrap();
            for step in steps {
                let step = step.unwrap();
                // max(id) of a whole table is a SEARCH without a condition.
                assert!(!step.starts_with("SCAN") || step == "SCAN CONSTANT ROW", "{statement}\n{step}");
                assert!(!step.contains("TEMP B-TREE FOR ORDER BY"), "{statement}\n{step}");
            }
        }
    }
}
