//! The body: what it returns, and what it can see.

use std::error::Error;
use std::fmt;

use gensx::{Result, component};

#[component]
async fn parsed(text: &str) -> Result<u32, Box<dyn Error + Send + Sync>> {
    if text.is_empty() {
        return Err("nothing to read".into());
    }
    let number: u32 = text.parse()?;
    if number == 13 { Err(Box::new(Unlucky)) } else { Ok(number) }
}

#[derive(Debug)]
struct Unlucky;

impl fmt::Display for Unlucky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unlucky")
    }
}

impl Error for Unlucky {}

#[tokio::test]
async fn errors_are_converted_as_in_any_function() {
    assert_eq!(parsed("7").await.unwrap(), 7);
    for text in ["", "x", "13"] {
        parsed(text).await.unwrap_err();
    }
}

type Answer<T> = std::result::Result<T, std::io::Error>;

#[component]
async fn aliased() -> Answer<u32> {
    Ok(1)
}

#[tokio::test]
async fn the_return_type_may_be_any_alias_of_a_result() {
    assert_eq!(aliased().await.unwrap(), 1);
}

#[component]
async fn diverging(text: String) -> Result<u32> {
    loop {
        if !text.is_empty() {
            break Ok(1);
        }
    }
}

#[tokio::test]
async fn a_body_may_end_in_any_expression() {
    assert_eq!(diverging("x".to_owned()).await.unwrap(), 1);
}

#[expect(non_upper_case_globals, reason = "the names that the expansion uses for its own variables")]
mod names {
    pub(super) const spec: u32 = 1;
    pub(super) const inputs: u32 = 2;
    pub(super) const i: u32 = 3;
    pub(super) const arg1: u32 = 4;
}

#[component]
async fn sees_its_own(arg0: u32, (x, y): (u32, u32)) -> Result<u32> {
    use names::{arg1, i, inputs, spec};
    Ok(arg0 + x + y + spec + inputs + i + arg1)
}

#[tokio::test]
async fn the_macro_hides_no_name_of_the_user() {
    assert_eq!(sees_its_own(10, (20, 30)).await.unwrap(), 70);
}

#[component]
async fn outer() -> Result<u32> {
    #[component]
    async fn inner(n: u32) -> Result<u32> {
        Ok(n + 1)
    }
    Ok(inner(1).await? + inner(2).await?)
}

#[tokio::test]
async fn components_may_be_declared_and_called_in_a_body() {
    assert_eq!(outer().await.unwrap(), 5);
}

#[component]
async fn with_inner_attributes(n: u8) -> Result<u32> {
    #![allow(clippy::cast_lossless)]
    Ok(n as u32)
}

#[tokio::test]
async fn attributes_inside_the_body_are_kept() {
    assert_eq!(with_inner_attributes(3).await.unwrap(), 3);
}
