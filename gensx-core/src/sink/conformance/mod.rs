//! The conformance suite of [`EventSink`](super::EventSink).
