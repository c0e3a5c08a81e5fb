//! Components that are built outside any run while this process executes runs. A process of its own: what is
//! wanted then is known to the process, not to a call.
#![allow(missing_docs)]

use std::time::Duration;

use gensx::{ErrorKind, OutsideRuns, prelude::*};

#[component]
async fn part(n: u64) -> gensx::Result<u64> {
    Ok(n)
}

#[component]
async fn spawns_badly(n: u64) -> gensx::Result<String> {
    let task = tokio::spawn(async move { part(n).await });
    let error = task.await.map_err(gensx::Error::new)?.unwrap_err();
    Ok(format!("{:?}: {error}", error.kind()))
}

#[component]
async fn spawns_well(n: u64) -> gensx::Result<u64> {
    gensx::spawn(async move { part(n).await }).await?
}

#[tokio::test]
async fn a_component_outside_any_run_is_refused_by_policy_while_runs_are_executed() {
    assert_eq!(part(1).await.unwrap(), 1, "no run is executed");
    let runtime = Runtime::builder().outside_runs(OutsideRuns::Refuse).build();
    let answer = runtime.run(&spawns_badly, 1).await.unwrap();
    assert!(
        answer
            .starts_with(&format!("{:?}: component `part`: it was built outside any run", ErrorKind::Config)),
        "{answer}"
    );
    assert_eq!(runtime.run(&spawns_well, 1).await.unwrap(), 1);
    let ended = async {
        while part(1).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .expect("allowed again when no run is executed");
}
