use super::*;

#[tokio::test]
async fn scripted_ones_come_first_then_the_body() {
    let test = TestRuntime::new();
    test.fail(research, [SearchError::Down, SearchError::Down]);
    test.run(&blog, "rust".to_owned()).await.unwrap();
    let attempts: Vec<_> = test.calls().of(research).iter().map(|call| call.happened).collect();
    assert_eq!(attempts, [Happened::Scripted, Happened::Scripted, Happened::Ran]);
    assert_eq!(test.elapsed(), Duration::from_hours(1 + 2));
}

#[component]
async fn says_what_failed(topic: String) -> gensx::Result<String> {
    match research(topic).await {
        Ok(_) => Ok("nothing".to_owned()),
        Err(error) => {
            let found = error.find::<SearchError>().cloned();
            Ok(format!("{:?} {:?} {}", error.kind(), found, error.attempts()))
        }
    }
}

#[tokio::test]
async fn a_serde_error_reaches_the_caller_as_itself() {
    let test = TestRuntime::new();
    test.fail(research, vec![SearchError::Down; 4]);
    assert_eq!(test.run(&says_what_failed, "x".to_owned()).await.unwrap(), "Failed Some(Down) 4");
    assert_eq!(test.calls().failures(research), 1);
    let forbidden = test.run(&says_what_failed, "secrets".to_owned()).await.unwrap();
    assert_eq!(forbidden, "Failed Some(Forbidden(\"secrets\")) 1");
}

#[tokio::test]
async fn one_that_is_permanent_is_not_retried() {
    let test = TestRuntime::new();
    test.fail(research, [gensx::Error::msg("no").with_fate(Fate::Permanent)]);
    test.run(&blog, "x".to_owned()).await.unwrap_err();
    assert_eq!(test.executions(research), 1);
    assert_eq!(test.elapsed(), Duration::ZERO);
}
