//! What the calls do to one run. The lease protocol's own functions decide; here the rows are brought in step.

use std::mem;

use gensx_core::{
    RunId, SinkErrorKind,
    lease::{self, Place, Settled, Ticket},
    queue::{
        Enqueue, Enqueued, Lease, MAX_DUE_PER_CALL, Release, Released, Removed, Renewal, Renewed, Wake,
        millis,
    },
};
use rusqlite::{OptionalExtension as _, params};

use super::{
    record::{LEASED, Record, code},
    step::Step,
};
use crate::{error::Failure, read, sql::queue as sql};

/// The deployment under which a run counts.
fn counted(ticket: &Ticket) -> Option<&str> {
    ticket.bound.as_deref().filter(|_| !matches!(ticket.place, Place::Dead { .. }))
}

impl Step<'_> {
    /// `Err` within: so many wait already.
    pub(super) fn enqueue(&mut self, entry: &Enqueue) -> Result<Result<Enqueued, u64>, Failure> {
        self.forget_keys()?;
        if let Some(known) = self.known(entry)? {
            return Ok(Ok(Enqueued::Known(known)));
        }
        let waiting = self.counters.waiting();
        if waiting >= entry.max_waiting {
            return Ok(Err(waiting));
        }
        if let Some(key) = &entry.key {
            let until_ms = read::position(self.now_ms.saturating_add(millis(key.ttl)));
            let mut statement = self.file.prepare_cached(sql::SET_KEY)?;
            statement.execute(params![&*entry.workflow, &*key.key, entry.run.as_str(), until_ms])?;
        }
        self.add(entry)?;
        Ok(Ok(Enqueued::Fresh))
    }

    /// The run of the idempotency key, or the run itself if it is in the queue.
    fn known(&self, entry: &Enqueue) -> Result<Option<RunId>, Failure> {
        if let Some(key) = &entry.key {
            let mut statement = self.file.prepare_cached(sql::KEY)?;
            let asked = params![&*entry.workflow, &*key.key, read::position(self.now_ms)];
            let run = statement.query_row(asked, |row| Ok(read::run_id(row, 0))).optional()?;
            if let Some(run) = run {
                return run.map(Some);
            }
        }
        let mut statement = self.file.prepare_cached(sql::KEY_OF_RUN)?;
        Ok(statement.exists([entry.run.as_str()])?.then(|| entry.run.clone()))
    }

    fn add(&mut self, entry: &Enqueue) -> Result<(), Failure> {
        let Enqueue { run, workflow, first, priority, .. } = entry;
        let (ticket, rank) = (Ticket::new(entry.due.later_than(self.now_ms)), -i64::from(*priority));
        let due_ms = ticket.due_ms().map(read::position);
        let since_ms = read::position(self.now_ms);
        let mut statement = self.file.prepare_cached(sql::ADD)?;
        let key = statement.insert(params![
            run.as_str(),
            &**workflow,
            rank,
            code(&ticket.place),
            since_ms,
            due_ms
        ])?;
        if let Some(first) = first {
            self.file.prepare_cached(sql::ADD_FIRST)?.execute(params![key, &**first])?;
        }
        for (number, limit) in (0_i64..).zip(entry.gates()) {
            let mut statement = self.file.prepare_cached(sql::ADD_GATE)?;
            statement.execute(params![
                key,
                number,
                &*limit.name,
                &*limit.key,
                limit.max,
                &**workflow,
                rank
            ])?;
        }
        let (run, workflow) = (run.clone(), workflow.clone());
        self.arrive(&Record { key, run, workflow, since_ms: self.now_ms, seated: false, ticket })
    }

    /// Forgets some of the idempotency keys whose time is over.
    pub(super) fn forget_keys(&self) -> Result<(), Failure> {
        let asked = [read::position(self.now_ms), read::position(MAX_DUE_PER_CALL as u64)];
        let mut statement = self.file.prepare_cached(sql::OLD_KEYS)?;
        let old = statement.query_map(asked, |row| Ok([row.get(0)?, row.get(1)?]))?;
        let old: Vec<[String; 2]> = old.collect::<Result<_, _>>()?;
        for key in old {
            self.file.prepare_cached(sql::REMOVE_KEY)?.execute(key)?;
        }
        Ok(())
    }

    pub(super) fn renew(&mut self, renewal: &Renewal, until_ms: u64) -> Result<Renewed, Failure> {
        let Renewal { lease, opened, progressed } = renewal;
        let mut record = match Record::of_run(self.file, &lease.run) {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Renewed::Lost),
            // One damaged run must not cost a worker its other leases.
            Err(failure) if failure.is_about_a_value() => return Ok(Renewed::Lost),
            Err(failure) => return Err(failure),
        };
        let renewed =
            self.change(&mut record, |ticket| lease::renew(ticket, lease, until_ms, *progressed))?;
        if *opened && renewed != Renewed::Lost {
            self.opened(record.key)?;
        }
        Ok(renewed)
    }

    pub(super) fn release(
        &mut self,
        lease: &Lease,
        how: &Release,
        opened: bool,
    ) -> Result<Released, Failure> {
        let Some(mut record) = Record::of_run(self.file, &lease.run)? else { return Ok(Released::Lost) };
        let now_ms = self.now_ms;
        match self.change(&mut record, |ticket| lease::release(ticket, lease, how, now_ms))? {
            Settled::Gone => {
                self.forget(&record)?;
                Ok(Released::Released)
            }
            Settled::Stands(released) => {
                if opened && released != Released::Lost {
                    self.opened(record.key)?;
                }
                Ok(released)
            }
        }
    }

    fn opened(&self, run: i64) -> Result<(), Failure> {
        self.file.prepare_cached(sql::REMOVE_FIRST)?.execute([run])?;
        Ok(())
    }

    pub(super) fn wake(&mut self, run: &RunId, why: Wake) -> Result<bool, Failure> {
        let Some(mut record) = Record::of_run(self.file, run)? else { return Ok(false) };
        if matches!(record.ticket.place, Place::Dead { .. }) {
            return Ok(false);
        }
        self.change(&mut record, |ticket| lease::wake(ticket, why))?;
        Ok(true)
    }

    pub(super) fn remove(&mut self, run: &RunId) -> Result<Removed, Failure> {
        match Record::of_run(self.file, run) {
            Ok(None) => return Ok(Removed::Unknown),
            Ok(Some(record)) if matches!(record.ticket.place, Place::Leased { .. }) => {
                return Ok(Removed::Leased);
            }
            Ok(Some(record)) => self.forget(&record)?,
            // To remove it is what the error about a damaged run says is to be done.
            Err(failure) if failure.is_about_a_value() => {
                let mut statement = self.file.prepare_cached(sql::KEY_OF_RUN)?;
                let key = statement.query_row([run.as_str()], |row| row.get(0))?;
                self.set_aside(key)?;
                self.erase(key)?;
            }
            Err(failure) => return Err(failure),
        }
        Ok(Removed::Removed)
    }

    /// Lets a transition of the protocol change a run, and brings every row in step.
    pub(super) fn change<T>(
        &mut self,
        record: &mut Record,
        transition: impl FnOnce(&mut Ticket) -> T,
    ) -> Result<T, Failure> {
        let before = record.ticket.clone();
        let result = transition(&mut record.ticket);
        if mem::discriminant(&before.place) == mem::discriminant(&record.ticket.place) {
            // A lease that was renewed, a wake that was counted: it keeps its place.
            if before != record.ticket {
                record.store(self.file)?;
            }
            return Ok(result);
        }
        self.depart(record, &before)?;
        record.since_ms = self.now_ms;
        record.store(self.file)?;
        self.rebind(counted(&before), counted(&record.ticket))?;
        self.arrive(record)?;
        Ok(result)
    }

    /// Takes a run from where it stood with the ticket it had.
    fn depart(&mut self, record: &Record, before: &Ticket) -> Result<(), Failure> {
        self.counters.subtract(code(&before.place));
        match before.place {
            Place::Ready => self.unseat(record.key),
            Place::Leased { .. } => self.give_room(record.key),
            Place::Delayed { .. } | Place::Parked { .. } | Place::Dead { .. } => Ok(()),
        }
    }

    /// Puts a run where it stands with the ticket it has.
    fn arrive(&mut self, record: &Record) -> Result<(), Failure> {
        self.counters.add(&record.ticket.place);
        match record.ticket.place {
            Place::Ready => self.seat(record),
            Place::Leased { .. } => self.take_room(record.key),
            // Who waits goes by what was due at its last claim: it must hear of what is due earlier.
            Place::Delayed { .. } | Place::Parked { .. } => {
                let first = self.first_due()?;
                let is_next = first.is_some() && first == record.ticket.due_ms();
                self.counters.cursor += u64::from(is_next);
                Ok(())
            }
            Place::Dead { .. } => Ok(()),
        }
    }

    fn forget(&mut self, record: &Record) -> Result<(), Failure> {
        self.depart(record, &record.ticket)?;
        self.rebind(counted(&record.ticket), None)?;
        self.erase(record.key)
    }

    fn erase(&self, run: i64) -> Result<(), Failure> {
        self.opened(run)?;
        for statement in [sql::REMOVE_GATES, sql::REMOVE] {
            self.file.prepare_cached(statement)?.execute([run])?;
        }
        Ok(())
    }

    /// Takes a damaged run out of everybody's way: out of its lane, its lines and the agenda. It stays in the file until it is
    /// removed, and each question about it says what is wrong.
    pub(super) fn set_aside(&mut self, run: i64) -> Result<(), Failure> {
        let place = self.file.prepare_cached(sql::PLACE)?.query_row([run], |row| row.get(0))?;
        self.counters.subtract(place);
        self.unseat(run)?;
        if place == LEASED {
            self.give_room(run)?;
        }
        self.file.prepare_cached(sql::SET_ASIDE)?.execute([run])?;
        Ok(())
    }

    /// A run that an index named, unless it is damaged: then it is in nobody's way any more.
    pub(super) fn whole(&mut self, run: i64) -> Result<Option<Record>, Failure> {
        match Record::of_key(self.file, run) {
            Ok(record) => Ok(Some(record)),
            Err(failure) if failure.is_about_a_value() => {
                self.set_aside(run)?;
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// A first event that is larger than a row holds.
pub(super) fn check_size(entry: &Enqueue, most: usize) -> Result<(), Failure> {
    let bytes = entry.first.as_ref().map_or(0, |first| first.len());
    if bytes <= most {
        return Ok(());
    }
    let text = format!("the first event has {bytes} bytes, {most} are allowed: store the input elsewhere");
    Err(Failure::new(SinkErrorKind::TooLarge, text))
}
