//! What a crawl's stream says of its pages, made ready to be searched. It is all that the search knows.

use std::collections::{HashMap, HashSet};

use gensx::event::Outcome;
use gensx::{CallId, Event, EventKind};
use serde::Serialize;

use crate::html::Page;
use crate::model::text::{Index, sentences, words};

/// Pages in one answer.
const MAX_HITS: usize = 10;
/// Characters of the sentence that is shown of a page.
const MAX_EXCERPT_CHARS: usize = 240;

/// The pages of a crawl that are summed up so far.
#[derive(Default)]
pub(crate) struct Library {
    reads: HashMap<CallId, String>,
    summaries: HashMap<CallId, String>,
    /// Read and not summed up yet, by URL.
    waiting: HashMap<String, Page>,
    shelf: Vec<Book>,
    /// Made when it is asked for, gone when a page comes.
    index: Option<Index>,
}

struct Book {
    url: String,
    title: String,
    summary: String,
    text: String,
}

/// A page that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Hit<'a> {
    url: &'a str,
    title: &'a str,
    summary: &'a str,
    /// The sentence that fits best.
    excerpt: String,
}

impl Library {
    /// Takes the next event of the run's stream.
    pub(crate) fn apply(&mut self, event: &Event) {
        let Some(call) = event.call else { return };
        match &event.kind {
            EventKind::Started { name, label: Some(url), .. } if name == "read" => {
                self.reads.insert(call, url.clone());
            }
            EventKind::Started { name, label: Some(url), .. } if name == "summarise" => {
                self.summaries.insert(call, url.clone());
            }
            EventKind::Ended { outcome: Outcome::Output { json, .. } } => self.ended(call, json.get()),
            _ => {}
        }
    }

    fn ended(&mut self, call: CallId, output: &str) {
        // An output of another version of this program is passed over: the page is then not found, and all others are.
        if let Some(url) = self.reads.get(&call) {
            if let Ok(page) = serde_json::from_str(output) {
                self.waiting.insert(url.clone(), page);
            }
        } else if let Some(url) = self.summaries.get(&call)
            && let Ok(summary) = serde_json::from_str(output)
            && let Some(Page { title, text, .. }) = self.waiting.remove(url)
        {
            self.shelf.retain(|book| book.url != *url);
            self.shelf.push(Book { url: url.clone(), title, summary, text });
            self.index = None;
        }
    }

    /// How many pages there are.
    pub(crate) fn pages(&self) -> usize {
        self.shelf.len()
    }

    /// The pages that fit a query, best first.
    pub(crate) fn search(&mut self, query: &str) -> Vec<Hit<'_>> {
        let index = self.index.get_or_insert_with(|| {
            // A word of the title says more about a page than one of its text.
            let texts: Vec<String> = self
                .shelf
                .iter()
                .map(|book| format!("{0}\n{0}\n{1}\n{2}", book.title, book.summary, book.text))
                .collect();
            Index::new(texts.iter().map(String::as_str))
        });
        let ranked = index.rank(query);
        ranked.into_iter().take(MAX_HITS).map(|(at, _)| self.shelf[at].hit(query)).collect()
    }
}

impl Book {
    fn hit(&self, query: &str) -> Hit<'_> {
        let excerpt = excerpt(&self.text, query);
        Hit { url: &self.url, title: &self.title, summary: &self.summary, excerpt }
    }
}

/// The first of the sentences that have most of a query's words.
fn excerpt(text: &str, query: &str) -> String {
    let query: HashSet<String> = words(query).into_iter().collect();
    let mut best = ("", 0);
    for sentence in text.lines().flat_map(sentences) {
        let met = words(sentence).into_iter().collect::<HashSet<_>>().intersection(&query).count();
        if met > best.1 {
            best = (sentence, met);
        }
    }
    best.0.chars().take(MAX_EXCERPT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gensx::EventId;
    use serde_json::{Value, json};

    use super::*;

    fn event(seq: u64, call: u8, more: &Value) -> Event {
        let mut fields = json!({"v": 1, "time": 0, "call": format!("{call:032x}"), "attempt": 1});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let payload: Arc<[u8]> = serde_json::to_vec(&fields).unwrap().into();
        Event::decode(EventId::new(1, seq), &payload).unwrap()
    }

    fn started(call: u8, name: &str, url: &str) -> Event {
        let print = format!("{call:032x}");
        event(
            1,
            call,
            &json!({"type": "component.started", "name": name, "parent": print, "fingerprint": print, "label": url}),
        )
    }

    fn ended(call: u8, output: &Value) -> Event {
        event(
            2,
            call,
            &json!({"type": "component.ended", "status": "succeeded", "output": output, "output_type": "T"}),
        )
    }

    fn page(library: &mut Library, call: u8, url: &str, title: &str, text: &str) {
        library.apply(&started(call, "read", url));
        library.apply(&ended(call, &json!({"title": title, "text": text, "links": []})));
    }

    fn summary(library: &mut Library, call: u8, url: &str) {
        library.apply(&started(call, "summarise", url));
        library.apply(&ended(call, &json!("In short.")));
    }

    #[test]
    fn a_page_is_found_once_it_is_summed_up() {
        let mut library = Library::default();
        page(&mut library, 1, "/a", "Tides", "The sea rises.\nThe moon pulls the sea. It falls.");
        assert!(library.search("moon").is_empty());
        summary(&mut library, 2, "/a");
        let hits = library.search("moons");
        assert_eq!(hits.len(), 1);
        assert_eq!((hits[0].url, hits[0].summary), ("/a", "In short."));
        assert_eq!(hits[0].excerpt, "The moon pulls the sea.");
        assert!(library.search("").is_empty() && library.search("planets").is_empty());
    }

    #[test]
    fn titles_count_more_and_a_stream_that_is_told_twice_changes_nothing() {
        let mut library = Library::default();
        for _ in 0..2 {
            page(&mut library, 1, "/a", "Rivers", "Boats go by the tides.");
            summary(&mut library, 2, "/a");
            page(&mut library, 3, "/b", "Tides", "Boats wait for water.");
            summary(&mut library, 4, "/b");
        }
        assert_eq!(library.pages(), 2);
        let urls: Vec<&str> = library.search("tides").iter().map(|hit| hit.url).collect();
        assert_eq!(urls, ["/b", "/a"]);
    }
}
