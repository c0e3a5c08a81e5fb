//! What each combinator does when all goes well.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use gensx::{prelude::*, workflow::DEFAULT_CONCURRENCY};

use crate::{
    bodies::{endless, held, length, line, open, refuse, upper, words},
    support::{both, ended, names, started},
};

#[tokio::test]
async fn then_gives_the_output_on() {
    let workflow = Workflow::new("shout", words).then(line).then(upper);
    let (output, events) = both(&workflow, "a  b".to_owned()).await;
    assert_eq!(output.unwrap(), "A B");
    assert_eq!(names(&started(&events)), ["words", "line", "upper"]);
}

#[tokio::test]
async fn map_changes_a_value_and_records_nothing() {
    let workflow = Workflow::new("count", words).map(|words| words.len()).map(|count| count + 1);
    let (output, events) = both(&workflow, "a b c".to_owned()).await;
    assert_eq!(output.unwrap(), 4);
    assert_eq!(names(&started(&events)), ["words"]);
}

#[tokio::test]
async fn for_each_gives_outputs_in_the_order_of_the_items() {
    // The items end in the opposite order: each opens the door of the one before.
    #[component]
    async fn chained(item: u32) -> gensx::Result<u32> {
        if item < 5 {
            held(format!("for_each order {item}")).await?;
        }
        open(&format!("for_each order {}", item.wrapping_sub(1)));
        Ok(item * 10)
    }
    #[component]
    async fn numbers(upto: u32) -> gensx::Result<Vec<u32>> {
        Ok((0..=upto).collect())
    }
    let workflow = Workflow::new("list", numbers).for_each(chained).concurrency(6);
    let output = Runtime::in_memory().run(&workflow, 5).await.unwrap();
    assert_eq!(output, [0, 10, 20, 30, 40, 50]);
}

#[tokio::test]
async fn for_each_of_nothing_is_nothing() {
    let (output, events) = both(&Workflow::new("list", words).for_each(upper), String::new()).await;
    assert_eq!(output.unwrap(), Vec::<String>::new());
    assert_eq!(names(&started(&events)), ["words"]);
}

/// Runs a list of a hundred items and gives the most that were built and not done at any time.
async fn most_at_once(limit: Option<usize>) -> usize {
    #[component]
    async fn hundred(_seed: u32) -> gensx::Result<Vec<u32>> {
        Ok((0..100).collect())
    }
    #[component]
    async fn item(number: u32) -> gensx::Result<u32> {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        Ok(number)
    }
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        move |number: u32| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let now = Arc::clone(&now);
            item(number).ensure(move |_| now.fetch_sub(1, Ordering::SeqCst) > 0)
        }
    };
    let workflow = Workflow::new("list", hundred).for_each(counted);
    let workflow = match limit {
        Some(limit) => workflow.concurrency(limit),
        None => workflow,
    };
    assert_eq!(Runtime::in_memory().run(&workflow, 0).await.unwrap(), (0..100).collect::<Vec<_>>());
    most.load(Ordering::SeqCst)
}

#[tokio::test]
async fn for_each_builds_no_more_calls_than_may_be_in_work() {
    assert_eq!(most_at_once(Some(4)).await, 4);
    assert_eq!(most_at_once(Some(0)).await, 1);
    assert_eq!(most_at_once(None).await, DEFAULT_CONCURRENCY.get());
}

#[tokio::test]
async fn join_gives_the_input_to_all_and_their_outputs_as_a_tuple() {
    let workflow = Workflow::new("both", upper).join((length, upper, |text: String| words(text)));
    let (output, events) = both(&workflow, "a b".to_owned()).await;
    assert_eq!(output.unwrap(), (3, "A B".to_owned(), vec!["A".to_owned(), "B".to_owned()]));
    assert_eq!(names(&started(&events)), ["upper", "length", "upper", "words"]);
}

#[tokio::test]
async fn join_of_six_runs_all_at_once() {
    // Each waits for the next one: they can only end if all of them run.
    let link = |at: u32| {
        move |_: String| {
            if at == 5 {
                open("join of six 5");
            }
            held(format!("join of six {at}")).ensure(move |_| {
                open(&format!("join of six {}", at.wrapping_sub(1)));
                true
            })
        }
    };
    let workflow = Workflow::new("six", upper).join((link(0), link(1), link(2), link(3), link(4), link(5)));
    let output = Runtime::in_memory().run(&workflow, String::new()).await.unwrap();
    assert_eq!((output.0.as_str(), output.5.as_str()), ("join of six 0", "join of six 5"));
}

#[tokio::test]
async fn branch_builds_only_the_chosen_call() {
    let workflow = Workflow::new("choose", upper).branch(|text| text.len() > 3, upper, refuse);
    let (output, events) = both(&workflow, "long enough".to_owned()).await;
    assert_eq!(output.unwrap(), "LONG ENOUGH");
    assert_eq!(names(&started(&events)), ["upper", "upper"]);
    let (output, events) = both(&workflow, "no".to_owned()).await;
    assert_eq!(output.unwrap_err().code(), Some("refused"));
    assert_eq!(names(&started(&events)), ["upper", "refuse"]);
}

#[tokio::test]
async fn race_takes_the_first_success_and_cancels_the_losers() {
    let workflow = Workflow::new("race", upper).race((endless, refuse, upper));
    let (output, events) = both(&workflow, "fast".to_owned()).await;
    assert_eq!(output.unwrap(), "FAST");
    let ended: Vec<_> = ended(&events).into_iter().skip(1).collect();
    let expected = [("refuse", "failed"), ("upper", "output"), ("endless", "cancelled")];
    assert_eq!(ended, expected.map(|(name, how)| (name.to_owned(), how)));
}

#[tokio::test]
async fn race_takes_a_list_of_components_of_one_type() {
    let racers = vec![Workflow::new("first", endless).finish(), Workflow::new("second", upper).finish()];
    let (output, events) = both(&Workflow::new("race", upper).race(racers), "x".to_owned()).await;
    assert_eq!(output.unwrap(), "X");
    assert!(ended(&events).contains(&("first".to_owned(), "cancelled")));
}

#[tokio::test]
async fn a_workflow_is_a_component_of_another() {
    let inner = Workflow::new("inner", words).for_each(upper);
    let outer = Workflow::new("outer", upper).then(inner).then(line);
    let (output, events) = both(&outer, "a b".to_owned()).await;
    assert_eq!(output.unwrap(), "A B");
    let calls = started(&events);
    assert_eq!(names(&calls), ["upper", "inner", "words", "upper", "upper", "line"]);
    assert!(calls[2..5].iter().all(|call| call.parent == calls[1].id));
    assert_eq!(calls[5].parent, calls[0].parent);
}

#[tokio::test]
async fn finish_gives_a_type_that_can_be_named_and_goes_on() {
    fn shout() -> Workflow<String, String> {
        Workflow::new("shout", words).then(line).finish()
    }
    let (output, events) = both(&shout().then(upper).named("loud"), "a b".to_owned()).await;
    assert_eq!(output.unwrap(), "A B");
    assert_eq!(started(&events)[2].label.as_deref(), Some("loud"));
    assert_eq!(shout().then(upper).plan().stages.len(), 3);
}
