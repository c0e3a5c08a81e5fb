use super::*;

#[tokio::test]
async fn a_function_is_replaced_by_a_closure_of_its_type() {
    let test = TestRuntime::new();
    test.replace(research, |topic: String| async move { Ok(vec![format!("{topic} is fine")]) });
    assert_eq!(test.run(&blog, "rust".to_owned()).await.unwrap(), "rust is fine!");
    let calls = test.calls();
    assert_eq!(calls.of(research).that(Happened::Doubled).len(), 1);
    assert_eq!(calls.of(research).that(Happened::Ran).len(), 0);
    assert_eq!(calls.of(write).that(Happened::Ran).len(), 1);
}

#[tokio::test]
async fn a_double_keeps_the_components_retries_and_its_record() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    let mut test = TestRuntime::new();
    test.replace(research, |_: String| async move {
        match TRIES.fetch_add(1, Ordering::SeqCst) {
            0 => Err(gensx::Error::new(SearchError::Down)),
            _ => Ok(vec!["found".to_owned()]),
        }
    });
    let run = test.start(&blog, "rust".to_owned()).await.unwrap();
    assert_eq!(run.output().await.unwrap(), "found!");
    assert_eq!(test.executions(research), 2);
    test.restart().await;
    let run = test.resume(&blog, run.id()).await.unwrap();
    assert_eq!(run.output().await.unwrap(), "found!");
    assert_eq!(test.executions(research), 2);
}

#[component]
async fn first_word(text: &str) -> gensx::Result<String> {
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

#[component]
async fn largest(numbers: &[u64]) -> gensx::Result<Option<u64>> {
    Ok(numbers.iter().max().copied())
}

#[component]
async fn borrows(text: String) -> gensx::Result<String> {
    let largest = largest(&[1, u64::MAX]).await?;
    Ok(format!("{} {largest:?}", first_word(&text).await?))
}

#[tokio::test]
async fn a_reference_is_given_as_what_it_refers_to() {
    let test = TestRuntime::new();
    test.replace(first_word, |text: String| async move { Ok(text.to_uppercase()) });
    test.replace(largest, |numbers: Vec<u64>| async move { Ok(numbers.first().copied()) });
    assert_eq!(test.run(&borrows, "a b".to_owned()).await.unwrap(), "A B Some(1)");
}

struct Searcher {
    prefix: String,
}

impl Searcher {
    #[component(name = "find")]
    async fn search(&self, topic: String, most: usize) -> gensx::Result<Vec<String>> {
        Ok(vec![format!("{} {topic}", self.prefix); most])
    }
}

#[component]
async fn uses_a_method(topic: String) -> gensx::Result<Vec<String>> {
    let searcher = Searcher { prefix: "real".to_owned() };
    searcher.search(topic, 2).await
}

#[tokio::test]
async fn a_method_is_replaced_by_name_or_by_its_path() {
    for name in ["find", "Searcher::search", "doubles::Searcher::search"] {
        let test = TestRuntime::new();
        test.replace_named(name, |inputs: Inputs| async move {
            let (topic, most) = (inputs.get::<String>("topic")?, inputs.get::<usize>("most")?);
            Ok(vec![format!("double of {topic} {most}")])
        });
        assert_eq!(test.run(&uses_a_method, "x".to_owned()).await.unwrap(), ["double of x 2"], "{name}");
        assert_eq!(test.executions(Searcher::search), 1);
        assert!(test.unused_doubles().is_empty());
    }
    let test = TestRuntime::new();
    test.replace_named(Searcher::search, |_| async { Ok(Vec::<String>::new()) });
    assert!(test.run(&uses_a_method, "x".to_owned()).await.unwrap().is_empty());
}

#[component]
async fn size_of<T>(value: T) -> gensx::Result<usize>
where
    T: Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    Ok(serde_json::to_string(&value)?.len())
}

#[component]
async fn sizes(text: String) -> gensx::Result<(usize, usize)> {
    Ok((size_of(text).await?, size_of(1_u8).await?))
}

#[tokio::test]
async fn a_generic_function_is_replaced_for_one_type() {
    let test = TestRuntime::new();
    test.replace(size_of::<u8>, |value: u8| async move { Ok(usize::from(value) + 100) });
    assert_eq!(test.run(&sizes, "abc".to_owned()).await.unwrap(), (5, 101));
}

#[tokio::test]
async fn a_double_that_fits_no_call_is_named() {
    let test = TestRuntime::new();
    test.replace_named("serch", |_| async { Ok(1) });
    test.run(&borrows, "a".to_owned()).await.unwrap();
    assert_eq!(test.unused_doubles(), ["serch"]);
}

#[tokio::test]
async fn a_double_of_the_wrong_type_fails_the_call_with_both_types() {
    let test = TestRuntime::new();
    test.replace_named("research", |_| async { Ok(1) });
    let error = test.run(&blog, "x".to_owned()).await.unwrap_err();
    assert_eq!(test.executions(research), 1);
    let text = format!("{error:#}");
    assert!(text.contains("the double of `testing::research` gave 1"), "{text}");
    assert!(text.contains("Vec<alloc::string::String>"), "{text}");
}

#[tokio::test]
async fn an_input_that_is_asked_for_by_a_wrong_name_is_an_error_that_lists_them() {
    let test = TestRuntime::new();
    test.replace_named("write", |inputs: Inputs| async move { inputs.get::<String>("text") });
    let error = test.run(&blog, "x".to_owned()).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("`write` has no recorded input `text`; it has: fact, style"), "{text}");
}

#[tokio::test]
#[should_panic(expected = "pass the function itself")]
async fn a_closure_names_no_component() {
    TestRuntime::new().replace(|topic: String| research(topic), |_: String| async { Ok(vec![]) });
}
