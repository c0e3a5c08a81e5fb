//! Taking down a call's inputs: what makes its identity, and what the stream shows.

use std::{collections::BTreeMap, io};

use serde::Serialize;
use serde_json::value::RawValue;

use super::Spec;
use crate::{
    event::Json,
    identity::{Fingerprint, canonical},
    run::scope,
};

/// The shortest secret that is looked for in error texts: a shorter one would mask common words.
const MIN_MASKED_BYTES: usize = 4;

/// Takes down a call's inputs, if the call is built inside a run; outside there is nothing to identify.
pub fn inputs(_spec: &Spec, record: impl FnOnce(&mut Inputs)) -> Recorded {
    let Some(mut inputs) = scope::with(|node| Inputs::new(&node.run.config)) else { return Recorded(None) };
    record(&mut inputs);
    Recorded(Some(Box::new(inputs.finish())))
}

/// A call's inputs, taken down.
#[derive(Debug)]
pub struct Recorded(pub(crate) Option<Box<InputRecord>>);

#[derive(Debug)]
pub(crate) struct InputRecord {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) args: BTreeMap<String, Fingerprint>,
    pub(crate) first_arg: Option<&'static str>,
    pub(crate) json: Option<Json>,
    pub(crate) cache: Option<Fingerprint>,
    /// Whether an input is left out of the record, so that a run cannot be started from it.
    pub(crate) incomplete: bool,
    /// Texts that must not appear anywhere.
    pub(crate) secrets: Vec<String>,
    pub(crate) error: Option<String>,
}

/// Collects a call's inputs. `#[component]` calls these for each argument.
#[derive(Debug)]
pub struct Inputs {
    canonical: Vec<u8>,
    first: Option<(&'static str, Fingerprint)>,
    args: BTreeMap<String, Fingerprint>,
    json: Bounded,
    cache: Vec<u8>,
    cached_by: bool,
    secret_key: Option<[u8; 32]>,
    incomplete: bool,
    secrets: Vec<String>,
    error: Option<String>,
}

impl Inputs {
    fn new(config: &crate::runtime::Config) -> Self {
        Self {
            canonical: Vec::with_capacity(64),
            first: None,
            args: BTreeMap::new(),
            json: Bounded::new(config.limits.recorded_input_bytes),
            cache: Vec::new(),
            cached_by: false,
            secret_key: config.secret_key,
            incomplete: false,
            secrets: Vec::new(),
            error: None,
        }
    }

    /// An argument that is recorded.
    pub fn input<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        let from = self.canonical.len();
        if let Err(error) = canonical(value, &mut self.canonical) {
            self.fail(name, &error.to_string());
        }
        self.arg(name, from);
        self.json.entry(name, value);
    }

    /// An argument that is written nowhere.
    pub fn secret<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        let mut bytes = Vec::new();
        if let Err(error) = canonical(value, &mut bytes) {
            self.fail(name, &error.to_string());
        }
        match &self.secret_key {
            Some(key) => {
                let from = self.canonical.len();
                self.canonical.extend_from_slice(&Fingerprint::keyed(key, &bytes).0);
                self.arg(name, from);
            }
            None => self
                .fail(name, "a secret enters identity through a keyed hash: give the runtime a `secret_key`"),
        }
        self.secrets.extend(texts(value));
        self.incomplete = true;
        self.json.entry(name, "[secret]");
    }

    /// An argument that is no input.
    pub fn skip(&mut self, _name: &'static str) {
        self.incomplete = true;
    }

    /// What the cache goes by instead of the inputs.
    pub fn cache_key<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.cached_by = true;
        self.cache_part(b'k', value);
    }

    /// What the cache goes by besides the inputs.
    pub fn cache_scope<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.cache_part(b's', value);
    }

    fn cache_part<T: Serialize + ?Sized>(&mut self, tag: u8, value: &T) {
        self.cache.push(tag);
        if let Err(error) = canonical(value, &mut self.cache) {
            self.fail("cache key", &error.to_string());
        }
    }

    fn fail(&mut self, name: &str, reason: &str) {
        self.error.get_or_insert_with(|| format!("input `{name}`: {reason}"));
    }

    /// One argument needs no fingerprint of its own: the call's says the same.
    fn arg(&mut self, name: &'static str, from: usize) {
        match self.first {
            None => self.first = Some((name, Fingerprint::NONE)),
            Some((first, _)) => {
                if self.args.is_empty() {
                    self.args.insert(first.to_owned(), Fingerprint::of(&self.canonical[..from]));
                }
                self.args.insert(name.to_owned(), Fingerprint::of(&self.canonical[from..]));
            }
        }
    }

    fn finish(mut self) -> InputRecord {
        let fingerprint = Fingerprint::of(&self.canonical);
        let cache = (self.cached_by || !self.cache.is_empty()).then(|| {
            if !self.cached_by {
                self.cache.extend_from_slice(&fingerprint.0);
            }
            Fingerprint::of(&self.cache)
        });
        InputRecord {
            fingerprint,
            args: self.args,
            first_arg: self.first.map(|(name, _)| name),
            json: self.json.finish(),
            cache,
            incomplete: self.incomplete,
            secrets: self.secrets,
            error: self.error,
        }
    }
}

/// A text as it stands inside JSON, and as `{:?}` shows it: there, quotes, line ends and others are escaped.
fn spellings(text: String) -> impl Iterator<Item = String> {
    let shown = [serde_json::to_string(&text).unwrap_or_default(), format!("{text:?}")];
    let unquoted = |shown: String| Some(shown.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    let other: Vec<_> = shown.into_iter().filter_map(unquoted).filter(|shown| *shown != text).collect();
    std::iter::once(text).chain(other)
}

/// The texts inside a secret, which error messages may repeat, in each of their spellings.
fn texts<T: Serialize + ?Sized>(value: &T) -> Vec<String> {
    fn collect(value: serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) if text.len() >= MIN_MASKED_BYTES => {
                found.extend(spellings(text));
            }
            serde_json::Value::Array(values) => values.into_iter().for_each(|value| collect(value, found)),
            serde_json::Value::Object(map) => map.into_iter().for_each(|(_, value)| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(serde_json::to_value(value).unwrap_or_default(), &mut found);
    found
}

/// A JSON object of the inputs that gives up where it grows past its limit, before it has copied 5 MB for nothing.
#[derive(Debug)]
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    whole: bool,
}

impl Bounded {
    fn new(limit: usize) -> Self {
        Self { bytes: Vec::with_capacity(48), limit, whole: true }
    }

    fn entry<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if !self.whole {
            return;
        }
        self.bytes.push(if self.bytes.is_empty() { b'{' } else { b',' });
        let written = serde_json::to_writer(&mut *self, name).and_then(|()| {
            self.bytes.push(b':');
            serde_json::to_writer(&mut *self, value)
        });
        self.whole = written.is_ok();
    }

    fn finish(mut self) -> Option<Json> {
        if !self.whole || self.bytes.is_empty() {
            return None;
        }
        self.bytes.push(b'}');
        RawValue::from_string(String::from_utf8(self.bytes).ok()?).ok()
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
