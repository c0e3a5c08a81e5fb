//! What a component is, and every rule about it.

mod cache;
mod context;
mod duration;
mod fixed;
mod function;
mod lifetimes;
pub(crate) mod mark;
mod number;
mod options;
mod retry;
mod signature;

pub(crate) use cache::{Cache, find_mention};
pub(crate) use mark::Mark;
pub(crate) use options::{Durability, Krate, Options};
pub(crate) use retry::{Retry, RetrySettings};
pub(crate) use signature::{Argument, Signature};

use crate::args::Entry;
use crate::item::Function;
use crate::mistake::Mistakes;

/// A component, after all rules: what could not be kept has been noted and left out.
pub(crate) struct Component {
    pub(crate) options: Options,
    pub(crate) signature: Signature,
}

impl Component {
    /// Applies the rules. `None` if the function cannot be a component whatever its options are.
    ///
    /// Takes qualifiers that a component cannot have off the function.
    pub(crate) fn new(options: Vec<Entry>, function: &mut Function, mistakes: &mut Mistakes) -> Option<Self> {
        if function::is_entry_point(function, mistakes) {
            return None;
        }
        let possible = function::check(function, mistakes);
        let (signature, sound) = Signature::new(&function.sig, mistakes);
        let options = Options::new(options, &signature, mistakes);
        (possible && sound).then_some(Self { options, signature })
    }
}
