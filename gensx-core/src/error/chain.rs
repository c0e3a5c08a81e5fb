//! Walking a chain of causes, and deciding an error's fate from it.

use std::{error::Error as StdError, fmt, iter, sync::Arc};

use super::{Error, Fate};

/// Causes looked at before the walk stops: a chain that leads back into itself must not hang a run.
const MAX_CHAIN: usize = 64;

pub(super) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    iter::from_fn(move || {
        let current = next?;
        next = current.source();
        Some(current)
    })
    .take(MAX_CHAIN)
}

type Classifier = Arc<dyn Fn(&(dyn StdError + 'static)) -> Option<Fate> + Send + Sync>;

/// What the application says about error types that are not its own: see `RuntimeBuilder::classify`.
#[derive(Clone, Default)]
pub struct Classifiers(Vec<Classifier>);

impl Classifiers {
    /// Adds a rule for errors of type `E`. The first rule that knows an error in the chain decides.
    pub fn add<E: StdError + 'static>(&mut self, rule: impl Fn(&E) -> Fate + Send + Sync + 'static) {
        self.0.push(Arc::new(move |error| error.downcast_ref::<E>().map(&rule)));
    }

    fn of(&self, error: &(dyn StdError + 'static)) -> Option<Fate> {
        self.0.iter().find_map(|rule| rule(error))
    }
}

impl fmt::Debug for Classifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Classifiers({})", self.0.len())
    }
}

/// The fate of a failure: the outermost word said in its chain, by a mark or by a registered rule.
pub(crate) fn classify(error: &Error, rules: &Classifiers) -> Fate {
    let said = |error: &(dyn StdError + 'static)| match error.downcast_ref::<Error>() {
        Some(error) => error.0.fate,
        None => rules.of(error),
    };
    chain(error).find_map(said).unwrap_or(Fate::Retry)
}
