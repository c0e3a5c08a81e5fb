//! Random work in a time of its own: after each step, whatever the tables hold twice agrees, and nobody waits who could go on.
//! What the queue answers is compared with a naive reference by the conformance suite.

use std::{sync::Arc, time::Duration};

use gensx_core::queue::{
    Announce, Claim, Due, Enqueue, IdempotencyKey, Lease, Limit, MovePolicy, Park, Release, Renewal, Wake,
    Wanted, Worker, WorkerId,
};
use rusqlite::Connection;

use super::{
    claim::Turns,
    step::{Counters, Step},
};
use crate::{error::Failure, sql};

const SEEDS: u64 = 12;
const STEPS: usize = 800;
const LEASE_MS: u64 = 50;

/// What must give no row: each is a way in which the tables would contradict each other.
const CONTRADICTIONS: [(&str, &str); 9] = [
    (
        "a count",
        "SELECT * FROM queue_state WHERE ready != (SELECT count(*) FROM queue_runs WHERE place = 0)
            OR delayed != (SELECT count(*) FROM queue_runs WHERE place = 1)
            OR parked != (SELECT count(*) FROM queue_runs WHERE place = 2)
            OR leased != (SELECT count(*) FROM queue_runs WHERE place = 3)
            OR dead != (SELECT count(*) FROM queue_runs WHERE place = 4)
            OR seated != (SELECT count(*) FROM queue_runs WHERE spot IS NOT NULL)",
    ),
    ("a damaged run", "SELECT * FROM queue_runs WHERE place > 4"),
    (
        "a run in a lane without its turns",
        "SELECT * FROM queue_runs r JOIN queue_gates g ON g.run = r.key
         WHERE spot IS NOT NULL AND (place != 0 OR turn IS NOT 1 OR g.bound != r.bound)",
    ),
    (
        "a ready run that stands nowhere",
        "SELECT * FROM queue_runs r WHERE place = 0 AND spot IS NULL
            AND 1 != (SELECT count(*) FROM queue_gates WHERE run = r.key AND turn = 0)",
    ),
    (
        "a turn behind a line",
        "SELECT * FROM queue_gates l JOIN queue_gates g ON g.run = l.run
         WHERE l.turn = 0 AND (g.number < l.number AND g.turn IS NOT 1 OR g.number > l.number AND g.turn IS NOT NULL)",
    ),
    (
        "a place at a gate of a run that is not ready",
        "SELECT * FROM queue_gates WHERE turn IS NOT NULL
            AND run NOT IN (SELECT key FROM queue_runs WHERE place = 0)",
    ),
    (
        "a wrong number of leases under a limit",
        "SELECT name, key, sum(leased) FROM (
            SELECT name, key, leased FROM queue_rooms
            UNION ALL SELECT name, g.key, -1 FROM queue_gates g JOIN queue_runs r ON r.key = g.run WHERE place = 3)
         GROUP BY name, key HAVING sum(leased) != 0
         UNION ALL SELECT o.name, o.key, leased FROM queue_rooms o JOIN queue_gates g USING (name, key)
         WHERE leased > max OR leased <= 0",
    ),
    (
        "a run that waits for nothing",
        "SELECT * FROM queue_gates l WHERE turn = 0
            AND NOT EXISTS (SELECT 1 FROM queue_gates t WHERE t.turn = 1
                AND (t.name, t.key, t.workflow, t.bound) = (l.name, l.key, l.workflow, l.bound) AND t.rank <= l.rank)
            AND max > ifnull((SELECT leased FROM queue_rooms o WHERE (o.name, o.key) = (l.name, l.key)), 0)",
    ),
    (
        "a wrong number of a deployment's runs",
        "SELECT name, sum(runs) FROM (
            SELECT name, runs FROM queue_deployments
            UNION ALL SELECT bound, -1 FROM queue_runs WHERE bound != '' AND place != 4)
         GROUP BY name HAVING sum(runs) != 0",
    ),
];

/// Numbers from a seed, the same on every machine (splitmix64), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn ms(&mut self, most: usize) -> Duration {
        Duration::from_millis(self.roll(most) as u64)
    }

    fn due(&mut self) -> Due {
        if self.roll(3) == 0 { Due::Now } else { Due::After(self.ms(80)) }
    }

    fn limits(&mut self) -> Vec<Limit> {
        let limit = |name: &str, key: &str, max| Limit { name: name.into(), key: key.into(), max };
        let key = ["x", "y", "z"][self.roll(3)];
        match self.roll(4) {
            0 => Vec::new(),
            1 => vec![limit("single", key, 2)],
            2 => vec![limit("whole", "", 3), limit("single", key, 2)],
            _ => vec![limit("whole", "", 3), limit("double", key, 1), limit("single", key, 2)],
        }
    }

    fn entry(&mut self) -> Enqueue {
        let run = format!("run-{}", self.roll(40)).parse().unwrap();
        let key = (self.roll(6) == 0).then(|| {
            let key = format!("key-{}", self.roll(9)).into();
            IdempotencyKey { key, ttl: self.ms(200) }
        });
        let workflow = ["digest", "import"][self.roll(2)];
        let (priority, due, limits) = (self.roll(3) as i8 - 1, self.due(), self.limits());
        let first = (self.roll(2) == 0).then(|| Arc::from(&b"first"[..]));
        Enqueue { priority, due, limits, key, first, ..Enqueue::new(run, workflow) }
    }

    fn worker(&mut self) -> Worker {
        let name = ["blue", "green", "red"][self.roll(3)];
        Worker { id: WorkerId::from_text(name), deployment: name.into() }
    }

    fn ask(&mut self) -> Claim {
        let policy = [MovePolicy::Prefer, MovePolicy::Pin, MovePolicy::Latest][self.roll(3)];
        let wanted = |name: &str| Wanted { workflow: name.into(), policy };
        let workflows = ["digest", "import"].into_iter().take(1 + self.roll(2)).map(wanted).collect();
        let (worker, max_runs) = (self.worker(), self.roll(5));
        Claim { worker, workflows, max_runs, lease: Duration::from_millis(LEASE_MS), max_claims: 3 }
    }

    fn way(&mut self) -> Release {
        match self.roll(7) {
            0 | 1 => Release::Done,
            2 => Release::Back,
            3 => Release::Retry(self.due()),
            4 => Release::Dead,
            5 => Release::Park(Park::for_message(self.roll(3) as u64)),
            _ => Release::Park(Park::until(self.due(), self.roll(3) as u64)),
        }
    }
}

struct Bench {
    file: Connection,
    dice: Dice,
    turns: Turns,
    leases: Vec<Lease>,
    now_ms: u64,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch(sql::queue::CREATE).unwrap();
        file.set_prepared_statement_cache_capacity(128);
        Self { file, dice: Dice(seed), turns: Turns::default(), leases: Vec::new(), now_ms: 1_000 }
    }

    fn step<T>(&self, work: impl FnOnce(&mut Step<'_>) -> Result<T, Failure>) -> T {
        let counters = Counters::load(&self.file).unwrap();
        let mut step = Step { file: &self.file, now_ms: self.now_ms, counters };
        let answer = work(&mut step).unwrap();
        step.counters.store(&self.file).unwrap();
        answer
    }

    fn claim(&mut self, ask: &Claim) -> usize {
        let grants = self.step(|step| step.claim(ask, &self.turns)).grants;
        let came = grants.len();
        self.leases.extend(grants.into_iter().map(|grant| grant.lease));
        came
    }

    fn any_lease(&mut self) -> Option<Lease> {
        // Mostly one that may still be held.
        let recent = self.leases.len().min(12);
        (recent > 0).then(|| self.leases[self.leases.len() - 1 - self.dice.roll(recent)].clone())
    }

    fn work(&mut self) {
        match self.dice.roll(20) {
            0..=5 => {
                let entry = self.dice.entry();
                drop(self.step(|step| step.enqueue(&entry)));
            }
            6..=10 => {
                let ask = self.dice.ask();
                self.claim(&ask);
            }
            11..=13 => {
                let (how, lease) = (self.dice.way(), self.any_lease());
                lease.map(|lease| self.step(|step| step.release(&lease, &how, true)));
            }
            14 => {
                let until_ms = self.now_ms + LEASE_MS;
                let renewal =
                    self.any_lease().map(|lease| Renewal { lease, opened: true, progressed: false });
                renewal.map(|renewal| self.step(|step| step.renew(&renewal, until_ms)));
            }
            15 | 16 => {
                let (run, why) = (self.dice.entry().run, [Wake::Message, Wake::Now][self.dice.roll(2)]);
                self.step(|step| step.wake(&run, why));
            }
            17 => {
                let (worker, draining, ttl) = (self.dice.worker(), self.dice.roll(2) == 0, self.dice.ms(200));
                self.step(|step| step.announce(&Announce { worker, draining, ttl }));
            }
            18 => self.now_ms += self.dice.roll(60) as u64,
            _ => {
                let run = self.dice.entry().run;
                self.step(|step| step.remove(&run));
            }
        }
    }

    fn agree(&self, at: &str) {
        for (what, query) in CONTRADICTIONS {
            assert!(!self.file.prepare_cached(query).unwrap().exists([]).unwrap(), "{at}: {what}");
        }
    }

    /// Lets everything come to its end, long after the last lease.
    fn end(&mut self) {
        self.now_ms += 10_000_000;
        let runs = |query| {
            let mut statement = self.file.prepare(query).unwrap();
            let runs = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
            runs.map(|run| run.unwrap().parse().unwrap()).collect::<Vec<_>>()
        };
        for run in runs("SELECT run FROM queue_runs WHERE place != 4") {
            self.step(|step| step.wake(&run, Wake::Now));
        }
        for dead in runs("SELECT run FROM queue_runs WHERE place = 4") {
            self.step(|step| step.remove(&dead));
        }
        let worker = self.dice.worker();
        let wanted = |name: &str| Wanted { workflow: name.into(), policy: MovePolicy::Prefer };
        let workflows = ["digest", "import"].map(wanted).to_vec();
        let ask = Claim { worker, workflows, max_runs: 64, lease: Duration::from_millis(1), max_claims: 3 };
        self.leases.clear();
        while self.claim(&ask) > 0 {
            for lease in std::mem::take(&mut self.leases) {
                self.step(|step| step.release(&lease, &Release::Done, true));
            }
        }
    }

    fn tables(&self) -> Vec<(String, i64)> {
        let query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'queue%'";
        let mut statement = self.file.prepare(query).unwrap();
        let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
        let count = |name: String| {
            let rows = self.file.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0));
            (name, rows.unwrap())
        };
        names.map(count).filter(|(_, rows)| *rows > 0).collect()
    }
}

#[test]
fn random_work_leaves_no_contradiction_and_nothing_behind() {
    for seed in 0..SEEDS {
        let mut bench = Bench::new(seed);
        for step in 0..STEPS {
            bench.work();
            bench.agree(&format!("seed {seed}, step {step}"));
        }
        bench.end();
        bench.agree(&format!("seed {seed}, at the end"));
        assert_eq!(bench.tables(), [("queue_state".to_owned(), 1)], "seed {seed}");
    }
}
