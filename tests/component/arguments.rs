//! Arguments: owned, borrowed, taken apart, marked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gensx::{Result, component};

#[component]
async fn repeated(text: String, count: usize) -> Result<String> {
    Ok(text.repeat(count))
}

#[tokio::test]
async fn a_call_that_owns_its_arguments_can_be_spawned() {
    let found = tokio::spawn(repeated("ab".to_owned(), 2)).await.unwrap();
    assert_eq!(found.unwrap(), "abab");
}

#[component]
async fn joined(left: &str, right: &[u8], separator: &'static str) -> Result<String> {
    Ok(format!("{left}{separator}{}", right.len()))
}

#[tokio::test]
async fn references_may_borrow_from_the_caller() {
    let left = String::from("a");
    let right = vec![1, 2, 3];
    assert_eq!(joined(&left, &right, "-").await.unwrap(), "a-3");
}

#[derive(Clone, serde::Serialize)]
struct Page<'a> {
    text: &'a str,
}

#[component]
async fn shown<'a>(page: Page<'_>, first: &'a str, other: &'a str) -> Result<String> {
    Ok([page.text, first, other].concat())
}

#[tokio::test]
async fn lifetimes_may_be_hidden_or_named() {
    let text = String::from("x");
    assert_eq!(shown(Page { text: &text }, &text, "z").await.unwrap(), "xxz");
}

#[component]
async fn taken_apart(
    (left, right): (u32, u32),
    _: String,
    Range { start, end }: Range,
    [first, .., last]: [u32; 3],
    ref kept: String,
    whole @ (one, _): (u32, u32),
) -> Result<u32> {
    Ok(left + right + start + end + first + last + kept.len() as u32 + whole.1 + one)
}

#[derive(Clone, serde::Serialize)]
struct Range {
    start: u32,
    end: u32,
}

#[tokio::test]
async fn patterns_take_arguments_apart() {
    let range = Range { start: 3, end: 4 };
    let sum = taken_apart((1, 2), String::new(), range, [5, 0, 6], "seven77".to_owned(), (8, 9)).await;
    assert_eq!(sum.unwrap(), 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9);
}

#[component]
async fn counted(mut count: u32, #[allow(unused)] unused: u32) -> Result<u32> {
    count += 1;
    Ok(count)
}

#[tokio::test]
async fn an_argument_may_be_changed_by_the_body() {
    assert_eq!(counted(1, 2).await.unwrap(), 2);
}

#[component]
async fn marked(#[skip] scale: fn(u32) -> u32, #[secret] token: &str, n: u32) -> Result<u32> {
    Ok(scale(n) + token.len() as u32)
}

#[tokio::test]
async fn marked_arguments_reach_the_body() {
    assert_eq!(marked(|n| n * 10, "abc", 2).await.unwrap(), 23);
}

/// Says when the last copy of it is gone.
#[derive(Clone)]
struct Guard(#[expect(dead_code, reason = "only has to live")] Arc<Alarm>);

struct Alarm(Arc<AtomicBool>);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[component]
async fn guarded(#[skip] _guard: Guard, #[skip] _: Guard, #[skip] rung: Arc<AtomicBool>) -> Result<bool> {
    tokio::task::yield_now().await;
    Ok(rung.load(Ordering::SeqCst))
}

#[tokio::test]
async fn unused_arguments_live_as_long_as_the_body() {
    let rung = Arc::new(AtomicBool::new(false));
    let other = Arc::new(AtomicBool::new(false));
    let guard = Guard(Arc::new(Alarm(rung.clone())));
    let second = Guard(Arc::new(Alarm(other.clone())));
    assert!(!guarded(guard, second, rung.clone()).await.unwrap());
    assert!(rung.load(Ordering::SeqCst) && other.load(Ordering::SeqCst));
}

#[expect(clippy::needless_pass_by_value, reason = "a fallback owns what it receives")]
fn offline(error: gensx::Error, topic: String, token: String) -> String {
    assert!(!error.to_string().is_empty());
    format!("nothing on {topic} for {token}")
}

#[component(fallback = offline)]
async fn research(topic: String, #[skip] client: Option<u8>, #[secret] token: String) -> Result<String> {
    let found = client.ok_or_else(|| gensx::permanent("no client"))?;
    Ok(format!("{found} on {topic} for {token}"))
}

#[tokio::test]
async fn a_fallback_receives_the_error_and_the_inputs() {
    let found = research("rust".to_owned(), Some(3), "me".to_owned()).await;
    assert_eq!(found.unwrap(), "3 on rust for me");
    let found = research("rust".to_owned(), None, "me".to_owned()).await;
    assert_eq!(found.unwrap(), "nothing on rust for me");
}

#[component(retry(max_attempts = 3, initial = "1ms"))]
async fn attempted(mut tried: Vec<u8>, #[skip] rounds: Arc<AtomicBool>) -> Result<usize> {
    tried.push(0);
    if rounds.swap(true, Ordering::SeqCst) { Ok(tried.len()) } else { Err("not yet".into()) }
}

#[tokio::test]
async fn each_attempt_gets_fresh_arguments() {
    assert_eq!(attempted(Vec::new(), Arc::default()).await.unwrap(), 1);
}
