//! Stages add nothing to the identity of the calls that they build.

use gensx::{Component, prelude::*};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    bodies::{apologise, length, line, refuse, upper, words},
    support::{Told, started},
};

/// The calls of a run under one id, by their order of identity.
async fn calls_of<W: Component<String>>(workflow: &W) -> Vec<Told>
where
    W::Output: Serialize + DeserializeOwned + Send + 'static,
{
    let id = "same".parse::<RunId>().unwrap();
    let run = Runtime::in_memory().start_with_id(workflow, id, "one two one".to_owned()).await.unwrap();
    run.output().await.unwrap();
    let mut calls = started(&run.events().collect().await.unwrap());
    calls.sort();
    calls
}

#[component(name = "blog")]
async fn plain(text: String) -> gensx::Result<(usize, String)> {
    let list = words(text.clone()).await?;
    let mut big = Vec::new();
    for word in list {
        big.push(upper(word).await?);
    }
    let text = match refuse(line(big).await?).await {
        Ok(text) => text,
        Err(error) => apologise(text, error.code().unwrap_or_default().to_owned()).await?,
    };
    let (length, upper) = tokio::try_join!(length(text.clone()), upper(text))?;
    Ok((length, upper))
}

#[tokio::test]
async fn a_workflow_and_plain_code_give_the_same_identities() {
    let stages = Workflow::new("blog", words)
        .for_each(upper)
        .concurrency(2)
        .then(line)
        .then(refuse)
        .catch(|error, text: String| apologise(text, error.code().unwrap_or_default().to_owned()))
        .join((length, upper));
    let calls = calls_of(&stages).await;
    assert_eq!(calls.len(), 9);
    assert_eq!(calls, calls_of(&plain).await);
}

#[tokio::test]
async fn a_map_or_a_name_changes_no_identity() {
    let bare = calls_of(&Workflow::new("w", words).for_each(upper).then(line)).await;
    let dressed = Workflow::new("w", words)
        .named("Cut")
        .map(|words| words)
        .named("Nothing")
        .for_each(upper)
        .concurrency(1)
        .map(|words| words)
        .then(line)
        .named("Glue");
    let mut dressed = calls_of(&dressed).await;
    assert!(dressed.iter().any(|call| call.label.as_deref() == Some("Glue")));
    dressed.iter_mut().for_each(|call| call.label = None);
    assert_eq!(bare, dressed);
}

#[tokio::test]
async fn the_bound_of_a_list_changes_no_identity() {
    let with = |items| Workflow::new("w", words).for_each(upper).concurrency(items);
    let one = calls_of(&with(1)).await;
    assert_eq!(one.len(), 4);
    assert_eq!(one, calls_of(&with(2)).await);
    assert_eq!(one, calls_of(&with(3)).await);
}

#[tokio::test]
async fn a_label_of_the_call_wins_over_the_stages() {
    let own = |word: String| upper(word.clone()).label(word);
    let calls = calls_of(&Workflow::new("w", words).for_each(own).named("Words")).await;
    let mut labels: Vec<_> = calls.iter().filter_map(|call| call.label.as_deref()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["one", "one", "two"]);
}
