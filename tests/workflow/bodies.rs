//! The components that the workflows of these tests are made of.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use gensx::prelude::*;
use tokio::sync::Semaphore;

#[component]
pub(crate) async fn words(text: String) -> gensx::Result<Vec<String>> {
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

#[component]
pub(crate) async fn upper(text: String) -> gensx::Result<String> {
    Ok(text.to_uppercase())
}

#[component]
pub(crate) async fn length(text: String) -> gensx::Result<usize> {
    Ok(text.len())
}

#[component]
pub(crate) async fn line(words: Vec<String>) -> gensx::Result<String> {
    Ok(words.join(" "))
}

/// Fails with the code `refused`.
#[component]
pub(crate) async fn refuse(text: String) -> gensx::Result<String> {
    Err(Error::msg(format!("refused {text}")).with_code("refused"))
}

#[component]
pub(crate) async fn panics(text: String) -> gensx::Result<String> {
    panic!("cannot bear {text}");
}

#[component]
pub(crate) async fn endless(_text: String) -> gensx::Result<String> {
    std::future::pending().await
}

/// Answers when the door of its text is open.
#[component]
pub(crate) async fn held(text: String) -> gensx::Result<String> {
    drop(door(&text).acquire().await);
    Ok(text)
}

/// As [`held`], and then fails.
#[component]
pub(crate) async fn held_and_refused(text: String) -> gensx::Result<String> {
    drop(door(&text).acquire().await);
    Err(Error::msg("refused behind the door").with_code("late"))
}

#[component]
pub(crate) async fn apologise(topic: String, code: String) -> gensx::Result<String> {
    Ok(format!("sorry about {topic}: {code}"))
}

static DOORS: LazyLock<Mutex<HashMap<String, Arc<Semaphore>>>> = LazyLock::new(Mutex::default);

pub(crate) fn door(name: &str) -> Arc<Semaphore> {
    let mut doors = DOORS.lock().unwrap();
    Arc::clone(doors.entry(name.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(0))))
}

/// Lets everything through that waits, or will wait, at the door. Each test has doors of its own.
pub(crate) fn open(name: &str) {
    door(name).add_permits(1_000);
}
