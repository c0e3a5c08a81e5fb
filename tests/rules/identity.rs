use gensx::{ErrorKind, EventKind, KeyChange, prelude::*};

use crate::support::{crash, gave, has, ran};

#[component]
async fn double(n: u64) -> gensx::Result<u64> {
    ran(format!("double {n}"));
    Ok(n * 2)
}

#[component]
async fn nested(n: u64) -> gensx::Result<u64> {
    ran(format!("nested {n}"));
    double(n).await
}

#[component]
async fn two_levels(n: u64) -> gensx::Result<u64> {
    let first = nested(n).await?;
    Ok(first + double(n + 100).await?)
}

#[tokio::test]
async fn rule_1_recorded_is_done() {
    let (crashed, before) = crash(&two_levels, 1, gave("202")).await;
    assert_eq!(before, ["nested 1", "double 1", "double 101"]);
    let (output, after) = crashed.resume(&two_levels).await;
    assert_eq!(output.unwrap(), 204);
    assert_eq!(after, [""; 0], "nothing that is recorded runs again, nor what is below it");
}

#[component]
async fn nth(n: u64) -> gensx::Result<String> {
    ran(format!("nth {n}"));
    Ok(gensx::idempotency_key().unwrap_or_default())
}

#[component]
async fn multiset(_: u64) -> gensx::Result<Vec<String>> {
    let dropped = nth(7);
    drop(dropped);
    let (a, b) = (nth(7), nth(7));
    let (b, a) = (b.await?, a.await?);
    double(0).await?;
    Ok(vec![a, b, nth(7).await?])
}

#[tokio::test]
async fn rule_2_occurrence() {
    let (crashed, before) = crash(&multiset, 0, gave("0")).await;
    assert_eq!(before, ["nth 7", "nth 7", "double 0"]);
    let (output, after) = crashed.resume(&multiset).await;
    let keys = output.unwrap();
    assert_eq!(after, ["nth 7"], "two of three identical calls are recorded");
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), 3, "each is a call of its own");
    let whole = Runtime::in_memory().run(&multiset, 0).await.unwrap();
    assert_eq!(whole.len(), 3);
}

#[component]
async fn keyed(twice: bool) -> gensx::Result<u64> {
    let first = double(1).key("a").await?;
    if twice {
        return double(2).key("a").await;
    }
    Ok(first)
}

static EDITED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

#[component]
async fn keyed_edit(policy: String) -> gensx::Result<u64> {
    let n = if policy == "rerun" {
        EDITED.load(std::sync::atomic::Ordering::SeqCst)
    } else {
        EDITED_FOR_OTHERS.get()
    };
    let policy = match policy.as_str() {
        "rerun" => KeyChange::Rerun,
        "keep" => KeyChange::Keep,
        _ => KeyChange::Fail,
    };
    let known = double(n).key("the one").on_change(policy).await?;
    Ok(known + double(1000).await?)
}

/// The edit of the program between two lives.
struct Edit(std::sync::atomic::AtomicU64);

impl Edit {
    fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

static EDITED_FOR_OTHERS: Edit = Edit(std::sync::atomic::AtomicU64::new(1));

#[tokio::test]
async fn rule_3_key() {
    let error = Runtime::in_memory().run(&keyed, true).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().downcast_ref::<gensx::Error>().unwrap();
    assert_eq!(cause.kind(), ErrorKind::Key, "{error:#}");
    assert_eq!(Runtime::in_memory().run(&keyed, false).await.unwrap(), 2);

    let (rerun, _) = crash(&keyed_edit, "rerun".to_owned(), gave("2")).await;
    EDITED.store(5, std::sync::atomic::Ordering::SeqCst);
    let (output, after) = rerun.resume(&keyed_edit).await;
    assert_eq!((output.unwrap(), after), (2010, vec!["double 5".to_owned(), "double 1000".to_owned()]));

    let (keep, _) = crash(&keyed_edit, "keep".to_owned(), gave("2")).await;
    let (fail, _) = crash(&keyed_edit, "fail".to_owned(), gave("2")).await;
    EDITED_FOR_OTHERS.0.store(5, std::sync::atomic::Ordering::SeqCst);
    let (output, after) = keep.resume(&keyed_edit).await;
    assert_eq!((output.unwrap(), after), (2002, vec!["double 1000".to_owned()]));
    let (output, after) = fail.resume(&keyed_edit).await;
    assert!(format!("{:#}", output.unwrap_err()).contains("was recorded with other inputs"));
    assert_eq!(after, [""; 0]);
}

mod first {
    use super::*;

    #[component(version = 1)]
    pub async fn versioned(n: u64) -> gensx::Result<u64> {
        ran("first version");
        double(n).await
    }

    #[component(name = "program")]
    pub async fn program(n: u64) -> gensx::Result<u64> {
        Ok(versioned(n).await? + double(500).await?)
    }
}

mod second {
    use super::*;

    #[component(version = 2)]
    pub async fn versioned(n: u64) -> gensx::Result<u64> {
        ran("second version");
        Ok(double(n).await? + 1)
    }

    #[component(name = "program")]
    pub async fn program(n: u64) -> gensx::Result<u64> {
        Ok(versioned(n).await? + double(500).await?)
    }
}

#[tokio::test]
async fn rule_4_version() {
    let (crashed, _) = crash(&first::program, 3, gave("1000")).await;
    let (output, after) = crashed.resume(&second::program).await;
    assert_eq!(output.unwrap(), 1007);
    assert_eq!(after, ["second version"], "its own outcome is not reused, and what is below it is");
}

#[component(name = "varies")]
async fn varies(_: u64) -> gensx::Result<(u64, String)> {
    let drawn = gensx::random().await?;
    let id = gensx::uuid().await?;
    let at = gensx::now().await?;
    double(77).await?;
    Ok((drawn, format!("{id} {at:?}")))
}

#[component(name = "varies")]
async fn varies_edited(_: u64) -> gensx::Result<(u64, String)> {
    double(78).await?;
    Ok((0, String::new()))
}

#[tokio::test]
async fn rule_5_what_may_vary_goes_through_a_call() {
    let (crashed, _) = crash(&varies, 0, gave("154")).await;
    let recorded: Vec<String> = {
        let sink = gensx::EventSink::read(&*crashed.sink, &crashed.id, 0, 100).await.unwrap();
        sink.iter().map(|entry| String::from_utf8_lossy(&entry.payload).into_owned()).collect()
    };
    let (output, _) = crashed.resume(&varies).await;
    let (drawn, rest) = output.unwrap();
    assert!(
        recorded.iter().any(|event| event.contains(&drawn.to_string())),
        "the number that was drawn before"
    );
    let id = rest.split(' ').next().unwrap();
    assert!(recorded.iter().any(|event| event.contains(id)));

    let (crashed, _) = crash(&varies, 0, gave("154")).await;
    let (_, after) = crashed.resume(&varies_edited).await;
    assert_eq!(after, ["double 78"]);
    let noted = |kind: &EventKind| matches!(kind, EventKind::Divergence { name, changed, .. } if name == "double" && changed == &["n"]);
    assert!(has(&crashed.events().await, noted));
}

#[component(retry(max_attempts = 2, initial = "1ms"))]
async fn charged(amount: u64) -> gensx::Result<u64> {
    ran(gensx::idempotency_key().unwrap());
    if gensx::current().unwrap().attempt == 1 {
        return Err("the connection broke".into());
    }
    Ok(amount)
}

#[component]
async fn charges(_: u64) -> gensx::Result<u64> {
    Ok(charged(1).await? + charged(2).await?)
}

#[tokio::test]
async fn rule_11_idempotency_key() {
    let retried = |event: &gensx::Event| matches!(event.kind, EventKind::Retried { .. });
    let (crashed, before) = crash(&charges, 0, retried).await;
    let (output, after) = crashed.resume(&charges).await;
    assert_eq!(output.unwrap(), 3);
    assert_eq!(before.len(), 1);
    assert_eq!(after.len(), 3, "the second attempt of the first, and both of the second");
    assert_eq!(before[0], after[0], "the same for every attempt and replay");
    assert_ne!(after[0], after[1], "another for other inputs");
    assert_eq!(after[1], after[2]);
    let events = crashed.events().await;
    assert!(
        !has(&events, |kind| matches!(kind, EventKind::Divergence { .. })),
        "an unchanged program does not diverge"
    );
}
