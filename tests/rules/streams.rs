//! What readers see: text, objects, positions; and how runs are found again.

use gensx::{ErrorKind, EventId, EventKind, IfExists, RunStatus, prelude::*};
use serde_json::{Value, json};

use crate::support::{crash, take_ran};

#[component(retry(max_attempts = 2, initial = "1ms"))]
async fn writes(words: u64) -> gensx::Result<u64> {
    for word in 0..words {
        gensx::emit_text("draft", &format!("{word} "));
        gensx::publish("state", &json!({"words": word, "list": [1, word]}));
    }
    gensx::progress(words, words);
    gensx::log(gensx::event::LogLevel::Warn, "nearly");
    gensx::emit("citation", &json!({"page": 7}));
    if gensx::current().unwrap().attempt == 1 {
        return Err("cut".into());
    }
    Ok(words)
}

#[component]
async fn writer(words: u64) -> gensx::Result<u64> {
    writes(words).await
}

#[tokio::test]
async fn text_is_whole_and_a_retried_attempt_supersedes_its_predecessor() {
    let run = Runtime::in_memory().start(&writer, 500).await.unwrap();
    let (mut text, mut object, mut pieces) = (String::new(), Value::Null, 0);
    let mut events = run.events();
    while let Some(event) = events.next().await {
        match event.unwrap().kind {
            EventKind::Text { text: piece, .. } => {
                text.push_str(&piece);
                pieces += 1;
            }
            EventKind::Retried { .. } => text.clear(),
            EventKind::Object { patch, .. } => {
                let patch: json_patch::Patch = serde_json::from_str(patch.get()).unwrap();
                json_patch::patch(&mut object, &patch).unwrap();
            }
            _ => {}
        }
    }
    let whole: String = (0..500).map(|word| format!("{word} ")).collect();
    assert_eq!(text, whole);
    assert_eq!(object, json!({"words": 499, "list": [1, 499]}));
    assert!(pieces > 0);
    assert_eq!(run.output().await.unwrap(), 500);
}

#[component]
async fn speaks_and_waits(_: u64) -> gensx::Result<u64> {
    gensx::emit_text("draft", "at once");
    gensx::emit_text("draft", ", and later");
    std::future::pending().await
}

#[component]
async fn has_it_speak(n: u64) -> gensx::Result<u64> {
    speaks_and_waits(n).await
}

/// What nobody waits for is sent after an hour here.
#[tokio::test]
async fn the_first_text_is_sent_at_once() {
    let limits =
        gensx::Limits { flush_interval: std::time::Duration::from_secs(3_600), ..Default::default() };
    let runtime = Runtime::builder().sink(gensx::MemorySink::new()).limits(limits).build();
    let run = runtime.start(&has_it_speak, 0).await.unwrap();
    let mut events = run.events();
    let text = loop {
        let event = tokio::time::timeout(std::time::Duration::from_secs(20), events.next()).await;
        if let EventKind::Text { text, .. } = event.expect("the first text comes").unwrap().unwrap().kind {
            break text;
        }
    };
    assert!(text.starts_with("at once"), "{text}");
}

#[tokio::test]
async fn a_reader_goes_on_after_any_id_and_hears_of_positions_that_are_not_there() {
    let run = Runtime::in_memory().start(&writer, 20).await.unwrap();
    let all = run.events().collect().await.unwrap();
    for (seen, event) in all.iter().enumerate() {
        let rest = run.events_after(event.id).collect().await.unwrap();
        let ids: Vec<EventId> = rest.iter().map(|event| event.id).collect();
        assert_eq!(ids, all[seen + 1..].iter().map(|event| event.id).collect::<Vec<_>>());
    }
    let nowhere = run.events_after(EventId::new(9, 3)).next().await.unwrap().unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::Gone);
}

#[component]
async fn quick(n: u64) -> gensx::Result<u64> {
    Ok(n)
}

#[tokio::test]
async fn a_reader_may_ask_again_behind_the_end() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&quick, 1).await.unwrap();
    let mut events = run.events();
    while let Some(event) = events.next().await {
        event.unwrap();
    }
    assert!(events.next().await.is_none());
    take_ran(run.id());
}

#[tokio::test]
async fn starts_are_idempotent() {
    let sink = std::sync::Arc::new(gensx::MemorySink::new());
    let attach = Runtime::builder().shared_sink(sink.clone()).build();
    let fail = Runtime::builder().shared_sink(sink).if_exists(IfExists::Fail).build();
    let id: RunId = "order-1".parse().unwrap();
    let first = attach.start_with_id(&quick, id.clone(), 1).await.unwrap();
    let second = attach.start_with_id(&quick, id.clone(), 2).await.unwrap();
    assert_eq!((first.output().await.unwrap(), second.output().await.unwrap()), (1, 1));
    let error = fail.start_with_id(&quick, id.clone(), 3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert!(error.to_string().contains("order-1"));
    assert_eq!(first.status().await.unwrap(), RunStatus::Succeeded);
    let missing = attach.attach::<u64>(&"nobody".parse().unwrap()).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[component]
async fn waits(n: u64) -> gensx::Result<u64> {
    let more: u64 = gensx::input("more", None).await?;
    Ok(n + more)
}

#[tokio::test]
async fn unfinished_runs_are_found_and_resumed_by_their_names() {
    let asked = |event: &gensx::Event| matches!(event.kind, EventKind::InputRequested { .. });
    let (crashed, _) = crash(&waits, 40, asked).await;
    let unregistered = crashed.runtime();
    assert_eq!(unregistered.unfinished().await.unwrap().len(), 1);
    assert!(unregistered.resume_all().await.unwrap().is_empty());
    let runtime = crashed.builder().register::<_, u64>(&waits).build();
    let resumed = runtime.resume_all().await.unwrap();
    assert!(resumed.iter().all(|(id, result)| *id == crashed.id && result.is_ok()), "{resumed:?}");
    runtime.send(&crashed.id, "more", &2, None).await.unwrap();
    assert_eq!(runtime.attach::<u64>(&crashed.id).await.unwrap().output().await.unwrap(), 42);
    assert!(runtime.unfinished().await.unwrap().is_empty());
    take_ran(&crashed.id);
}
