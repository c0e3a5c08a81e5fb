use super::*;

#[test]
fn an_append_is_bounded_in_events_and_in_bytes() {
    let core = crate::Runtime::in_memory();
    let outbox = Outbox::new(RunId::generate(), Arc::clone(core.config()), EventId::new(1, 1));
    let mut state = lock(&outbox.state);
    for size in [10, 60, 60, 10, 500, 10] {
        let text = "x".repeat(size);
        state.add(Event::new(0, None, 0, EventKind::Log { level: Default::default(), message: text }), 1_000);
    }
    let limits = Limits { batch_events: 4, batch_bytes: 100, ..Limits::default() };
    let taken: Vec<_> = std::iter::from_fn(|| {
        let (first, events) = state.take(&limits);
        (!events.is_empty()).then_some((first.seq, events.len()))
    })
    .collect();
    assert_eq!(taken, [(1, 3), (4, 2), (6, 1)]);
}
