//! What must hold for any stored bytes. Shared by the fuzz target and the test that runs its seeds.

use std::collections::BTreeMap;

use gensx_core::{ErrorKind, Event, EventId};
use serde_json::value::RawValue;

/// The bytes are refused with a typed error, or are an event that can be passed on to the letter.
pub(crate) fn decode_event(bytes: &[u8]) {
    let id = EventId::new(1, 1);
    match Event::decode(id, &bytes.into()) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Replay, "{error:#}"),
        Ok(event) => {
            assert_eq!(event.id, id);
            assert_eq!(&event.encode()[..], bytes);
            let shown = event.to_json();
            let fields: Result<BTreeMap<String, Box<RawValue>>, _> = serde_json::from_str(&shown);
            assert!(fields.is_ok(), "it is shown as {shown}");
        }
    }
}
