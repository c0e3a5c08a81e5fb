//! One attempt of a body: inside its scope, within its time, its panics caught.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, select};

use super::{Body, BodyFuture, Failure};
use crate::{Error, ErrorKind, Fate, clock::Clock, run::node::Node, run::scope};

/// Runs the body once, for at most `timeout`.
pub(super) async fn bounded<T>(
    body: &mut Body<'_, T>,
    node: Option<&Arc<Node>>,
    timeout: Option<Duration>,
    clock: &dyn Clock,
) -> Result<T, Failure> {
    // A body may build calls before its future is polled: they are its children too.
    let mut begin = || catch_unwind(AssertUnwindSafe(&mut *body));
    let begun = match node {
        Some(node) => scope::enter(node, begin),
        None => begin(),
    };
    let future = begun.map_err(|panic| panicked("", &*panic))?;
    let guarded = Guarded { future: Some(future), node };
    let Some(timeout) = timeout else { return guarded.await };
    match select(guarded, clock.sleep(timeout)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => {
            let text = format!("an attempt took longer than its timeout of {timeout:?}");
            Err(Error::of(ErrorKind::Timeout, text).into())
        }
    }
}

struct Guarded<'a, 'n, T> {
    future: Option<BodyFuture<'a, T>>,
    node: Option<&'n Arc<Node>>,
}

impl<T> Future for Guarded<'_, '_, T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.node.is_some_and(|node| node.run.outbox.holds(cx.waker())) {
            return Poll::Pending;
        }
        let node = self.node;
        let Some(future) = self.future.as_mut() else { return Poll::Pending };
        let mut poll = || catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let polled = match node {
            Some(node) => scope::enter(node, &mut poll),
            None => poll(),
        };
        let polled = polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked("", &*panic))));
        let poisoned = node.and_then(|node| node.take_poison()).map(|error| Poll::Ready(Err(error.into())));
        let polled = poisoned.unwrap_or(polled);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

/// Runs code of the application that belongs to a call and is not its body. `what` is a part of it, as users know it.
pub(super) fn guarded<T>(what: &str, code: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| panicked(&format!(" in {what}"), &*panic))
}

fn panicked(place: &str, panic: &(dyn Any + Send)) -> Failure {
    let said =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = format!("panicked{place}: {}", said.unwrap_or("with a value that is no text"));
    Error::of(ErrorKind::Panic, text).with_fate(Fate::Permanent).into()
}
