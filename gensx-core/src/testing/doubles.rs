//! What stands in for components' bodies.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{Happened, which::Name};
use crate::{
    CallId, Error, ErrorKind, Fate, Result, call::Seen, clock::BoxFuture, component::to_json, event::Json,
};

/// A call's recorded inputs, by name. What is `#[skip]`ped is not among them, and of a `#[secret]` only the word
/// `[secret]`.
#[derive(Clone, Debug)]
pub struct Inputs {
    component: String,
    by_name: BTreeMap<String, Box<RawValue>>,
}

impl Inputs {
    fn of(call: &Seen<'_>) -> Result<Self> {
        let json = call.inputs.map_or("{}", |json| json.get());
        let by_name = serde_json::from_str(json).map_err(Error::new)?;
        Ok(Self { component: call.name.to_owned(), by_name })
    }

    /// The input called `name`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], permanent, if there is none of that name, or it is no `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let Some(json) = self.by_name.get(name) else {
            let names: Vec<_> = self.by_name.keys().map(String::as_str).collect();
            let text = format!(
                "`{}` has no recorded input `{name}`; it has: {}",
                self.component,
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            );
            return Err(misused(text));
        };
        self.decode(name, json)
    }

    /// The only input.
    fn only<T: DeserializeOwned>(&self) -> Result<T> {
        let mut all = self.by_name.iter();
        match (all.next(), all.next()) {
            (Some((name, json)), None) => self.decode(name, json),
            _ => {
                let text = format!(
                    "the input of `{}` is not recorded: it is skipped, or larger than the limit `recorded_input_bytes`",
                    self.component
                );
                Err(misused(text))
            }
        }
    }

    fn decode<T: DeserializeOwned>(&self, name: &str, json: &RawValue) -> Result<T> {
        serde_json::from_str(json.get()).map_err(|error| {
            let text = format!(
                "the input `{name}` of `{}`, {json}, is no `{}`",
                self.component,
                std::any::type_name::<T>()
            );
            misused(text).with_source(error)
        })
    }
}

fn misused(text: String) -> Error {
    Error::of(ErrorKind::Config, text).with_fate(Fate::Permanent)
}

/// What a double is given for an input of type `Input`: the same type, or the owned one of a reference.
#[diagnostic::on_unimplemented(
    message = "the double takes `{Self}`, the component `{Input}`",
    label = "not what the component is given",
    note = "write the type of the closure's argument: the component's own, `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`"
)]
pub trait StandsFor<Input> {}

impl<T> StandsFor<T> for T {}
impl<T> StandsFor<&'static T> for T {}
impl<T> StandsFor<&'static [T]> for Vec<T> {}
impl StandsFor<&'static str> for String {}

pub(super) type Body = Arc<dyn Fn(Inputs) -> BoxFuture<Result<Json>> + Send + Sync>;

/// A body that is made of a closure over all inputs.
pub(super) fn body<D, Fut, O>(double: D) -> Body
where
    D: Fn(Inputs) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send + 'static,
    O: Serialize,
{
    Arc::new(move |inputs| {
        let future = double(inputs);
        Box::pin(async move {
            let output = future.await?;
            to_json(&output)
                .map_err(|error| misused("a double's output has no JSON form".to_owned()).with_source(error))
        })
    })
}

/// A body that is made of a closure over the only input.
pub(super) fn body_of_one<J, D, Fut, O>(double: D) -> Body
where
    J: DeserializeOwned,
    D: Fn(J) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send + 'static,
    O: Serialize + 'static,
{
    body(move |inputs| {
        let future = inputs.only().map(&double);
        async move { future?.await }
    })
}

/// The doubles of a test.
#[derive(Debug, Default)]
pub(super) struct Doubles {
    all: Vec<Double>,
    /// Counts the processes of the test.
    process: u32,
    /// What the script gave the last attempt of each call that has begun and not ended.
    open: HashMap<CallId, Given>,
}

/// What the script gave an attempt.
#[derive(Clone, Debug)]
struct Given {
    process: u32,
    attempt: u32,
    failure: Option<Error>,
}

struct Double {
    of: Name,
    what: What,
    used: bool,
}

enum What {
    Replaced(Body),
    Failing(VecDeque<Error>),
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Double").field("of", &self.of).field("used", &self.used).finish_non_exhaustive()
    }
}

impl Doubles {
    /// Puts `body` in the place of a component's own; a later one wins.
    pub(super) fn replace(&mut self, of: Name, body: Body) {
        self.all.insert(0, Double { of, what: What::Replaced(body), used: false });
    }

    /// Makes a component's next attempts fail, after those of an earlier script.
    pub(super) fn fail(&mut self, of: Name, errors: VecDeque<Error>) {
        self.all.push(Double { of, what: What::Failing(errors), used: false });
    }

    /// Another process of the test begins.
    pub(super) fn begin_process(&mut self) {
        self.process += 1;
    }

    /// What stands in for the attempt that begins, and what the recorder says of it.
    pub(super) fn begins(&mut self, call: &Seen<'_>) -> Option<(Happened, BoxFuture<Result<Json>>)> {
        let failure = self.failure_again(call).unwrap_or_else(|| self.next_failure(call));
        let given = Given { process: self.process, attempt: call.attempt, failure: failure.clone() };
        self.open.insert(call.id, given);
        match failure {
            Some(error) => Some((Happened::Scripted, Box::pin(std::future::ready(Err(error))))),
            None => self.replacement(call),
        }
    }

    /// A call has an outcome.
    pub(super) fn ended(&mut self, call: CallId) {
        self.open.remove(&call);
    }

    /// What an attempt was given that a crash interrupted, and that begins again: the same, or a run that crashed would go
    /// another way than one that did not.
    fn failure_again(&self, call: &Seen<'_>) -> Option<Option<Error>> {
        let given = self.open.get(&call.id)?;
        (given.process < self.process && given.attempt == call.attempt).then(|| given.failure.clone())
    }

    fn next_failure(&mut self, call: &Seen<'_>) -> Option<Error> {
        let mut of_call = self.all.iter_mut().filter(|double| double.of.is_of(call));
        of_call.find_map(|double| match &mut double.what {
            What::Failing(errors) => {
                double.used = true;
                errors.pop_front()
            }
            What::Replaced(_) => None,
        })
    }

    fn replacement(&mut self, call: &Seen<'_>) -> Option<(Happened, BoxFuture<Result<Json>>)> {
        let mut of_call = self.all.iter_mut().filter(|double| double.of.is_of(call));
        let body = of_call.find_map(|double| match &double.what {
            What::Replaced(body) => {
                double.used = true;
                Some(Arc::clone(body))
            }
            What::Failing(_) => None,
        })?;
        let future: BoxFuture<Result<Json>> = match Inputs::of(call) {
            Ok(inputs) => Box::pin(async move { body(inputs).await }),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        };
        Some((Happened::Doubled, future))
    }

    /// The components whose double no call has met.
    pub(super) fn unused(&self) -> Vec<String> {
        self.all.iter().filter(|double| !double.used).map(|double| double.of.as_str().to_owned()).collect()
    }
}
