//! The shortest way through everything: components, a run, a crash, a resume.
#![allow(missing_docs)]

use std::sync::atomic::{AtomicUsize, Ordering};

use gensx::prelude::*;

static RESEARCHED: AtomicUsize = AtomicUsize::new(0);

#[component]
async fn research(topic: String) -> gensx::Result<Vec<String>> {
    RESEARCHED.fetch_add(1, Ordering::SeqCst);
    Ok(vec![format!("{topic} is old"), format!("{topic} is new")])
}

#[component(retry(max_attempts = 3, initial = "1ms"))]
async fn write(fact: &str) -> Result<String, std::io::Error> {
    gensx::emit_text("draft", fact);
    Ok(fact.to_uppercase())
}

#[component]
async fn blog(topic: String) -> gensx::Result<String> {
    let facts = research(topic).await?;
    let mut text = String::new();
    for fact in &facts {
        text.push_str(&write(fact).await?);
    }
    gensx::sleep(std::time::Duration::from_millis(1)).await?;
    let id = gensx::uuid().await?;
    Ok(format!("{text} {id}"))
}

#[tokio::test]
async fn a_run_and_its_stream() {
    assert_eq!(research("x".to_owned()).await.unwrap().len(), 2);
    let runtime = Runtime::in_memory();
    let run = runtime.start(&blog, "rust".to_owned()).await.unwrap();
    let output = run.output().await.unwrap();
    let events = run.events().collect().await.unwrap();
    for event in &events {
        println!("{}", event.to_json());
    }
    assert!(output.starts_with("RUST IS OLDRUST IS NEW"), "{output}");
    assert!(events.last().unwrap().is_last());
}
