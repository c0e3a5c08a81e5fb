//! The material of the article: what the crates of the user's own dependency tree say about themselves.

mod files;
mod metadata;
mod passages;

use serde::{Deserialize, Serialize};

use crate::model::text::Index;

/// Passages that one search gives at most.
pub(crate) const MAX_FOUND: usize = 14;
/// Of these, passages from one crate: an article that quotes one README is that README.
const MAX_FOUND_PER_CRATE: usize = 3;
/// A passage that scores less than this share of the best one only happens to use a word of the topic.
const MIN_SHARE_OF_BEST: f64 = 0.25;

/// A piece of a crate's documentation, small enough to be quoted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Passage {
    pub(crate) package: String,
    pub(crate) version: String,
    /// The file, as seen from the crate's own directory.
    pub(crate) file: String,
    /// The heading it stands under, empty before the first one.
    pub(crate) heading: String,
    /// Prose without markup.
    pub(crate) text: String,
}

impl Passage {
    /// Where the passage is from, as an article names it.
    pub(crate) fn source(&self) -> String {
        format!("{} {}, {}", self.package, self.version, self.file)
    }
}

/// What keeps material from being found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MaterialError {
    #[error("cannot run `{cargo}`: the material comes from `cargo metadata`, so cargo must be on the PATH")]
    NoCargo { cargo: String, source: std::io::Error },
    #[error("`cargo metadata` failed, run this inside a Rust project: {message}")]
    Metadata { message: String },
    #[error("`cargo metadata` printed something else than its format 1")]
    Format(#[source] serde_json::Error),
    #[error(
        "none of the {passages} passages in the documentation of {packages} crates speaks of `{topic}`: name something \
         that your dependencies do, as in `async cancellation` or `parsing`"
    )]
    NothingFound { topic: String, passages: usize, packages: usize },
}

/// Searches the documentation of the dependency tree of the project in the current directory, best passages first.
/// Reads many files: call it where blocking is allowed.
///
/// # Errors
/// When cargo cannot tell the dependency tree, and when no passage shares a word with the topic.
pub(crate) fn search(topic: &str) -> Result<Vec<Passage>, MaterialError> {
    let packages = metadata::packages()?;
    let passages = files::passages(&packages);
    let found = best(topic, &passages);
    if found.is_empty() {
        let (passages, packages) = (passages.len(), packages.len());
        return Err(MaterialError::NothingFound { topic: topic.to_owned(), passages, packages });
    }
    Ok(found)
}

/// The passages that fit the topic best, with a bound per crate.
fn best(topic: &str, passages: &[Passage]) -> Vec<Passage> {
    let texts: Vec<String> =
        passages.iter().map(|p| format!("{} {} {}", p.package, p.heading, p.text)).collect();
    let ranked = Index::new(texts.iter().map(String::as_str)).rank(topic);
    let enough = ranked.first().map_or(0.0, |(_, best)| best * MIN_SHARE_OF_BEST);
    let mut found: Vec<Passage> = Vec::new();
    for (at, _) in ranked.into_iter().filter(|(_, score)| *score >= enough) {
        let passage = &passages[at];
        let of_this_crate = found.iter().filter(|other| other.package == passage.package).count();
        if of_this_crate < MAX_FOUND_PER_CRATE {
            found.push(passage.clone());
        }
        if found.len() == MAX_FOUND {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(package: &str, text: &str) -> Passage {
        let (version, file) = ("1.0.0".to_owned(), "README.md".to_owned());
        Passage { package: package.to_owned(), version, file, heading: String::new(), text: text.to_owned() }
    }

    #[test]
    fn the_best_passages_come_first_and_no_crate_takes_all() {
        let mut passages: Vec<Passage> = (0..9)
            .map(|n| passage("loud", &format!("Cancellation of tasks, cancellation of task {n}.")))
            .collect();
        passages.push(passage("other", "A cancelled task ends."));
        passages.push(passage("none", "Parses numbers."));
        let found = best("task cancellation", &passages);
        let names: Vec<&str> = found.iter().map(|p| p.package.as_str()).collect();
        assert_eq!(names, ["loud", "loud", "loud", "other"]);
    }

    #[test]
    fn this_project_has_material() {
        let found = search("asynchronous tasks").unwrap();
        assert!(found.iter().any(|passage| passage.package == "tokio"), "tokio is not among {found:?}");
    }

    #[test]
    fn a_topic_that_nothing_speaks_of_is_an_error_that_names_it() {
        let error = search("zyxwv qwrtz").unwrap_err();
        assert!(error.to_string().contains("speaks of `zyxwv qwrtz`"), "{error}");
    }
}
