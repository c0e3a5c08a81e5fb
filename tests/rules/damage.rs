//! Streams that hold what this version did not write: damaged events, and kinds of a newer version.

use std::sync::Arc;

use gensx::{
    ErrorKind, Event, EventId, EventKind, EventSink, MemorySink,
    prelude::*,
    sink::{Append, Batch, BatchKind, BatchToken},
};

use crate::support::{Crashed, crash, gave, ran};

#[component]
async fn step(n: u64) -> gensx::Result<u64> {
    ran(format!("step {n}"));
    Ok(n + 1_000)
}

#[component]
async fn program(n: u64) -> gensx::Result<u64> {
    let first = step(n).await?;
    step(first).await
}

/// Another owner writes `payload` after what the crashed one left.
async fn write(crashed: &Crashed, payload: &[u8]) {
    let last = crashed.sink.head(&crashed.id).await.unwrap().unwrap().last;
    let batch = Batch {
        run: crashed.id.clone(),
        first: EventId::new(last.epoch + 1, last.seq + 1),
        token: BatchToken { owner: 1, number: 1 },
        payloads: vec![payload.into()],
        kind: BatchKind::Claims { deployment: None },
        closes: None,
    };
    assert_eq!(crashed.sink.append(&batch).await.unwrap(), Append::Done);
}

#[tokio::test]
async fn a_damaged_event_is_an_error_that_names_it_and_nothing_is_touched() {
    for damaged in [
        &b"{\"v\":1,\"type\":\"component.end"[..],
        b"\xff\xfe",
        b"",
        b"[]",
        b"{\"v\":1,\"type\":\"component.ended\",\"time\":1}",
    ] {
        let (crashed, _) = crash(&program, 1, gave("1001")).await;
        write(&crashed, damaged).await;
        let head = crashed.sink.head(&crashed.id).await.unwrap().unwrap();
        let error = crashed.runtime().resume(&program, &crashed.id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Replay, "{error:#}");
        assert!(error.to_string().contains(&head.last.to_string()), "{error:#}");
        assert_eq!(crashed.sink.head(&crashed.id).await.unwrap().unwrap(), head, "nothing was written");
        let mut events = crashed.runtime().events(&crashed.id, None);
        let mut readable = 0;
        let error = loop {
            match events.next().await.unwrap() {
                Ok(_) => readable += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(
            (readable, error.kind()),
            (head.last.seq - 1, ErrorKind::Replay),
            "what is before it can be read"
        );
    }
}

#[tokio::test]
async fn kinds_and_fields_of_a_newer_version_are_kept_and_do_not_hinder_a_resume() {
    let newer = br#"{"v":1,"type":"hologram","time":5,"depth":[1,2]}"#;
    let (crashed, _) = crash(&program, 1, gave("1001")).await;
    write(&crashed, newer).await;
    let (output, after) = crashed.resume(&program).await;
    assert_eq!((output.unwrap(), after), (2001, vec!["step 1001".to_owned()]));
    let events = crashed.events().await;
    let hologram = events.iter().find(|event| matches!(event.kind, EventKind::Unknown { .. })).unwrap();
    assert!(
        hologram.to_json().ends_with(r#""type":"hologram","time":5,"depth":[1,2]}"#),
        "{}",
        hologram.to_json()
    );
}

#[tokio::test]
async fn an_input_with_secret_parts_is_supplied_again() {
    let key = [3; 32];
    let sink = Arc::new(MemorySink::new());
    let runtime = |sink: &Arc<MemorySink>| {
        let sink = Arc::clone(sink) as Arc<dyn EventSink>;
        Runtime::builder().secret_key(key).shared_sink(sink).build()
    };
    let first = runtime(&sink);
    let run = first.start(&with_secret, "sk-secret".to_owned()).await.unwrap();
    let mut events = run.events();
    while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::InputRequested { .. }) {}
    first.drain().await;
    let second = runtime(&sink);
    let error = second.resume(&with_secret, run.id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("resume_with"), "{error}");
    let again = second.resume_with(&with_secret, run.id(), "sk-secret".to_owned()).await.unwrap();
    second.send(run.id(), "go", &true, None).await.unwrap();
    assert_eq!(again.output().await.unwrap(), 9);
    let all: Vec<Event> = again.events().collect().await.unwrap();
    assert!(all.iter().all(|event| !event.to_json().contains("sk-secret")));
}

#[component]
async fn with_secret(#[secret] token: String) -> gensx::Result<usize> {
    let _: bool = gensx::input("go", None).await?;
    Ok(token.len())
}

#[test]
fn a_runs_futures_are_send() {
    fn send<T: Send>(_: &T) {}
    let runtime = Runtime::in_memory();
    send(&runtime.run(&program, 1));
    send(&runtime.resume(&program, &RunId::generate()));
    send(&program(1));
    send(&gensx::sleep(std::time::Duration::ZERO));
    send(&gensx::input::<u64>("n", None));
}
