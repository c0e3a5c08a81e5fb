//! Generic components.

use std::fmt::Display;

use gensx::{Result, component};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[component]
async fn sized<T, const N: usize>(value: &T, _many: Vec<[u8; N]>) -> Result<String>
where
    T: Display + Serialize + Sync,
    [u8; N]: Serialize,
{
    Ok(format!("{value:N$}"))
}

#[tokio::test]
async fn type_arguments_can_be_inferred_and_written() {
    assert_eq!(sized(&1, vec![[0; 3]]).await.unwrap(), "  1");
    assert_eq!(sized::<u8, 2>(&7, Vec::new()).await.unwrap(), " 7");
}

#[component]
async fn same<T: Clone + Send + Serialize + DeserializeOwned + 'static>(value: T) -> Result<T> {
    Ok(value)
}

#[tokio::test]
async fn a_call_with_owned_generic_arguments_can_be_spawned() {
    assert_eq!(tokio::spawn(same(vec![1])).await.unwrap().unwrap(), [1]);
}

#[component]
async fn shown(
    first: impl Display + Serialize + Clone + Send,
    second: &(impl Display + Serialize + Sync),
    third: &impl Length,
) -> Result<String> {
    Ok(format!("{first} {second} {}", third.length()))
}

trait Length: Serialize + Sync {
    fn length(&self) -> usize;
}

impl Length for String {
    fn length(&self) -> usize {
        self.len()
    }
}

#[tokio::test]
async fn arguments_may_be_impl_traits() {
    let text = String::from("abc");
    assert_eq!(shown(1, &2.5, &text).await.unwrap(), "1 2.5 3");
}

#[component]
async fn called(
    #[skip] plain: fn(&str) -> &str,
    #[skip] object: &(dyn Fn(&str) -> String + Sync),
    #[skip] generic: impl for<'a> Fn(&'a str) -> &'a str + Clone + Send,
) -> Result<String> {
    Ok([plain("a "), &object("b"), generic(" c")].concat())
}

#[tokio::test]
async fn functions_as_arguments_keep_lifetimes_of_their_own() {
    let suffix = String::from("!");
    let object = |text: &str| format!("{text}{suffix}");
    assert_eq!(called(str::trim, &object, str::trim).await.unwrap(), "ab!c");
}
