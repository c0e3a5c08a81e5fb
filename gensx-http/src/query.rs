//! Query strings, as they came: in their order, repeated names included.

use axum::{extract::Query as Pairs, http::Uri};

/// The parameters of a request. Those that nobody asks for are ignored.
#[derive(Clone, Default, Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// The parameters of a URI; one that cannot be read has none.
    pub(crate) fn of(uri: &Uri) -> Self {
        Pairs::try_from_uri(uri).map_or_else(|_| Self::default(), |Pairs(pairs)| Self(pairs))
    }

    /// The first value of a parameter.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
