//! What is checked when a sink opens: whether gensx can work with the server, and whether the server keeps what it
//! acknowledges.

use gensx_core::{
    EventId, RunId, RunStatus,
    sink::{Append, Batch, BatchKind, BatchToken, Message, RunFilter},
};
use redis::{Value, cmd};

use crate::{
    builder::Checks,
    error::{Failure, TOO_OLD},
    index::{Named, Place},
    queue, reply, rights, script,
    store::Store,
};

/// The oldest version that has all that the scripts use.
const MIN_MAJOR_VERSION: u32 = 7;
/// When the probe's keys expire, should the process end in the middle.
const PROBE_MS: u64 = 60_000;

/// The workflow of a probe's run.
const PROBE_WORKFLOW: &str = "gensx.probe";

/// What `INFO` says, as far as it matters.
#[derive(Default, PartialEq, Eq, Debug)]
struct Info {
    version: String,
    role: String,
    cluster: bool,
    eviction: String,
    append_only: bool,
}

/// A setting that puts runs at risk.
#[derive(PartialEq, Eq, Debug)]
struct Risk(String);

pub(crate) async fn run(store: &Store, strictness: Checks, name: &str) -> Result<(), Failure> {
    for text in infos(store).await? {
        let info = Info::parse(&text);
        info.usable(store.link.server().is_cluster())?;
        let risks = info.risks();
        for Risk(risk) in &risks {
            tracing::warn!(sink = name, "{risk}");
        }
        if let (Checks::Strict, Some(Risk(risk))) = (strictness, risks.into_iter().next()) {
            return Err(Failure::config(risk));
        }
    }
    for script in script::all().chain(queue::scripts()) {
        rights::ask(store, "SCRIPT LOAD", script.load()).await?;
    }
    probe(store).await
}

/// What each server says of itself.
async fn infos(store: &Store) -> Result<Vec<String>, Failure> {
    match rights::ask(store, "INFO", cmd("INFO")).await? {
        Value::Map(nodes) => nodes.into_iter().map(|(_, text)| reply::text(text)).collect(),
        text => Ok(vec![reply::text(text)?]),
    }
}

impl Info {
    fn parse(text: &str) -> Self {
        let mut info = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.trim_end().split_once(':')) {
            match key {
                "redis_version" => value.clone_into(&mut info.version),
                "role" => value.clone_into(&mut info.role),
                "cluster_enabled" => info.cluster = value == "1",
                "maxmemory_policy" => value.clone_into(&mut info.eviction),
                "aof_enabled" => info.append_only = value == "1",
                _ => {}
            }
        }
        info
    }

    fn usable(&self, as_cluster: bool) -> Result<(), Failure> {
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        // One that hides its version shows what it is with the probe.
        if major.is_some_and(|major| major < MIN_MAJOR_VERSION) {
            return Err(Failure::config(format!("{TOO_OLD} (it is {})", self.version)));
        }
        if self.cluster && !as_cluster {
            let text = "the server is a node of a cluster: use `redis+cluster://` and name its nodes";
            return Err(Failure::config(text));
        }
        if self.role == "slave" && !as_cluster {
            let text =
                "the server is a replica and takes no writes: give the master's address, or Sentinel's";
            return Err(Failure::config(text));
        }
        Ok(())
    }

    fn risks(&self) -> Vec<Risk> {
        let mut risks = Vec::new();
        if !self.eviction.is_empty() && self.eviction != "noeviction" {
            let policy = &self.eviction;
            risks.push(Risk(format!(
                "maxmemory-policy is `{policy}`: when memory is short, Redis removes runs that are under way; set `noeviction`"
            )));
        }
        if !self.append_only {
            let text = "appendonly is off: what was acknowledged since the last snapshot is lost when Redis ends; set `appendonly yes`";
            risks.push(Risk(text.to_owned()));
        }
        risks
    }
}

/// Does once what a run does, so that a missing right is known now, by name, and not in the middle of a run.
async fn probe(store: &Store) -> Result<(), Failure> {
    let run: RunId = match format!("gensx-probe-{}", uuid::Uuid::new_v4().simple()).parse() {
        Ok(run) => run,
        Err(error) => return Err(Failure::config(error.to_string())),
    };
    let probe = Store { retention_ms: Some(PROBE_MS), ..store.again() };
    rights::check(&probe, &run, PROBE_MS).await?;
    let outcome = rehearse(&probe, &run).await.map_err(|failure| rights::named(&probe, failure, "EVALSHA"));
    // Whatever came of it.
    let cleared = probe.delete(&run).await;
    outcome.and(cleared)
}

async fn rehearse(probe: &Store, run: &RunId) -> Result<(), Failure> {
    let batch = |seq, kind, closes| Batch {
        run: run.clone(),
        first: EventId::new(1, seq),
        token: BatchToken { owner: 1, number: seq },
        payloads: vec![b"{}".as_slice().into()],
        kind,
        closes,
    };
    probe.append(&batch(1, BatchKind::Opens(PROBE_WORKFLOW.into()), None)).await?;
    expire(probe, run).await?;
    let message = Message { number: 0, name: "gensx.probe".into(), body: "null".into(), id: None };
    probe.send(run, message).await?;
    probe.receive(run, 0, 1).await?;
    probe.head(run).await?;
    probe.read(run, 0, 1).await?;
    probe.list(&RunFilter::new().workflow(PROBE_WORKFLOW), None, 1).await?;
    match probe.append(&batch(2, BatchKind::Continues, Some(RunStatus::Succeeded))).await?.0 {
        Append::Done | Append::Duplicate => Ok(()),
        answer => {
            Err(Failure::unavailable(format!("a probe of the append was answered {answer:?}: try again")))
        }
    }
}

/// Should this process end in the middle of the probe, it is gone after a while, as is its place in the lists.
async fn expire(probe: &Store, run: &RunId) -> Result<(), Failure> {
    let mut command = cmd("PEXPIRE");
    command.arg(probe.keys.stream(run)).arg(PROBE_MS);
    probe.link.ask(command).await?;
    let place = Place::Running { look_again: (PROBE_MS, PROBE_MS) };
    probe.place(&Named::new(run, PROBE_WORKFLOW), place, None).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\ncluster_enabled:0\r\n\
        maxmemory_policy:noeviction\r\naof_enabled:1\r\n";

    #[test]
    fn a_server_as_it_should_be_is_taken() {
        let info = Info::parse(GOOD);
        assert_eq!((info.usable(false).is_ok(), info.risks()), (true, vec![]));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_it_risks() {
        let refused = |from: &str, to: &str| {
            let info = Info::parse(&GOOD.replace(from, to));
            info.usable(false).unwrap_err().of_sink("redis").to_string()
        };
        assert!(refused("7.0.15", "6.2.1").contains("older than Redis 7.0"));
        assert!(refused("role:master", "role:slave").contains("replica"));
        assert!(refused("cluster_enabled:0", "cluster_enabled:1").contains("redis+cluster://"));
        let risk = |from: &str, to: &str| Info::parse(&GOOD.replace(from, to)).risks().remove(0).0;
        assert!(risk("noeviction", "allkeys-lru").contains("removes runs"));
        assert!(risk("aof_enabled:1", "aof_enabled:0").contains("appendonly"));
    }
}
