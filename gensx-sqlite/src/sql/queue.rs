//! The queue's statements.

/// The queue's tables.
///
/// - `queue_state` is one row: the latest time that was told, the source of numbers, and how many runs stand where, so that
///   no question counts rows.
/// - `queue_runs` has a row for each run. `place` is where its ticket stands (0 ready, 1 delayed, 2 parked, 3 leased,
///   4 dead, 5 set aside as damaged), `since_ms` since when, `due_ms` when that changes by itself, `rank` the priority with
///   its sign turned, so that what goes first is the least. `spot` is its place in its lane, the runs of its `workflow` that are
///   bound to the same deployment (`bound`, empty for none); a ready run without one is held.
/// - `queue_firsts` holds the first events, apart from rows that change with each claim.
/// - `queue_gates` has a row for each limit of a run, with the lane in which the run stands before it. `turn` is 1
///   for the one of its lane whose turn it is, 0 for those in the line behind it, and null unless the run is ready and has
///   come so far.
/// - `queue_rooms` counts the leases under each limit; a limit without any has no row.
/// - `queue_keys` holds idempotency keys, `queue_workers` and `queue_deployments` who lives.
pub(crate) const CREATE: &str = "
CREATE TABLE queue_state (
    id INTEGER PRIMARY KEY,
    latest_ms INTEGER NOT NULL,
    ticks INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    delayed INTEGER NOT NULL,
    parked INTEGER NOT NULL,
    leased INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    seated INTEGER NOT NULL
) STRICT;
INSERT INTO queue_state VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
CREATE TABLE queue_runs (
    key INTEGER PRIMARY KEY,
    run TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    rank INTEGER NOT NULL,
    place INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    due_ms INTEGER,
    on_message INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    lease INTEGER,
    claims INTEGER NOT NULL DEFAULT 0,
    wakes INTEGER NOT NULL DEFAULT 0,
    urgent INTEGER NOT NULL DEFAULT 0,
    bound TEXT NOT NULL DEFAULT '',
    spot INTEGER
) STRICT;
CREATE INDEX queue_lanes ON queue_runs (workflow, bound, rank, spot) WHERE spot IS NOT NULL;
CREATE INDEX queue_agenda ON queue_runs (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX queue_ready ON queue_runs (since_ms) WHERE place = 0;
CREATE INDEX queue_dead ON queue_runs (run) WHERE place = 4;
CREATE TABLE queue_firsts (run INTEGER PRIMARY KEY, event BLOB NOT NULL) STRICT;
CREATE TABLE queue_gates (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    max INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    bound TEXT NOT NULL DEFAULT '',
    rank INTEGER NOT NULL,
    arrival INTEGER NOT NULL DEFAULT 0,
    turn INTEGER,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX queue_turns ON queue_gates (name, key, workflow, bound) WHERE turn = 1;
CREATE INDEX queue_lines ON queue_gates (name, key, workflow, bound, rank, arrival) WHERE turn = 0;
CREATE TABLE queue_rooms (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    leased INTEGER NOT NULL,
    PRIMARY KEY (name, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE queue_keys (
    workflow TEXT NOT NULL,
    key TEXT NOT NULL,
    run TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (workflow, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_keys_until ON queue_keys (until_ms);
CREATE TABLE queue_workers (
    worker TEXT PRIMARY KEY,
    deployment TEXT NOT NULL,
    draining INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_workers_by_deployment ON queue_workers (deployment, draining, until_ms);
CREATE INDEX queue_workers_until ON queue_workers (until_ms);
CREATE TABLE queue_deployments (
    name TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    runs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_deployments_by_number ON queue_deployments (number);
";

pub(crate) const STATE: &str = "
SELECT latest_ms, ticks, cursor, ready, delayed, parked, leased, dead, seated FROM queue_state WHERE id = 1";
pub(crate) const SET_STATE: &str = "
UPDATE queue_state SET latest_ms = ?1, ticks = ?2, cursor = ?3, ready = ?4, delayed = ?5, parked = ?6, leased = ?7,
    dead = ?8, seated = ?9
WHERE id = 1";
pub(crate) const LATEST_MS: &str = "SELECT latest_ms FROM queue_state WHERE id = 1";
pub(crate) const CURSOR: &str = "SELECT cursor FROM queue_state WHERE id = 1";

macro_rules! record {
    ($which:literal) => {
        concat!(
            "SELECT key, run, workflow, place, since_ms, due_ms, on_message, worker, lease, claims, wakes, urgent,
                bound, spot IS NOT NULL FROM queue_runs WHERE ",
            $which
        )
    };
}
pub(crate) const RECORD: &str = record!("key = ?1");
pub(crate) const RECORD_OF_RUN: &str = record!("run = ?1");
pub(crate) const KEY_OF_RUN: &str = "SELECT key FROM queue_runs WHERE run = ?1";
pub(crate) const ADD: &str = "
INSERT INTO queue_runs (run, workflow, rank, place, since_ms, due_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub(crate) const STORE: &str = "
UPDATE queue_runs SET place = ?2, since_ms = ?3, due_ms = ?4, on_message = ?5, worker = ?6, lease = ?7, claims = ?8,
    wakes = ?9, urgent = ?10, bound = ?11
WHERE key = ?1";
pub(crate) const REMOVE: &str = "DELETE FROM queue_runs WHERE key = ?1";
pub(crate) const PLACE: &str = "SELECT place FROM queue_runs WHERE key = ?1";
pub(crate) const SET_ASIDE: &str = "UPDATE queue_runs SET place = 5, due_ms = NULL WHERE key = ?1";

pub(crate) const ADD_FIRST: &str = "INSERT INTO queue_firsts (run, event) VALUES (?1, ?2)";
pub(crate) const FIRST: &str = "SELECT event FROM queue_firsts WHERE run = ?1";
pub(crate) const REMOVE_FIRST: &str = "DELETE FROM queue_firsts WHERE run = ?1";

pub(crate) const DUE: &str = "SELECT key FROM queue_runs WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2";
pub(crate) const NEXT_DUE: &str =
    "SELECT due_ms FROM queue_runs WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1";

/// The first of a workflow's lanes from a deployment on, and the run that stands first in it.
pub(crate) const NEXT_LANE: &str = "
SELECT bound, rank, spot, key FROM queue_runs
WHERE spot IS NOT NULL AND workflow = ?1 AND bound >= ?2 ORDER BY bound, rank, spot LIMIT 1";
pub(crate) const FRONT: &str = "
SELECT rank, spot, key FROM queue_runs
WHERE spot IS NOT NULL AND workflow = ?1 AND bound = ?2 ORDER BY rank, spot LIMIT 1";
pub(crate) const ENTER_LANE: &str = "UPDATE queue_runs SET spot = ?2 WHERE key = ?1";
pub(crate) const LEAVE_LANE: &str = "UPDATE queue_runs SET spot = NULL WHERE key = ?1 AND spot IS NOT NULL";

macro_rules! gate {
    ($which:literal) => {
        concat!(
            "SELECT run, number, name, key, max, workflow, bound, rank, ifnull(turn, 0) FROM queue_gates WHERE ",
            $which
        )
    };
}
pub(crate) const ADD_GATE: &str = "
INSERT INTO queue_gates (run, number, name, key, max, workflow, rank) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
pub(crate) const GATES: &str = gate!("run = ?1 AND number >= ?2 ORDER BY number");
pub(crate) const TURN: &str = gate!("turn = 1 AND name = ?1 AND key = ?2 AND workflow = ?3 AND bound = ?4");
pub(crate) const LINE: &str = gate!(
    "turn = 0 AND name = ?1 AND key = ?2 AND workflow = ?3 AND bound = ?4 ORDER BY rank, arrival LIMIT 1"
);
/// The first lane after another in which runs wait in a limit's line.
pub(crate) const NEXT_LINE: &str = "
SELECT workflow, bound FROM queue_gates
WHERE turn = 0 AND name = ?1 AND key = ?2 AND (workflow, bound) > (?3, ?4) ORDER BY workflow, bound LIMIT 1";
pub(crate) const ARRIVE: &str = "UPDATE queue_gates SET bound = ?2, arrival = ?3 WHERE run = ?1";
pub(crate) const SET_TURN: &str = "UPDATE queue_gates SET turn = ?3 WHERE run = ?1 AND number = ?2";
pub(crate) const LEAVE_GATES: &str =
    "UPDATE queue_gates SET turn = NULL WHERE run = ?1 AND number >= ?2 AND turn IS NOT NULL";
pub(crate) const REMOVE_GATES: &str = "DELETE FROM queue_gates WHERE run = ?1";

pub(crate) const LEASED: &str = "SELECT leased FROM queue_rooms WHERE name = ?1 AND key = ?2";
pub(crate) const TAKE_ROOM: &str = "
INSERT INTO queue_rooms (name, key, leased) VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET leased = leased + 1";
pub(crate) const GIVE_ROOM: &str = "UPDATE queue_rooms SET leased = leased - 1 WHERE name = ?1 AND key = ?2";
pub(crate) const REMOVE_ROOM: &str = "DELETE FROM queue_rooms WHERE name = ?1 AND key = ?2 AND leased <= 0";

pub(crate) const KEY: &str = "
SELECT run FROM queue_keys WHERE workflow = ?1 AND key = ?2 AND until_ms > ?3";
pub(crate) const SET_KEY: &str = "
INSERT INTO queue_keys (workflow, key, run, until_ms) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET run = ?3, until_ms = ?4";
pub(crate) const OLD_KEYS: &str = "
SELECT workflow, key FROM queue_keys WHERE until_ms <= ?1 ORDER BY until_ms LIMIT ?2";
pub(crate) const REMOVE_KEY: &str = "DELETE FROM queue_keys WHERE workflow = ?1 AND key = ?2";

pub(crate) const SET_WORKER: &str = "
INSERT INTO queue_workers (worker, deployment, draining, until_ms) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET deployment = ?2, draining = ?3, until_ms = ?4";
pub(crate) const WORKER: &str = "SELECT deployment FROM queue_workers WHERE worker = ?1";
pub(crate) const REMOVE_WORKER: &str = "DELETE FROM queue_workers WHERE worker = ?1";
pub(crate) const SILENT: &str = "
SELECT worker, deployment FROM queue_workers WHERE until_ms <= ?1 ORDER BY until_ms LIMIT ?2";
pub(crate) const TAKES: &str = "
SELECT 1 FROM queue_workers WHERE deployment = ?1 AND draining = 0 AND until_ms > ?2 LIMIT 1";
pub(crate) const KNOW_DEPLOYMENT: &str = "
INSERT INTO queue_deployments (name, number, first_seen_ms, runs) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET runs = runs + ?4";
pub(crate) const UNBIND: &str = "UPDATE queue_deployments SET runs = max(runs - 1, 0) WHERE name = ?1";
pub(crate) const REMOVE_DEPLOYMENT: &str = "
DELETE FROM queue_deployments
WHERE name = ?1 AND runs = 0 AND NOT EXISTS (SELECT 1 FROM queue_workers WHERE deployment = ?1)";
pub(crate) const NEWEST: &str = "
SELECT name FROM queue_deployments d WHERE number > 0
    AND EXISTS (SELECT 1 FROM queue_workers WHERE deployment = d.name AND draining = 0 AND until_ms > ?1)
ORDER BY number DESC LIMIT 1";

pub(crate) const STATS: &str = "
SELECT latest_ms, ready, delayed, parked, leased, dead, seated,
    (SELECT since_ms FROM queue_runs WHERE place = 0 AND since_ms >= 0 ORDER BY since_ms LIMIT 1)
FROM queue_state WHERE id = 1";
pub(crate) const DEPLOYMENTS: &str = "
SELECT name, first_seen_ms, runs,
    (SELECT count(*) FROM queue_workers WHERE deployment = d.name AND draining = 0 AND until_ms > ?1),
    (SELECT count(*) FROM queue_workers WHERE deployment = d.name AND draining = 1 AND until_ms > ?1)
FROM queue_deployments d WHERE number > 0 ORDER BY number LIMIT ?2";
pub(crate) const DEAD: &str = "
SELECT run, workflow, claims, since_ms FROM queue_runs WHERE place = 4 AND run > ?1 ORDER BY run LIMIT ?2";

/// All of them, for the test of their plans.
#[cfg(test)]
pub(super) const PLANNED: [&str; 50] = [
    STATE,
    SET_STATE,
    CURSOR,
    LATEST_MS,
    RECORD,
    RECORD_OF_RUN,
    KEY_OF_RUN,
    STORE,
    REMOVE,
    PLACE,
    SET_ASIDE,
    FIRST,
    REMOVE_FIRST,
    DUE,
    NEXT_DUE,
    NEXT_LANE,
    FRONT,
    ENTER_LANE,
    LEAVE_LANE,
    GATES,
    TURN,
    LINE,
    NEXT_LINE,
    ARRIVE,
    SET_TURN,
    LEAVE_GATES,
    REMOVE_GATES,
    LEASED,
    TAKE_ROOM,
    GIVE_ROOM,
    REMOVE_ROOM,
    KEY,
    SET_KEY,
    OLD_KEYS,
    REMOVE_KEY,
    SET_WORKER,
    WORKER,
    REMOVE_WORKER,
    SILENT,
    TAKES,
    KNOW_DEPLOYMENT,
    UNBIND,
    REMOVE_DEPLOYMENT,
    NEWEST,
    STATS,
    DEPLOYMENTS,
    DEAD,
    ADD,
    ADD_FIRST,
    ADD_GATE,
];
