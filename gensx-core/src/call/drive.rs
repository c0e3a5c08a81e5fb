//! A call inside a run, from its first poll to its outcome.

mod unheard;

use std::{sync::Arc, time::Duration};

use tracing::Instrument as _;

use self::unheard::Unheard;
use super::{Built, CallFuture, Failure, Seen, attempt, outside, replay, settle};
use crate::{
    Error, ErrorKind, Fate, Result,
    cache::{Flight, Leadership, Looked, Watch},
    component::{Durability, InputRecord},
    error::ErrorRecord,
    event::{ErrorBody, EventKind, Json, Origin, Outcome},
    identity::Fingerprint,
    retry::{Decision, decide},
    run::{
        RunCore, cancelled,
        ledger::{Done, Known, Wait},
        lookup::Plan,
        node::{Node, Place, Trial},
        rest::{Rest, Resting},
        turns::Turn,
    },
};

// The call stays in its box, and the steps below borrow it: an async function holds what it is given by value twice, and
// a run that waits holds its futures for as long.
pub(super) fn drive<'a, T: Send + 'a>(mut call: Box<Built<'a, T>>) -> CallFuture<'a, T> {
    match (call.place.take(), call.inputs.take()) {
        (Some(place), Some(inputs)) => Box::pin(inside(call, place, inputs)),
        _ => Box::pin(outside::run(*call)),
    }
}

async fn inside<T: Send>(
    mut call: Box<Built<'_, T>>,
    place: Place,
    mut inputs: Box<InputRecord>,
) -> Result<T> {
    let run = Arc::clone(&place.parent.run);
    check(&call, &place, &inputs)?;
    run.keep_secrets(std::mem::take(&mut inputs.secrets));
    let plan = replay::plan_for(&call, &place, inputs.fingerprint);
    drop(call.awaited.take());
    let go_on = match plan {
        Plan::Hear(position) => {
            let mut place = place;
            let decoder = replay::Decoder::of(&call);
            drop(call);
            return replay::hear(&decoder, &mut place, position).await;
        }
        Plan::Refuse => return Err(key_error(&call, &place, "was recorded with other inputs")),
        Plan::Run => None,
        Plan::GoOn { attempt, begin, wait } => Some((attempt, begin, wait)),
    };
    match go_on {
        Some((attempt, ..)) => replay::go_on(&run, &place, attempt).await,
        None => {
            run.gate.start(&run).await;
            let partial = run.ledger().take_partial(place.id);
            if partial {
                Box::pin(replay::recall(&run)).await;
            }
            replay::note_divergence(&call, &place, &inputs);
        }
    }
    let label = call.label.as_deref().map(|label| run.mask(label));
    let span = tracing::info_span!("component", name = %call.spec.name, call = %place.id, label);
    async {
        match Running::start(call, place, inputs, go_on).await {
            // In a box where it is watched: few components are cached, and their calls alone pay for it.
            Ok(mut running) if running.call.spec.cache_ttl.is_some() => {
                let watch = Arc::clone(running.watch.get_or_insert_default());
                watch.watch(Box::pin(running.finish())).await
            }
            Ok(mut running) => running.finish().await,
            Err(error) => Err(error),
        }
    }
    .instrument(span)
    .await
}

fn check<T>(call: &Built<'_, T>, place: &Place, inputs: &InputRecord) -> Result<()> {
    if call.key.is_some() && place.is_repeated() {
        return Err(key_error(call, place, "is used twice under one parent"));
    }
    let limits = &place.parent.run.config.limits;
    if place.parent.depth >= limits.depth {
        let reason = format!("it is inside {} others, as many as the limit allows", place.parent.depth);
        return Err(refused(call, place, ErrorKind::Limit, reason));
    }
    let limit = limits.event_bytes;
    for (what, text) in [("label", &call.label), ("key", &call.key)] {
        let size = text.as_ref().map_or(0, String::len);
        if size > limit {
            let reason = format!("its {what} has {size} bytes, the limit of an event is {limit}");
            return Err(refused(call, place, ErrorKind::Limit, reason));
        }
    }
    match &inputs.error {
        None => Ok(()),
        Some(reason) => Err(refused(call, place, ErrorKind::InvalidInput, reason.clone())),
    }
}

fn key_error<T>(call: &Built<'_, T>, place: &Place, reason: &str) -> Error {
    let key = call.key.as_deref().unwrap_or_default();
    refused(call, place, ErrorKind::Key, format!("the key {key:?} {reason}"))
}

/// An error of the call itself, before anything of it ran.
fn refused<T>(call: &Built<'_, T>, place: &Place, kind: ErrorKind, reason: String) -> Error {
    Error::of(kind, reason).at(place.path(&call.spec.name), 0).with_fate(Fate::Permanent)
}

/// A call whose body runs here.
struct Running<'a, T> {
    call: Box<Built<'a, T>>,
    open: Open,
    inputs: Box<InputRecord>,
    wait: Option<Wait>,
    flight: Option<Flight>,
    /// Other processes wait for its output.
    lead: Option<Leadership>,
    /// What others who wait for its flight see of it.
    watch: Option<Arc<Watch>>,
    unheard: Option<Unheard<T>>,
}

/// Cancels the call if it is dropped before its outcome.
struct Open {
    node: Arc<Node>,
    place: Place,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.node.cancel();
    }
}

/// Records that the call starts, and gives the position; the run's own first event stands for its first call's.
fn record_start<T>(
    node: &Node,
    call: &Built<'_, T>,
    place: &Place,
    inputs: &InputRecord,
    shown: Option<Json>,
    resumed: bool,
) -> u64 {
    if node.is_root() {
        return 0;
    }
    let kind = EventKind::Started {
        name: call.spec.name.clone().into_owned(),
        parent: Some(place.parent.id),
        version: call.spec.version,
        fingerprint: inputs.fingerprint,
        key: call.key.as_deref().map(|key| node.run.mask(key)),
        args: inputs.args.clone(),
        inputs: shown,
        label: call.label.as_deref().map(|label| node.run.mask(label)),
        resumed,
    };
    node.run.push(Some(node.id), node.attempt(), kind)
}

struct Settled<T> {
    value: T,
    json: Json,
    origin: Origin,
}

impl<'a, T: Send> Running<'a, T> {
    async fn start(
        call: Box<Built<'a, T>>,
        place: Place,
        mut inputs: Box<InputRecord>,
        go_on: Option<(u32, u64, Option<Wait>)>,
    ) -> Result<Box<Self>> {
        let run = Arc::clone(&place.parent.run);
        if durability(&call, &run) == Durability::Strict {
            catch_up(&run).await;
        }
        let (attempt, begin, wait) = go_on.unwrap_or((1, 0, None));
        let trial = Trial { attempt, retries: call.retry.max_attempts() > 1, timed: call.timeout.is_some() };
        let what = (call.spec.clone(), inputs.fingerprint);
        let shown = inputs.json.take();
        let record = |node: &Node| {
            let started = record_start(node, &call, &place, &inputs, shown, go_on.is_some());
            if go_on.is_some() { begin } else { started }
        };
        let Some(node) = Node::start(&place, what, trial, record) else {
            return Err(cancelled(&call.spec.name));
        };
        let open = Open { node, place };
        Ok(Box::new(Self { call, open, inputs, wait, flight: None, lead: None, watch: None, unheard: None }))
    }

    fn node(&self) -> &Arc<Node> {
        &self.open.node
    }

    fn run(&self) -> &Arc<RunCore> {
        &self.open.node.run
    }

    async fn finish(&mut self) -> Result<T> {
        let settled = match self.cached().await {
            Some(cached) => Ok(cached),
            None => self.attempts().await,
        };
        match settled {
            Ok(settled) => self.succeed(settled).await,
            Err(failure) => Box::pin(self.fail(failure)).await,
        }
    }

    async fn cached(&mut self) -> Option<Settled<T>> {
        self.call.spec.cache_ttl?;
        let config = Arc::clone(&self.run().config);
        let key = self.cache_key();
        let watch = Arc::clone(self.watch.get_or_insert_default());
        self.flight = config.flights.enter(key, &watch).await;
        // Who computes it here and is not polled may be waiting for this call: it is not to be followed.
        let json = match config.cache.look(key, self.flight.is_some(), &watch).await {
            Looked::Hit(json) => json,
            Looked::Compute(lead) => {
                self.lead = lead;
                return None;
            }
        };
        let json = serde_json::value::RawValue::from_string(json).ok()?;
        let value = (self.call.output.decode)(&json).ok()?;
        // One that this caller does not accept is computed anew.
        let value = settle::accepted(value, &self.call.ensure).ok()?;
        Some(Settled { value, json, origin: Origin::Cached })
    }

    fn cache_key(&self) -> Fingerprint {
        let spec = &self.call.spec;
        let by = self.inputs.cache.unwrap_or(self.inputs.fingerprint);
        Fingerprint::of(format!("{}\0{}\0{by}", spec.name, spec.version).as_bytes())
    }

    async fn attempts(&mut self) -> Result<Settled<T>, Failure> {
        loop {
            self.wait_for_attempt().await;
            let failure = match self.attempt().await {
                Ok(settled) => return Ok(settled),
                Err(failure) => failure,
            };
            let attempt = self.node().attempt();
            let classifiers = &self.run().config.classifiers;
            let place = (&self.node().path(), attempt);
            let (failure, fate, when) = settle::judged(failure, place, self.call.spec.when, classifiers);
            match decide(&self.call.retry, attempt, fate, when, self.seed()) {
                Decision::Retry(delay) => self.retry(&failure, delay).await,
                Decision::GiveUp => return self.give_up(failure),
            }
        }
    }

    async fn wait_for_attempt(&mut self) {
        if let Some(wait) = self.wait.take() {
            let run = self.run();
            let left = run.remaining(wait.due_ms, Duration::from_millis(wait.whole_ms));
            if !left.is_zero() {
                let node = self.node();
                let _resting = Resting::begin(node, node.id, Rest::until(wait.due_ms));
                run.config.clock.sleep(left).await;
            }
        }
    }

    async fn attempt(&mut self) -> Result<Settled<T>, Failure> {
        let node = Arc::clone(self.node());
        let config = Arc::clone(&node.run.config);
        let (call, clock) = (&mut self.call, config.clock.as_ref());
        let span = tracing::info_span!("attempt", number = node.attempt());
        let tried = attempt::bounded(&mut call.body, Some(&node), call.timeout, clock).instrument(span).await;
        let value = tried?;
        let mut value = settle::accepted(value, &call.ensure)?;
        let json = settle::written(&value, &call.output, &config.limits)?;
        if config.decoded_copies {
            value =
                (call.output.decode)(&json).map_err(|error| Error::new(error).with_fate(Fate::Permanent))?;
        }
        Ok(Settled { value, json, origin: Origin::Executed })
    }

    fn seed(&self) -> u64 {
        let mut word = [0; 8];
        word.copy_from_slice(&self.node().id.0[..8]);
        u64::from_le_bytes(word) ^ u64::from(self.node().attempt())
    }

    /// Records that another attempt follows. It is durable before that begins: an owner that was replaced begins none.
    async fn retry(&mut self, failure: &Failure, delay: Duration) {
        let (node, run) = (Arc::clone(self.node()), Arc::clone(self.run()));
        let next = node.attempt() + 1;
        let whole_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let wait = Wait { whole_ms, due_ms: run.store_now_ms().saturating_add(whole_ms) };
        let error = ErrorBody(ErrorRecord::of(&failure.error, None, |text| run.mask(text)));
        let kind = EventKind::Retried { error, delay_ms: wait.whole_ms, due_ms: wait.due_ms };
        let Some(position) = node.next_attempt(next, || run.push(Some(node.id), next, kind)) else {
            // Whoever polls it next hears that it is cancelled.
            return std::future::pending().await;
        };
        run.gate.activate(run.ledger().outcomes());
        self.wait = Some(wait);
        if durability(&self.call, &run) == Durability::Strict {
            run.commit(position).await;
        }
    }

    fn give_up(&mut self, failure: Failure) -> Result<Settled<T>, Failure> {
        let Some(fallback) = &mut self.call.fallback else { return Err(failure) };
        let path = self.open.node.path();
        let answer = attempt::guarded("`fallback`", || fallback(failure.error));
        let value = answer
            .map_err(|panic| Failure::from(panic.error.in_component(&path, self.open.node.attempt())))?;
        let json = settle::written(&value, &self.call.output, &self.open.node.run.config.limits)?;
        Ok(Settled { value, json, origin: Origin::Fallback })
    }

    async fn succeed(&mut self, settled: Settled<T>) -> Result<T> {
        let Settled { value, json, origin } = settled;
        if let (Some(ttl), Origin::Executed) = (self.call.spec.cache_ttl, origin) {
            self.keep(&json, ttl).await;
        }
        self.let_go();
        let type_name = (self.call.output.type_name)().to_owned();
        let recorded = self.record(Known::Output { json, type_name, origin })?;
        let Some((position, turn)) = recorded else {
            self.told(Some(origin));
            return Ok(value);
        };
        self.unheard = Some(Unheard { position, outcome: Ok((value, origin)) });
        self.settle(position, turn).await;
        self.told(Some(origin));
        match self.unheard.take() {
            Some(Unheard { outcome: Ok((value, _)), .. }) => Ok(value),
            _ => Err(cancelled(&self.node().spec.name)),
        }
    }

    async fn keep(&mut self, json: &Json, ttl: Duration) {
        match self.lead.take() {
            Some(lead) => lead.fill(json.get(), ttl).await,
            None => {
                let config = Arc::clone(&self.run().config);
                config.cache.put(self.cache_key(), json.get(), ttl).await;
            }
        }
    }

    /// Lets others compute, if this call leaves nothing in the cache.
    fn let_go(&mut self) {
        (self.lead, self.flight) = (None, None);
    }

    async fn fail(&mut self, failure: Failure) -> Result<T> {
        self.let_go();
        let mut error = failure.error.with_fate(Fate::Permanent);
        let body = {
            let run = self.run();
            let limit = run.config.limits.event_bytes;
            // One that is too large for an event is recorded as its text.
            let data = failure.data.filter(|json| json.get().len() <= limit);
            ErrorBody(ErrorRecord::of(&error, data, |text| run.mask(text)))
        };
        if self.run().config.decoded_copies {
            error = replay::failure(body.clone(), self.call.decode_error);
        }
        if let Some((position, turn)) = self.record(Known::Failed(body.clone()))? {
            self.unheard = Some(Unheard { position, outcome: Err(body) });
            self.settle(position, turn).await;
        }
        self.unheard = None;
        self.told(None);
        Err(error)
    }

    /// Records the outcome, and gives its position and its turn; the run's own events stand for that of its first call.
    fn record(&mut self, result: Known) -> Result<Option<(u64, Turn)>> {
        let (node, run) = (Arc::clone(self.node()), Arc::clone(self.run()));
        let keep = self.open.place.parent.keep.then(|| (self.as_start(), result.clone()));
        let outcome = match result {
            Known::Output { json, type_name, origin } => Outcome::Output { json, type_name, origin },
            Known::Failed(error) => Outcome::Failed(error),
        };
        let recorded = node.end(|| {
            if node.is_root() {
                return None;
            }
            let position = run.push(Some(node.id), node.attempt(), EventKind::Ended { outcome });
            Some((position, Turn::take(&run, position)))
        });
        let recorded = recorded.ok_or_else(|| cancelled(&node.spec.name))?;
        if let (Some((position, _)), Some((start, result))) = (&recorded, keep) {
            run.ledger().remember(node.id, Some(start), Done { position: *position, result });
        }
        Ok(recorded)
    }

    /// Waits for the sink where the call is strict, and for the outcomes that were recorded before.
    async fn settle(&mut self, position: u64, turn: Turn) {
        let run = self.run();
        match durability(&self.call, run) {
            Durability::Pipelined if turn.is_next() => run.outbox.leave_behind(position),
            // Also where a strict outcome that was recorded before is not durable yet: it comes first.
            Durability::Pipelined | Durability::Strict => run.commit(position).await,
        }
        turn.wait().await;
    }

    /// The caller has the outcome: nobody else gets it.
    fn told(&mut self, output: Option<Origin>) {
        self.open.place.keep();
        if let Some(probe) = &self.run().config.probe {
            probe.ended(&self.seen(), output);
        }
    }

    fn seen(&self) -> Seen<'_> {
        let node = self.node();
        Seen {
            run: &node.run.id,
            id: node.id,
            path: node.path(),
            name: &node.spec.name,
            function: self.call.function.name(),
            attempt: node.attempt(),
            inputs: None,
        }
    }
}

fn durability<T>(call: &Built<'_, T>, run: &RunCore) -> Durability {
    call.spec.durability.unwrap_or(run.config.durability)
}

/// Waits for outcomes that were given before they were durable: a strict call comes after them in every crash.
async fn catch_up(run: &RunCore) {
    if let Err(stop) = run.outbox.catch_up().await {
        run.stop(stop);
        std::future::pending::<()>().await;
    }
}
