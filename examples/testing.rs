//! Testing a workflow: its waits take no time, its model is replaced, it fails on demand, and its process is ended at
//! every moment at which that could happen.
//!
//! In a crate of yours this stands under `#[cfg(test)]`, with `#[tokio::test]` in the place of `main`.

use std::time::Duration;

use gensx::{
    prelude::*,
    testing::{TestRuntime, crash_points},
};

/// Asks a model. No test wants that.
#[component(retry(max_attempts = 3, initial = "10s"))]
async fn summarize(text: String) -> gensx::Result<String> {
    Err(format!("no model to read {} bytes with", text.len()).into())
}

#[component]
async fn newsletter(topics: Vec<String>) -> gensx::Result<Vec<String>> {
    let mut items = Vec::new();
    for topic in topics {
        items.push(summarize(topic).await?);
        gensx::sleep(Duration::from_hours(1)).await?;
    }
    Ok(items)
}

/// What every run below is given.
fn prepare(test: &TestRuntime) {
    test.replace(summarize, |text: String| async move { Ok(format!("all about {text}")) });
    test.fail(summarize, ["overloaded", "overloaded"]);
}

#[tokio::main]
async fn main() -> gensx::Result<()> {
    let topics = vec!["rust".to_owned(), "tea".to_owned()];

    let test = TestRuntime::new();
    prepare(&test);
    let items = test.run(&newsletter, topics.clone()).await?;
    assert_eq!(items, ["all about rust", "all about tea"]);
    assert_eq!(test.executions(summarize), 2 + 2, "two attempts failed, one for each topic did not");
    assert!(test.elapsed() > Duration::from_hours(2), "virtual hours");
    println!("{items:?} after {:?}", test.elapsed());

    let report = crash_points(&newsletter, topics).setup(prepare).await?;
    report.assert_ok();
    println!("{} crashes, the same newsletter after each:", report.points.len());
    for point in &report.points {
        println!("  after {:<45} ran twice: {}", point.last, point.ran_twice.join(", "));
    }
    Ok(())
}
