//! Edits of a half-done program, and exactly what runs again.

use std::sync::Arc;

use gensx::{Component, EventKind, prelude::*};

use crate::{
    backend::{BACKENDS, Place},
    support::{crash_on, gave, has, ran},
};

#[component]
async fn step(name: &str, n: u64) -> gensx::Result<u64> {
    ran(format!("{name} {n}"));
    Ok(n + 1)
}

#[component]
async fn item(n: u64) -> gensx::Result<u64> {
    ran(format!("item {n}"));
    Ok(n)
}

#[component]
async fn group(n: u64) -> gensx::Result<u64> {
    ran(format!("group {n}"));
    step("inner", 5).await
}

#[component(name = "group", version = 2)]
async fn group_version_2(n: u64) -> gensx::Result<u64> {
    ran(format!("group {n} again"));
    step("inner", 5).await
}

#[component]
async fn wrapper(n: u64) -> gensx::Result<u64> {
    ran("wrapper");
    step("a", n).await
}

async fn items(list: &[u64]) -> gensx::Result<u64> {
    let mut sum = 0;
    for n in list {
        sum += item(*n).await?;
    }
    Ok(sum)
}

/// The last call before the crash; it gives what nothing else gives.
#[component]
async fn mark(_: u64) -> gensx::Result<u64> {
    Ok(4_242)
}

#[component]
async fn end(n: u64) -> gensx::Result<u64> {
    ran("end");
    Ok(n)
}

#[component(name = "program")]
async fn original(start: u64) -> gensx::Result<u64> {
    let a = step("a", start).await?;
    step("b", a).await?;
    items(&[1, 2, 3]).await?;
    group(5).await?;
    mark(0).await?;
    end(0).await
}

#[component(name = "program")]
async fn inserted(start: u64) -> gensx::Result<u64> {
    let a = step("a", start).await?;
    step("new", 70).await?;
    step("b", a).await?;
    items(&[1, 2, 3]).await?;
    group(5).await?;
    mark(0).await?;
    end(0).await
}

#[component(name = "program")]
async fn removed(start: u64) -> gensx::Result<u64> {
    step("a", start).await?;
    items(&[1, 2, 3]).await?;
    group(5).await?;
    mark(0).await?;
    end(0).await
}

#[component(name = "program")]
async fn reordered(start: u64) -> gensx::Result<u64> {
    group(5).await?;
    items(&[3, 1, 2]).await?;
    let a = step("a", start).await?;
    step("b", a).await?;
    mark(0).await?;
    end(0).await
}

#[component(name = "program")]
async fn wrapped(start: u64) -> gensx::Result<u64> {
    let a = wrapper(start).await?;
    step("b", a).await?;
    items(&[1, 2, 3]).await?;
    group(5).await?;
    mark(0).await?;
    end(0).await
}

#[component(name = "program")]
async fn other_inputs(start: u64) -> gensx::Result<u64> {
    let a = step("a", start + 10).await?;
    step("b", a).await?;
    items(&[1, 2, 3]).await?;
    group(5).await?;
    mark(0).await?;
    end(0).await
}

#[component(name = "program")]
async fn version_raised(start: u64) -> gensx::Result<u64> {
    let a = step("a", start).await?;
    step("b", a).await?;
    items(&[1, 2, 3]).await?;
    group_version_2(5).await?;
    mark(0).await?;
    end(0).await
}

#[component(name = "program")]
async fn item_added(start: u64) -> gensx::Result<u64> {
    let a = step("a", start).await?;
    step("b", a).await?;
    items(&[1, 9, 2, 3]).await?;
    group(5).await?;
    mark(0).await?;
    end(0).await
}

#[component(name = "program")]
async fn parents_inputs(start: u64) -> gensx::Result<u64> {
    let a = step("a", start).await?;
    step("b", a).await?;
    items(&[1, 2, 3]).await?;
    group(6).await?;
    mark(0).await?;
    end(0).await
}

/// Crashes the original after its mark, resumes it with the edited program, and compares what ran.
async fn edit<W>(place: &Place, name: &str, edited: &W, again: &[&str], diverges: &[&str])
where
    W: Component<u64, Output = u64>,
{
    let (crashed, before) = crash_on(Arc::clone(&place.sink), &original, 1, gave("4242")).await;
    assert_eq!(before, ["a 1", "b 2", "item 1", "item 2", "item 3", "group 5", "inner 5"], "{name}");
    let (output, after) = crashed.resume(edited).await;
    assert_eq!(output.unwrap(), 0, "{name}");
    let mut expected: Vec<String> = again.iter().map(ToString::to_string).collect();
    expected.push("end".to_owned());
    assert_eq!(after, expected, "{name}");
    let events = crashed.events().await;
    for component in diverges {
        let noted =
            |kind: &EventKind| matches!(kind, EventKind::Divergence { name, .. } if name == component);
        assert!(has(&events, noted), "{name}: the stream notes that `{component}` diverges");
    }
    let any = has(&events, |kind| matches!(kind, EventKind::Divergence { .. }));
    assert_eq!(any, !diverges.is_empty(), "{name}");
}

#[tokio::test]
async fn an_edit_runs_again_exactly_what_it_changed() {
    for backend in BACKENDS {
        println!("on {}", backend.name);
        edits(&backend.place().await).await;
    }
}

async fn edits(place: &Place) {
    edit(place, "nothing changed", &original, &[], &[]).await;
    edit(place, "step inserted", &inserted, &["new 70"], &["step"]).await;
    edit(place, "step removed", &removed, &[], &[]).await;
    edit(place, "steps reordered", &reordered, &[], &[]).await;
    edit(place, "wrapped in a new parent", &wrapped, &["wrapper", "a 1"], &[]).await;
    edit(place, "given other inputs", &other_inputs, &["a 11", "b 12"], &["step"]).await;
    edit(place, "version raised", &version_raised, &["group 5 again"], &[]).await;
    edit(place, "list item added in the middle", &item_added, &["item 9"], &["item"]).await;
    edit(place, "parent's inputs changed", &parents_inputs, &["group 6", "inner 5"], &["group"]).await;
}
