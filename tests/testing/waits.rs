use super::*;

#[component]
pub(crate) async fn sleepy(hours: u64) -> gensx::Result<u64> {
    let before = gensx::now().await?;
    gensx::sleep(Duration::from_hours(hours)).await?;
    let after = gensx::now().await?;
    Ok(after.duration_since(before).unwrap_or_default().as_secs() / 3600)
}

#[component(timeout = "1d")]
async fn stuck(_input: ()) -> gensx::Result<()> {
    std::future::pending().await
}

#[component]
async fn asks(deadline_hours: u64) -> gensx::Result<String> {
    match gensx::input("answer", Duration::from_hours(deadline_hours)).await {
        Err(error) if error.kind() == ErrorKind::Timeout => Ok("too late".to_owned()),
        answer => answer,
    }
}

async fn all_waits_take_no_time() {
    let (test, began) = (TestRuntime::new(), Instant::now());
    assert_eq!(test.run(&sleepy, 5).await.unwrap(), 5);
    assert_eq!(test.elapsed(), Duration::from_hours(5));

    let error = test.run(&stuck, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(test.elapsed(), Duration::from_hours(29));

    assert_eq!(test.run(&asks, 3).await.unwrap(), "too late");
    assert_eq!(test.elapsed(), Duration::from_hours(32));

    test.fail(research, [SearchError::Down, SearchError::Down]);
    assert_eq!(test.run(&blog, "rust".to_owned()).await.unwrap(), "rust is old!rust is new!");
    assert_eq!(test.elapsed(), Duration::from_hours(35));
    assert!(began.elapsed() < NO_TIME, "{:?}", began.elapsed());
}

#[tokio::test]
async fn take_no_time_on_one_thread() {
    all_waits_take_no_time().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn take_no_time_on_several_threads() {
    all_waits_take_no_time().await;
}

#[component]
async fn alarm(hours: u64) -> gensx::Result<u64> {
    gensx::sleep(Duration::from_hours(hours)).await?;
    Ok(hours)
}

#[tokio::test]
async fn end_in_the_order_of_their_times() {
    let test = TestRuntime::new();
    let mut runs = Vec::new();
    let held = test.hold();
    for hours in [3, 1, 2, 1] {
        runs.push(test.start(&alarm, hours).await.unwrap());
    }
    assert_eq!(test.elapsed(), Duration::ZERO);
    drop(held);
    for run in &runs {
        run.output().await.unwrap();
    }
    assert_eq!(test.elapsed(), Duration::from_hours(3));
}

#[tokio::test]
async fn a_message_comes_before_its_deadline_while_time_is_held() {
    let test = TestRuntime::new();
    let held = test.hold();
    let run = test.start(&asks, 3).await.unwrap();
    test.send(run.id(), "answer", "yes").await.unwrap();
    drop(held);
    assert_eq!(run.output().await.unwrap(), "yes");
    assert_eq!(test.elapsed(), Duration::ZERO);
}

#[component(timeout = "1h")]
async fn reads_something_real(_input: ()) -> gensx::Result<u32> {
    // A thread of its own: nothing that the test's tasks do.
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        send.send(7).unwrap();
    });
    receive.await.map_err(gensx::Error::new)
}

#[tokio::test]
async fn real_work_within_the_grace_is_not_idle() {
    let test = TestRuntime::builder().grace(NO_TIME).build();
    assert_eq!(test.run(&reads_something_real, ()).await.unwrap(), 7);
    assert_eq!(test.elapsed(), Duration::ZERO);
    let hasty = TestRuntime::builder().grace(Duration::ZERO).build();
    let error = hasty.run(&reads_something_real, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}
