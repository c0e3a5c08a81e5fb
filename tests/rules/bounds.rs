//! Limits, secrets and values that cannot be recorded: each a typed error that names the component.

use std::{collections::HashMap, time::Duration};

use gensx::{ErrorKind, Limits, prelude::*};

use crate::support::{ran, take_ran};

fn small() -> Runtime {
    let limits =
        Limits { event_bytes: 2_000, recorded_input_bytes: 100, events_per_run: 50, ..Limits::default() };
    Runtime::builder().limits(limits).build()
}

/// The error of the component below the workflow.
fn cause(error: &gensx::Error) -> &gensx::Error {
    std::error::Error::source(error).and_then(|source| source.downcast_ref()).unwrap_or(error)
}

#[component]
async fn large_output(size: usize) -> gensx::Result<String> {
    Ok("x".repeat(size))
}

#[component]
async fn large_event(size: usize) -> gensx::Result<usize> {
    gensx::emit("blob", &"x".repeat(size));
    tokio::task::yield_now().await;
    Ok(size)
}

#[component]
async fn oversized(which: u64) -> gensx::Result<usize> {
    match which {
        0 => large_output(3_000).await.map(|text| text.len()),
        1 => large_event(3_000).await,
        _ => large_output(1_000).await.map(|text| text.len()),
    }
}

#[tokio::test]
async fn values_past_a_limit_fail_their_component() {
    let error = small().run(&oversized, 0).await.unwrap_err();
    assert_eq!(cause(&error).kind(), ErrorKind::Limit);
    assert!(
        format!("{error:#}").contains("`oversized/large_output`: the output has 3002 bytes"),
        "{error:#}"
    );
    let error = small().run(&oversized, 1).await.unwrap_err();
    assert!(
        format!("{error:#}").contains("`oversized/large_event`: the value emitted as `blob`"),
        "{error:#}"
    );
    assert_eq!(small().run(&oversized, 2).await.unwrap(), 1_000);
    let error = small().run(&large_input, "x".repeat(5_000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[component]
async fn large_input(text: String) -> gensx::Result<usize> {
    Ok(text.len())
}

#[component]
async fn counts(n: u64) -> gensx::Result<u64> {
    for i in 0..n {
        large_output(usize::try_from(i).unwrap()).await?;
    }
    Ok(n)
}

#[tokio::test]
async fn a_run_with_too_many_events_ends_as_failed() {
    let run = small().start(&counts, 100).await.unwrap();
    let error = run.output().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("50 events"), "{error}");
    assert_eq!(run.status().await.unwrap(), gensx::RunStatus::Failed);
}

#[component]
async fn floods(pieces: usize) -> gensx::Result<usize> {
    let piece = "x".repeat(1_000);
    for _ in 0..pieces {
        gensx::emit_text("flood", &piece);
    }
    tokio::task::yield_now().await;
    Ok(pieces)
}

#[tokio::test]
async fn text_without_an_await_is_bounded() {
    let limits =
        Limits { buffered_bytes: 10_000, flush_interval: Duration::from_secs(5), ..Limits::default() };
    let runtime = Runtime::builder().limits(limits).build();
    let error = runtime.run(&floods, 100_000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("floods"), "{error}");
}

#[component]
async fn says(which: u64) -> gensx::Result<u64> {
    match which {
        0 => gensx::emit_text("draft", &"äöü".repeat(1_000)),
        1 => gensx::log(gensx::event::LogLevel::Info, "x".repeat(3_000)),
        _ => {
            gensx::publish("list", &vec![1; 400]);
            gensx::publish("list", &vec![2; 400]);
        }
    }
    tokio::task::yield_now().await;
    Ok(which)
}

#[tokio::test]
async fn text_larger_than_an_event_becomes_several() {
    let run = small().start(&says, 0).await.unwrap();
    run.output().await.unwrap();
    let (mut whole, mut pieces) = (String::new(), 0);
    for event in run.events().collect().await.unwrap() {
        if let gensx::EventKind::Text { text, .. } = event.kind {
            assert!(text.len() <= 2_000);
            whole.push_str(&text);
            pieces += 1;
        }
    }
    assert_eq!((whole, pieces), ("äöü".repeat(1_000), 3));
}

#[tokio::test]
async fn log_lines_and_messages_have_a_limit() {
    let error = small().run(&says, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(
        error.to_string().contains("a log line has 3000 bytes, the limit of an event is 2000"),
        "{error}"
    );
    let runtime = small();
    let run = runtime.start(&waits, 0).await.unwrap();
    let error = runtime.send(run.id(), "n", &"x".repeat(3_000), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    runtime.send(run.id(), "n", &5_u64, None).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 5);
}

#[component]
async fn waits(_: u64) -> gensx::Result<u64> {
    gensx::input("n", None).await
}

#[tokio::test]
async fn a_patch_is_hardly_larger_than_the_object() {
    let run = small().start(&says, 2).await.unwrap();
    run.output().await.unwrap();
    let events = run.events().collect().await.unwrap();
    let patches: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            gensx::EventKind::Object { patch, .. } => Some(patch.get()),
            _ => None,
        })
        .collect();
    assert_eq!(patches.len(), 2);
    let state = serde_json::to_string(&vec![2; 400]).unwrap();
    assert_eq!(patches[1], format!(r#"[{{"op":"replace","path":"","value":{state}}}]"#));
}

#[component]
async fn measures(values: Vec<f64>) -> gensx::Result<f64> {
    Ok(values.iter().sum())
}

#[component]
async fn passes_nan(_: u64) -> gensx::Result<f64> {
    measures(vec![1.0, f64::NAN]).await
}

#[tokio::test]
async fn nan_is_refused_by_name() {
    let error = Runtime::in_memory().run(&passes_nan, 0).await.unwrap_err();
    assert_eq!(cause(&error).kind(), ErrorKind::InvalidInput);
    assert!(format!("{error:#}").contains("`passes_nan/measures`: input `values`: NaN"), "{error:#}");
}

#[component]
async fn calls_provider(
    #[secret] token: String,
    #[skip] client: HashMap<String, String>,
    page: u64,
) -> gensx::Result<u64> {
    ran(format!("page {page}"));
    assert!(!client.is_empty());
    Err(format!("401 for token {token} on page {page}").into())
}

#[derive(Debug, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{url} answered 401")]
struct Refused {
    url: String,
}

#[component]
async fn tells_the_url(#[secret] token: String) -> Result<u64, Refused> {
    Err(Refused { url: format!("https://provider?key={token}") })
}

#[component]
async fn with_secret(#[secret] token: String) -> gensx::Result<String> {
    tells_the_url(token.clone()).await.unwrap_err();
    let client = HashMap::from([("a".to_owned(), "b".to_owned())]);
    let error = calls_provider(token, client, 3).await.unwrap_err();
    Ok(format!("{:?}", error.kind()))
}

#[tokio::test]
async fn secrets_are_written_nowhere() {
    const SECRET: &str = "sk-do-not-write-me";
    let runtime = Runtime::builder().secret_key([7; 32]).build();
    let run = runtime.start(&with_secret, SECRET.to_owned()).await.unwrap();
    assert_eq!(run.output().await.unwrap(), "Failed");
    for event in run.events().collect().await.unwrap() {
        assert!(!event.to_json().contains(SECRET), "{}", event.to_json());
    }
    take_ran(run.id());
    let error = Runtime::in_memory().run(&with_secret, SECRET.to_owned()).await.unwrap_err();
    assert!(error.to_string().contains("secret_key"), "{error}");
}

#[component]
async fn tells_all(#[secret] token: String) -> gensx::Result<u64> {
    gensx::log(gensx::event::LogLevel::Info, format!("{token:?}"));
    panic!("{token:?}")
}

#[component]
async fn tells_in_every_spelling(#[secret] token: String) -> gensx::Result<u64> {
    let url = tells_the_url(token.clone()).label(format!("with {token}")).key(format!("by {token}")).await;
    assert_eq!(url.unwrap_err().find::<Refused>().map(|refused| refused.url.contains(&token)), Some(true));
    tells_all(token).await.or(Ok(0))
}

#[tokio::test]
async fn secrets_are_masked_also_where_they_are_escaped() {
    for secret in ["sk-do-not-write-me", "sk-\"do\\not\nwrite\"-m\u{e9}\u{200b}"] {
        let runtime = Runtime::builder().secret_key([7; 32]).build();
        let run = runtime.start(&tells_in_every_spelling, secret.to_owned()).await.unwrap();
        run.output().await.unwrap();
        for event in run.events().collect().await.unwrap() {
            assert!(!event.to_json().contains("sk-"), "{}", event.to_json());
        }
    }
}

#[derive(Debug, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("too much to say")]
struct Talkative {
    text: String,
}

#[component]
async fn says_too_much(size: usize) -> Result<u64, Talkative> {
    Err(Talkative { text: "x".repeat(size) })
}

#[component]
async fn names(which: u64) -> gensx::Result<String> {
    let long = "x".repeat(3_000);
    match which {
        0 => drop(large_output(1).label(long).await?),
        1 => drop(large_output(1).key(long).await?),
        2 => gensx::emit(&long, &1),
        3 => gensx::emit_text(&long, "x"),
        4 => gensx::publish(&long, &1),
        5 => gensx::usage(gensx::event::Usage { model: long, input_tokens: 1, output_tokens: 1 }),
        6 => drop(gensx::input::<u64>(&long, Duration::from_millis(1)).await?),
        _ => return Ok(format!("{:?}", says_too_much(3_000).await.unwrap_err().kind())),
    }
    tokio::task::yield_now().await;
    Ok(String::new())
}

#[tokio::test]
async fn names_have_a_limit_too() {
    for which in 0..7 {
        let run = small().start(&names, which).await.unwrap();
        let error = run.output().await.unwrap_err();
        assert_eq!(cause(&error).kind(), ErrorKind::Limit, "{which}: {error:#}");
        assert!(format!("{error:#}").contains("has 3000 bytes, the limit of an event is 2000"), "{error:#}");
        let events = run.events().collect().await.unwrap();
        assert!(events.iter().all(|event| event.to_json().len() < 3_000), "{which}: {events:?}");
    }
}

#[tokio::test]
async fn an_error_too_large_for_an_event_is_recorded_as_its_text() {
    let run = small().start(&names, 7).await.unwrap();
    assert_eq!(run.output().await.unwrap(), "Failed");
    let events = run.events().collect().await.unwrap();
    assert!(events.iter().any(|event| event.to_json().contains("too much to say")));
    assert!(events.iter().all(|event| event.to_json().len() < 3_000), "{events:?}");
}

#[component]
async fn descends(levels: u32) -> gensx::Result<u32> {
    if levels == 1 { Ok(1) } else { Ok(descends(levels - 1).await? + 1) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nesting_has_a_limit_that_the_stack_can_bear() {
    let runtime = Runtime::in_memory();
    let run = async |levels| runtime.start(&descends, levels).await.unwrap().output().await;
    assert_eq!(run(Limits::default().depth).await.unwrap(), Limits::default().depth);
    // A stack that overflows would end the process, and every run in it.
    let error = run(10_000).await.unwrap_err();
    let mut deepest = &error;
    while let Some(below) = std::error::Error::source(deepest).and_then(|source| source.downcast_ref()) {
        deepest = below;
    }
    assert_eq!(deepest.kind(), ErrorKind::Limit, "{error:#}");
    assert!(deepest.to_string().contains("it is inside 64 others"), "{deepest}");
}

#[tokio::test]
async fn run_ids_from_outside_are_checked() {
    let long = "x".repeat(200);
    for bad in ["", "a/b", "../etc", "a b", "ünïcode", long.as_str()] {
        assert_eq!(bad.parse::<RunId>().unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
    }
}
