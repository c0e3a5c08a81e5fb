//! What the scripts answer, taken apart. Another shape than theirs is an error and never a panic.

use std::time::Duration;

use gensx_core::{
    RunId,
    queue::{Claimed, DeadRun, Deployment, Enqueued, Grant, Lease, QueueStats, Queued, Renewed, WorkerId},
};
use redis::Value;

use super::record::Record;
use crate::{error::Failure, reply};

/// The parts of a grant.
const GRANT_PARTS: usize = 8;
/// The parts of a deployment.
const DEPLOYMENT_PARTS: usize = 5;

fn odd() -> Failure {
    Failure::unavailable("Redis answered in a way that gensx does not know: check what stands between them")
}

/// An answer, unless it says that something else is at one of the queue's keys.
pub(super) fn whole(value: Value) -> Result<Vec<Value>, Failure> {
    let parts = reply::list(value)?;
    if let [Value::BulkString(word), Value::BulkString(key), Value::BulkString(what)] = &parts[..]
        && word == b"FOREIGN"
    {
        let (key, what) = (String::from_utf8_lossy(key), String::from_utf8_lossy(what));
        return Err(Failure::foreign(&format!("something else ({what})"), &key));
    }
    Ok(parts)
}

/// One word of these.
pub(super) fn word<T: Copy>(answer: Vec<Value>, words: &[(&str, T)]) -> Result<T, Failure> {
    let text = reply::text(answer.into_iter().next().ok_or_else(odd)?)?;
    words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(odd)
}

fn number(value: &Value) -> Result<i64, Failure> {
    match value {
        Value::Int(number) => Ok(*number),
        _ => Err(odd()),
    }
}

/// `None` for -1.
fn optional(value: &Value) -> Result<Option<u64>, Failure> {
    Ok(u64::try_from(number(value)?).ok())
}

pub(super) fn numbers(answer: &[Value]) -> Result<Vec<u64>, Failure> {
    answer.iter().map(reply::number).collect()
}

fn run(value: Value) -> Result<RunId, Failure> {
    reply::text(value)?.parse().map_err(|_| odd())
}

/// `Err` inside: so many wait already.
pub(super) fn enqueued(answer: Vec<Value>) -> Result<Result<Enqueued, u64>, Failure> {
    let mut parts = answer.into_iter();
    let word = reply::text(parts.next().ok_or_else(odd)?)?;
    match (&*word, parts.next()) {
        ("FRESH", None) => Ok(Ok(Enqueued::Fresh)),
        ("KNOWN", Some(known)) => Ok(Ok(Enqueued::Known(run(known)?))),
        ("FULL", Some(waiting)) => Ok(Err(reply::number(&waiting)?)),
        _ => Err(odd()),
    }
}

pub(super) fn claimed(answer: Vec<Value>, worker: &WorkerId) -> Result<Claimed, Failure> {
    let mut parts = answer.into_iter();
    let (Some(cursor), Some(due)) = (parts.next(), parts.next()) else { return Err(odd()) };
    let mut grants = Vec::new();
    while parts.len() > 0 {
        let some: Vec<Value> = parts.by_ref().take(GRANT_PARTS).collect();
        grants.push(grant(some, worker)?);
    }
    let next_due = optional(&due)?.map(Duration::from_millis);
    Ok(Claimed { grants, next_due, cursor: reply::number(&cursor)? })
}

fn grant(parts: Vec<Value>, worker: &WorkerId) -> Result<Grant, Failure> {
    let Ok([name, workflow, number, claims, exhausted, wakes, moved, first]) =
        <[Value; GRANT_PARTS]>::try_from(parts)
    else {
        return Err(odd());
    };
    let number = reply::text(number)?.parse().map_err(|_| odd())?;
    let moved = reply::text(moved)?;
    Ok(Grant {
        lease: Lease { run: run(name)?, worker: worker.clone(), number },
        workflow: reply::text(workflow)?.into(),
        first: if first == Value::Nil { None } else { Some(reply::bytes(first)?.into()) },
        claims: u32::try_from(reply::number(&claims)?).unwrap_or(u32::MAX),
        exhausted: reply::number(&exhausted)? == 1,
        wakes: reply::number(&wakes)?,
        moved_from: (!moved.is_empty()).then(|| moved.into()),
    })
}

pub(super) fn renewed(answer: Vec<Value>) -> Result<Vec<Renewed>, Failure> {
    let one = |value: &Value| Ok(optional(value)?.map_or(Renewed::Lost, |wakes| Renewed::Kept { wakes }));
    answer.iter().map(one).collect()
}

/// `key` is that of the records.
pub(super) fn queued(answer: Vec<Value>, key: &str) -> Result<Option<Queued>, Failure> {
    let mut parts = answer.into_iter();
    let (Some(record), Some(due)) = (parts.next(), parts.next()) else { return Ok(None) };
    let due_ms = match due {
        Value::Nil => None,
        Value::Double(due) => Some(due as u64),
        due => Some(reply::text(due)?.parse::<u64>().map_err(|_| odd())?),
    };
    let text = reply::text(record)?;
    let queued = Record::parse(&text).and_then(|record| record.queued(due_ms));
    queued.map(Some).ok_or_else(|| Failure::foreign("a record", key))
}

pub(super) fn stats(answer: &[Value]) -> Result<QueueStats, Failure> {
    let [ready, held, delayed, parked, leased, dead, age] = answer else { return Err(odd()) };
    Ok(QueueStats {
        ready: reply::number(ready)?,
        held: reply::number(held)?,
        delayed: reply::number(delayed)?,
        parked: reply::number(parked)?,
        leased: reply::number(leased)?,
        dead: reply::number(dead)?,
        oldest_ready: optional(age)?.map(Duration::from_millis),
    })
}

pub(super) fn deployments(answer: Vec<Value>) -> Result<Vec<Deployment>, Failure> {
    let newest_first: Result<Vec<_>, _> = answer.chunks(DEPLOYMENT_PARTS).map(deployment).collect();
    let mut all = newest_first?;
    all.reverse();
    Ok(all)
}

fn deployment(parts: &[Value]) -> Result<Deployment, Failure> {
    let [name, first_seen_us, takers, drainers, runs] = parts else { return Err(odd()) };
    Ok(Deployment {
        name: reply::text(name.clone())?.into(),
        first_seen_ms: reply::number(first_seen_us)? / 1_000,
        workers: reply::number(takers)?,
        draining: reply::number(drainers)?,
        runs: reply::number(runs)?,
    })
}

/// Names, and as many records. A name without its record was removed by something else, and is left out.
pub(super) fn dead(mut answer: Vec<Value>) -> Result<Vec<DeadRun>, Failure> {
    let records = answer.split_off(answer.len() / 2);
    let mut page = Vec::new();
    for (name, record) in answer.into_iter().zip(records) {
        if record != Value::Nil
            && let Some(record) = Record::parse(&reply::text(record)?)
        {
            page.push(record.dead(run(name)?));
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn a_foreign_key_is_named() {
        let answer = Value::Array(["FOREIGN", "gensx:{gensx:queue}:runs", "string"].map(bulk).to_vec());
        let text = whole(answer).unwrap_err().of_sink("redis").to_string();
        assert!(text.contains("`gensx:{gensx:queue}:runs`") && text.contains("string"), "{text}");
    }

    fn any_part() -> impl Strategy<Value = Value> {
        let words =
            prop_oneof![Just("FRESH"), Just("KNOWN"), Just("FULL"), Just("OK"), Just("run-1"), Just("")];
        prop_oneof![
            Just(Value::Nil),
            any::<i64>().prop_map(Value::Int),
            any::<Vec<u8>>().prop_map(Value::BulkString),
            words.prop_map(bulk),
        ]
    }

    proptest! {
        #[test]
        fn any_answer_is_answered(parts in prop::collection::vec(any_part(), 0..20)) {
            let _ = whole(Value::Array(parts.clone()));
            let _ = enqueued(parts.clone());
            let _ = claimed(parts.clone(), &WorkerId::from_text("w"));
            let _ = renewed(parts.clone());
            let _ = queued(parts.clone(), "key");
            let _ = stats(&parts);
            let _ = deployments(parts.clone());
            let _ = dead(parts.clone());
            let _ = word(parts, &[("OK", ())]);
        }
    }
}
