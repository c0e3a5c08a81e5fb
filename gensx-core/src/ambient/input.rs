use std::time::Duration;

use futures_util::future::{Either, select};
use serde::de::DeserializeOwned;

use crate::{
    Error, ErrorKind, Result,
    call::{Leaf, Next},
    event::{EventKind, Json},
    identity::{Fingerprint, Marker},
    run::{ledger::Known, rest::Rest},
    sink::Message,
};

/// Waits for a message from outside: `runtime.send(run, name, value)`.
///
/// - A message that came **early** is kept and given to the first call that asks for its name.
/// - A **repeated** one, with the same id, is one message; others of the same name are given one to each call.
/// - One that comes **late**, after the deadline, is kept for the next call that asks for its name; after the run's
///   end the sender gets an error.
/// - `false`, `0`, `""` and `null` are values like any other.
/// - One of the **wrong type** is recorded as rejected, and the wait goes on.
///
/// The deadline is recorded when the wait begins: a resumed run waits only for what is left.
///
/// Cancel safe: dropped, it takes no message.
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example() -> gensx::Result<()> {
/// use std::time::Duration;
///
/// let approved: bool = gensx::input("approval", Duration::from_secs(3600)).await?;
/// let comment: String = gensx::input("comment", None).await?; // however long it takes
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Timeout`] at the deadline, [`ErrorKind::Config`] outside a run.
pub fn input<T: DeserializeOwned>(
    name: &str,
    deadline: impl Into<Option<Duration>>,
) -> impl Future<Output = Result<T>> + Send {
    let (name, deadline) = (name.to_owned(), deadline.into());
    let leaf = Leaf::build("gensx.input", &Marker::Inputs(Fingerprint::of(name.as_bytes())));
    Leaf::attended(leaf, move |mut leaf| async move {
        let json = wait::<T>(&mut leaf, &name, deadline).await?;
        serde_json::from_str(json.get()).map_err(|error| {
            let text = format!("the recorded input `{name}` is no `{}`", std::any::type_name::<T>());
            Error::of(ErrorKind::Replay, text).with_source(error)
        })
    })
}

// What comes before and after the wait has boxes of its own: while the run waits, maybe for days, it holds no room for it.
async fn wait<T: DeserializeOwned>(leaf: &mut Leaf, name: &str, deadline: Option<Duration>) -> Result<Json> {
    let due_ms = match Box::pin(begin(leaf, name, deadline)).await? {
        Begun::Known(json) => return Ok(json),
        Begun::Waits { due_ms } => due_ms,
    };
    let resting = leaf.rest(Rest::for_message(due_ms));
    let arrival = Box::pin(next_of::<T>(leaf, name));
    let message = match due_ms {
        None => Some(arrival.await),
        Some(due_ms) => {
            let left = leaf.run().remaining(due_ms, deadline.unwrap_or(Duration::MAX));
            let sleep = leaf.run().config.clock.sleep(left);
            match select(arrival, sleep).await {
                Either::Left((message, _)) => Some(message),
                Either::Right(_) => None,
            }
        }
    };
    drop(resting);
    Box::pin(end(leaf, message, name, deadline)).await
}

enum Begun {
    Known(Json),
    Waits { due_ms: Option<u64> },
}

/// Says that the run waits, where that is not recorded yet, and reads what has arrived.
async fn begin(leaf: &mut Leaf, name: &str, deadline: Option<Duration>) -> Result<Begun> {
    let limit = leaf.run().config.limits.event_bytes;
    if name.len() > limit {
        let text = format!("the name of an input has {} bytes, the limit of an event is {limit}", name.len());
        return Err(Error::of(ErrorKind::Limit, text));
    }
    let due_ms = match leaf.next().await? {
        Next::Known(json) => return json.map(Begun::Known),
        Next::Begin { whole_ms: Some(_), due_ms } => due_ms.filter(|due| *due != u64::MAX),
        Next::Begin { whole_ms: None, .. } => request(leaf, name, deadline)?,
    };
    leaf.run().mail.pull_or_warn(leaf.run()).await;
    Ok(Begun::Waits { due_ms })
}

/// Records what came of the wait.
async fn end(
    leaf: &mut Leaf,
    message: Option<(Message, Json)>,
    name: &str,
    deadline: Option<Duration>,
) -> Result<Json> {
    match message {
        Some((message, data)) => receive(leaf, message, &data).await.map(|()| data),
        None => {
            let text =
                format!("no message came for input `{name}` within {:?}", deadline.unwrap_or_default());
            Err(leaf.fail(Error::of(ErrorKind::Timeout, text)).await)
        }
    }
}

/// Records that the run waits; readers see it at once.
fn request(leaf: &mut Leaf, name: &str, deadline: Option<Duration>) -> Result<Option<u64>> {
    let ms = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let due_ms = deadline.map(|wait| leaf.run().store_now_ms().saturating_add(ms(wait)));
    let parent = leaf.parent().id;
    leaf.begin(EventKind::InputRequested { name: name.to_owned(), parent, due_ms })?;
    Ok(due_ms)
}

/// Records that the message was taken; one that cannot be is given back.
async fn receive(leaf: &mut Leaf, message: Message, data: &Json) -> Result<()> {
    let kind =
        EventKind::InputReceived { name: message.name.clone(), message: message.number, data: data.clone() };
    let run = std::sync::Arc::clone(leaf.run());
    let taken = leaf.end(kind, Known::value(data.clone())).await;
    if taken.is_err() {
        run.mail.give_back(message);
    }
    taken
}

/// The next message that decodes.
async fn next_of<T: DeserializeOwned>(leaf: &Leaf, name: &str) -> (Message, Json) {
    loop {
        let message = leaf.run().mail.next(name).await;
        let reason = match serde_json::from_str::<T>(&message.body) {
            Ok(_) => match serde_json::value::RawValue::from_string(message.body.clone()) {
                Ok(data) => return (message, data),
                Err(error) => error.to_string(),
            },
            Err(error) => format!("it is no `{}`: {error}", std::any::type_name::<T>()),
        };
        let kind = EventKind::InputRejected { name: name.to_owned(), message: message.number, reason };
        if leaf.note(kind).is_err() {
            leaf.run().mail.give_back(message);
        }
    }
}
