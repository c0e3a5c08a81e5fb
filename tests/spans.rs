//! Spans for the run, its components and their attempts. A process of its own: what `tracing` caches of a place in the
//! code is of the process, and tests without a subscriber would fill it.
#![allow(missing_docs)]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use gensx::prelude::*;
use tracing::{Event, Metadata, Subscriber, span};

#[derive(Default)]
struct Names {
    made: Arc<Mutex<Vec<String>>>,
    entered: Mutex<Vec<u64>>,
    next: AtomicU64,
}

impl Subscriber for Names {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("gensx")
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let depth = self.entered.lock().unwrap().len();
        self.made.lock().unwrap().push(format!("{depth} {}", attributes.metadata().name()));
        span::Id::from_u64(self.next.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &span::Id) {
        self.entered.lock().unwrap().push(id.into_u64());
    }

    fn exit(&self, id: &span::Id) {
        self.entered.lock().unwrap().retain(|entered| *entered != id.into_u64());
    }
}

#[component(retry(max_attempts = 2, initial = "1ms"))]
async fn child(n: u64) -> gensx::Result<u64> {
    if gensx::current().unwrap().attempt == 1 { Err("once more".into()) } else { Ok(n) }
}

#[component]
async fn parent(n: u64) -> gensx::Result<u64> {
    child(n).await
}

#[tokio::test]
async fn runs_components_and_attempts_have_spans() {
    let names = Names::default();
    let made = Arc::clone(&names.made);
    let guard = tracing::subscriber::set_default(names);
    assert_eq!(Runtime::in_memory().run(&parent, 1).await.unwrap(), 1);
    drop(guard);
    let made = made.lock().unwrap().clone();
    assert_eq!(made, ["0 run", "1 component", "2 attempt", "3 component", "4 attempt", "4 attempt"]);
}
