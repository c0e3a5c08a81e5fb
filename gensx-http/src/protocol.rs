//! The protocols that the router speaks besides its own.

/// A protocol of clients that already exist, spoken beside the router's own. See [`Api::protocol`](crate::Api::protocol).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Protocol {
    /// What `@gensx/client` and `@gensx/react` speak: `docs/gensx-wire.md`.
    GenSx,
}
