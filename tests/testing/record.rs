use super::*;

#[tokio::test]
async fn it_has_order_inputs_and_paths() {
    let test = TestRuntime::new();
    test.run(&blog, "rust".to_owned()).await.unwrap();
    let calls = test.calls();
    assert_eq!(calls.names(), ["blog", "research", "write", "write"]);
    assert_eq!(calls.of(research).inputs(), [&json!({"topic": "rust"})]);
    assert_eq!(calls.of("write").inputs()[1], &json!({"fact": "rust is new", "style": "!"}));
    assert!(calls.iter().all(|call| call.happened == Happened::Ran && call.attempt == 1));
    assert_eq!(calls.of("blog").iter().next().unwrap().path, "blog");
    assert_eq!(calls.of(write).iter().next().unwrap().path, "blog/write");
    assert!(calls.ran(write) && !calls.ran("edit"));
    test.clear_calls();
    assert!(test.calls().is_empty());
}

#[component(cache(ttl = "1h"))]
async fn cached(number: u32) -> gensx::Result<u32> {
    Ok(number + 1)
}

#[component(fallback = zero)]
async fn shaky(number: u32) -> gensx::Result<u32> {
    cached(number).await
}

fn zero(_error: gensx::Error, _number: u32) -> u32 {
    0
}

#[tokio::test]
async fn a_cached_output_and_a_fallback_are_told_apart_from_runs() {
    let test = TestRuntime::new();
    assert_eq!(test.run(&shaky, 1).await.unwrap(), 2);
    assert_eq!(test.run(&shaky, 1).await.unwrap(), 2);
    assert_eq!((test.executions(cached), test.calls().cache_hits(cached)), (1, 1));
    test.fail(shaky, ["broken"]);
    assert_eq!(test.run(&shaky, 1).await.unwrap(), 0);
    assert_eq!(test.calls().that(Happened::FellBack).names(), ["shaky"]);
}

#[tokio::test]
async fn streams_may_live_in_any_sink() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.db");
    let sink = gensx::SqliteSink::open(&file).await.unwrap();
    let mut test = TestRuntime::builder().sink(std::sync::Arc::new(sink)).build();
    let run = test.start(&waits::sleepy, 5).await.unwrap();
    test.restart().await;
    let run = test.resume(&waits::sleepy, run.id()).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 5);
    assert_eq!(test.elapsed(), Duration::from_hours(5));
}

#[component]
async fn waits_for_the_end(topic: String) -> gensx::Result<String> {
    let text = blog(topic).await?;
    gensx::input::<bool>("publish", None).await?;
    Ok(text)
}

#[tokio::test]
async fn after_a_restart_what_was_recorded_is_replayed() {
    let mut test = TestRuntime::new();
    let run = test.start(&waits_for_the_end, "rust".to_owned()).await.unwrap();
    let mut events = run.events();
    while !matches!(events.next().await.unwrap().unwrap().kind, gensx::EventKind::InputRequested { .. }) {}
    let written = test.sink().head(run.id()).await.unwrap().unwrap().last.seq;

    test.restart().await;
    assert_eq!(
        test.sink().head(run.id()).await.unwrap().unwrap().last.seq,
        written,
        "a crash writes nothing"
    );
    assert!(run.output().await.is_err());
    test.clear_calls();

    let run = test.resume(&waits_for_the_end, run.id()).await.unwrap();
    test.send(run.id(), "publish", true).await.unwrap();
    assert_eq!(run.output().await.unwrap(), "rust is old!rust is new!");
    let calls = test.calls();
    assert_eq!(calls.attempts().names(), ["waits_for_the_end"]);
    assert_eq!(calls.replays(blog), 1);
    assert!(
        !calls.ran(research) && calls.replays(research) == 0,
        "a completed parent's children are not looked at"
    );
}
