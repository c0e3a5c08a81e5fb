use super::*;

#[component]
async fn draft(topic: String) -> gensx::Result<(String, u64, std::time::SystemTime)> {
    let id = gensx::uuid().await?;
    let facts = research(topic).await?;
    let texts = futures(&facts).await?;
    gensx::sleep(Duration::from_hours(1)).await?;
    let approved = gensx::input::<bool>("approved", Duration::from_hours(24)).await?;
    Ok((format!("{id} {texts:?} {approved}"), gensx::random().await?, gensx::now().await?))
}

#[component]
async fn futures(facts: &[String]) -> gensx::Result<Vec<String>> {
    let [first, second] = facts else { return Err("two facts".into()) };
    let (first, second) = tokio::join!(write(first, None), write(second, None));
    Ok(vec![first?, second?])
}

#[tokio::test]
async fn a_sound_workflow_gives_the_same_after_every_one() {
    let report = crash_points(&draft, "rust".to_owned())
        .setup(|test| {
            test.fail(research, [SearchError::Down]);
        })
        .send("approved", true)
        .await
        .unwrap();
    report.assert_ok();
    // The run's two, three components with two each and one with a retry, four leaves of which two have two.
    assert!(report.points.len() >= 2 + 8 + 1 + 6, "{report:#?}");
    assert_eq!(report.points[0].last, "run.started");
    assert!(report.points[0].ran_twice.is_empty());
    assert_eq!(report.points.last().unwrap().last, "run.ended");
    assert!(report.points.last().unwrap().ran_twice.is_empty());
    let started = |point: &&gensx::testing::CrashPoint| point.last == "component.started of draft/research";
    let point = report.points.iter().find(started).unwrap();
    assert_eq!(point.ran_twice, ["draft", "draft/research"]);
    assert!(report.ran_twice("draft/futures") && report.ran_twice("draft/futures/write"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn they_are_found_on_several_threads_too() {
    let report = crash_points(&draft, "rust".to_owned()).send("approved", true).await.unwrap();
    report.assert_ok();
}

#[component]
async fn fails(topic: String) -> gensx::Result<String> {
    match research(topic).await {
        Ok(_) => Ok("found".to_owned()),
        Err(error) => Err(gensx::Error::msg("nothing").with_code(format!("{:?}", error.kind()))),
    }
}

#[tokio::test]
async fn a_failure_is_an_end_like_another() {
    let report = crash_points(&fails, "secrets".to_owned()).await.unwrap();
    report.assert_ok();
    assert!(report.end.contains("nothing"), "{}", report.end);
}

#[component]
async fn list(count: u32) -> gensx::Result<Vec<u32>> {
    Ok((1..=count).collect())
}

#[component]
async fn sum(numbers: Vec<u32>) -> gensx::Result<u32> {
    Ok(numbers.iter().sum())
}

#[tokio::test]
async fn a_workflow_of_combinators_is_resumed_with_doubles_in_it() {
    let workflow = Workflow::new("sums", list).for_each(halve).concurrency(2).then(sum);
    let report = crash_points(&workflow, 5)
        .setup(|test| {
            test.replace(list, |count: u32| async move { Ok(vec![count, 10 * count, 100 * count]) });
            test.fail(sum, ["no"]);
        })
        .await
        .unwrap();
    assert!(report.end.starts_with("the error"), "{}", report.end);
    report.assert_ok();
    let report = crash_points(&workflow, 5).await.unwrap();
    assert_eq!(report.end, "the output 6");
    report.assert_ok();
}

fn always(_error: &gensx::Error) -> bool {
    true
}

#[component(retry(max_attempts = 3, initial = "1h", jitter = false, when = always, max = "2h"))]
async fn tries_its_child_again(number: u32) -> gensx::Result<u32> {
    Ok(left(number).await? + 1)
}

#[component(fallback = none)]
async fn has_a_fallback(number: u32) -> gensx::Result<u32> {
    right(number).await
}

fn none(_error: gensx::Error, _number: u32) -> u32 {
    0
}

/// Failures of several kinds, tasks, a cache, objects: what a stream can hold.
#[component]
async fn does_everything(number: u32) -> gensx::Result<(u32, u32, u32)> {
    let retried = tries_its_child_again(number).await?;
    gensx::publish("state", &json!({ "retried": retried }));
    let spawned = [gensx::spawn(halve(8)), gensx::spawn(halve(9))];
    let fell_back = has_a_fallback(number).await?;
    gensx::progress(1, 2);
    let mut halves = 0;
    for task in spawned {
        halves += task.await??;
    }
    Ok((retried, fell_back, halves))
}

#[component(cache(ttl = "1h"), timeout = "1h")]
async fn halve(number: u32) -> gensx::Result<u32> {
    gensx::sleep(Duration::from_secs(u64::from(number))).await?;
    Ok(number / 2)
}

async fn everything_is_resumed() {
    let report = crash_points(&does_everything, 1)
        .setup(|test| {
            test.fail(left, ["once", "twice"]);
            test.fail(right, ["for good"]);
        })
        .await
        .unwrap();
    report.assert_ok();
    assert_eq!(report.end, "the output [2,0,8]");
    assert!(report.ran_twice("does_everything/tries_its_child_again/left"));
    assert!(report.ran_twice("does_everything/halve"));
}

#[tokio::test]
async fn failures_tasks_and_caches_are_resumed_on_one_thread() {
    everything_is_resumed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn failures_tasks_and_caches_are_resumed_on_several_threads() {
    everything_is_resumed().await;
}

#[component]
async fn left(number: u32) -> gensx::Result<u32> {
    Ok(number)
}

#[component]
async fn right(number: u32) -> gensx::Result<u32> {
    Ok(number)
}

/// Reads what varies outside any call, and branches on it: the mistake that resuming cannot bear.
#[component]
async fn flips_a_coin(number: u32) -> gensx::Result<u32> {
    static COIN: AtomicUsize = AtomicUsize::new(0);
    let heads = COIN.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
    let first = if heads { left(number).await? } else { right(number).await? };
    Ok(first + left(7).await?)
}

#[tokio::test]
async fn a_branch_on_unrecorded_randomness_is_found_though_the_output_is_the_same() {
    let report = crash_points(&flips_a_coin, 1).await.unwrap();
    assert!(!report.is_ok());
    let other = |(_, problem): (_, &Problem)| match problem {
        Problem::NewCall { path } => path == "flips_a_coin/right",
        _ => false,
    };
    assert!(report.problems().any(other), "{report}");
    assert!(report.to_string().contains("take that from a component"), "{report}");
}

#[component]
async fn names_itself(_input: ()) -> gensx::Result<(String, u32)> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = left(1).await?;
    Ok((format!("number {}", NEXT.fetch_add(1, Ordering::SeqCst)), number))
}

#[tokio::test]
async fn another_output_is_found_unless_it_is_said_to_be_as_good() {
    let report = crash_points(&names_itself, ()).await.unwrap();
    assert!(report.problems().all(|(_, problem)| matches!(problem, Problem::OtherEnd { .. })), "{report}");
    assert!(!report.is_ok());
    let report = crash_points(&names_itself, ()).same_if(|first, other| first.1 == other.1).await.unwrap();
    report.assert_ok();
}

#[component]
async fn forgets_the_key(number: u32) -> gensx::Result<u32> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let turn = TURN.fetch_add(1, Ordering::SeqCst);
    left(u32::try_from(turn).unwrap_or(0)).key("one").await?;
    Ok(number)
}

#[tokio::test]
async fn a_recorded_call_that_runs_again_is_found() {
    let report = crash_points(&forgets_the_key, 1).allow_other_calls().await.unwrap();
    let again = |(point, problem): (&gensx::testing::CrashPoint, &Problem)| {
        point.ran_twice.contains(&"forgets_the_key/left".to_owned())
            && matches!(problem, Problem::RanThoughRecorded { path } if path == "forgets_the_key/left")
    };
    assert!(report.problems().any(again), "{report}");
}

#[component]
async fn waits_for_nobody(_input: ()) -> gensx::Result<bool> {
    gensx::input("never", None).await
}

#[tokio::test]
async fn a_workflow_that_does_not_end_is_an_error_that_says_so() {
    let points = crash_points(&waits_for_nobody, ()).process_limit(Duration::from_millis(200));
    let error = points.await.unwrap_err();
    assert!(error.to_string().contains("an input that was not given with `send`"), "{error}");
}
