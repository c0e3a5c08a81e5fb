//! What the console is shown: a workflow that does everything a run can do, in words that would run if they were markup.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{extract::Path, routing::post};
use futures_util::future::try_join_all;
use gensx::{
    EventSink, RunId, Runtime, Workflow, component, emit, emit_text,
    event::{LogLevel, Usage},
    http::{Api, Described},
    log, progress, publish,
};
use serde_json::{Value, json};

/// Text that does something wherever it is taken for markup, for a script's end or for an address.
pub(crate) const EVIL: &str = r#"<img src=x onerror="window.hacked=1">"'</script><script>window.hacked=1</script>javascript:window.hacked=1"#;

/// Reads, with an attempt that fails after it has streamed.
#[component(retry(max_attempts = 3, initial = "50ms", max = "50ms"))]
async fn research(topic: String) -> gensx::Result<Value> {
    static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
    emit_text(EVIL, &format!("{topic} {EVIL}\n"));
    emit_text("draft", "The sea ");
    if ATTEMPTS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        return Err(gensx::Error::msg(format!("the engine is busy {EVIL}")));
    }
    emit_text("draft", "rises.");
    emit(EVIL, &json!({ EVIL: [EVIL] }));
    publish(EVIL, &json!({ "headings": ["one"], EVIL: EVIL }));
    publish(EVIL, &json!({ "headings": ["one", "two"], EVIL: EVIL }));
    progress(3, 8);
    log(LogLevel::Warn, format!("two sources disagree {EVIL}"));
    let mut usage = Usage::default();
    (usage.model, usage.input_tokens, usage.output_tokens) = (format!("model {EVIL}"), 812, 96);
    gensx::usage(usage);
    Ok(json!({ EVIL: topic, "number": u64::MAX }))
}

#[component(cache(ttl = "1h"))]
async fn look_up(word: String) -> gensx::Result<String> {
    Ok(format!("{word} is a word {EVIL}"))
}

#[component]
async fn breaks(word: String) -> gensx::Result<String> {
    Err(gensx::Error::msg(format!("no such word {word}")))
}

#[component]
async fn section(heading: String) -> gensx::Result<String> {
    emit_text("draft", "writing ");
    let found = look_up("tide".into()).await?;
    let spare = breaks(EVIL.to_owned()).fallback(|_| "spare".to_owned()).await?;
    emit_text("draft", &format!("{heading}: {spare}"));
    Ok(found)
}

#[component]
async fn approve(findings: Value) -> gensx::Result<Value> {
    let sections = try_join_all(
        ["Intro", EVIL].map(|heading| section(heading.into()).label(format!("Section {heading}"))),
    )
    .await?;
    assert_eq!(sections.len(), 2);
    emit_text("draft", "Before the gate. ");
    let answer: Value = gensx::input("approval", None).await?;
    emit_text("draft", "Behind the gate.");
    Ok(json!({ "findings": findings, "answer": answer }))
}

#[component]
async fn publish_it(work: Value) -> gensx::Result<Value> {
    if work["answer"]["fail"] == true {
        return Err(gensx::Error::msg(format!("it cannot be published {EVIL}")));
    }
    Ok(work)
}

/// As many calls as it is told, in groups of a hundred.
#[component]
async fn many(calls: u32) -> gensx::Result<u32> {
    for group in 0..calls.div_ceil(100) {
        hundred(group, 99.min(calls - 1)).await?;
    }
    Ok(calls)
}

#[component]
async fn hundred(group: u32, calls: u32) -> gensx::Result<u32> {
    for number in 0..calls {
        small(group, number).await?;
    }
    Ok(group)
}

#[component]
async fn small(group: u32, number: u32) -> gensx::Result<BTreeMap<String, u32>> {
    emit_text("draft", &format!("{group}-{number} "));
    Ok(BTreeMap::from([("group".to_owned(), group), ("number".to_owned(), number)]))
}

/// Workflows, one with a name that would run, behind the API and its console, nested. `POST /takeover/{run}` lets a second
/// owner go on with a run, as another process would after a crash.
pub(crate) fn app() -> axum::Router {
    let sink: Arc<dyn EventSink> = Arc::new(gensx::MemorySink::new());
    let evil = Workflow::new(EVIL, research).then(approve).then(publish_it).version(3);
    let runtime = Runtime::builder().shared_sink(sink.clone()).register(&evil).register(&many).build();
    let other = Runtime::builder().shared_sink(sink).build();
    let takeover = post(move |Path(run): Path<String>| async move {
        let run: RunId = run.parse().expect("a run's id");
        other.resume(&evil, &run).await.expect("it is taken over");
    });
    let api = Api::new(runtime)
        .workflow(Described::new(EVIL))
        .workflow(Described::new("many"))
        // Every stream is cut all the time: what a page shows must not depend on how often it came back.
        .max_stream_age(Duration::from_millis(700));
    axum::Router::new().nest("/api", api.router()).route("/takeover/{run}", takeover)
}
