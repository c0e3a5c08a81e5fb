use std::time::Duration;

/// Bounds of a run, each with an error that names the component. Change the ones you need:
///
/// ```
/// let limits = gensx_core::Limits { events_per_run: 10_000, ..Default::default() };
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// The largest output, input of a run, emitted value, message or log line, in bytes. Streamed text that is larger becomes
    /// several events. Default 16 MiB.
    pub event_bytes: usize,
    /// Inputs of a component larger than this are not shown in the stream; their fingerprint is. Default 16 KiB.
    pub recorded_input_bytes: usize,
    /// The most events of one run. Default 1,000,000.
    pub events_per_run: u64,
    /// The most components inside one another. Each takes room on its thread's stack, some 15 KiB in a debug build, and a
    /// stack that overflows ends the process: raise this only together with the stack of the executor's threads. Default 64.
    pub depth: u32,
    /// Streamed text that may wait for the sink, in bytes. Beyond it components are held; beyond twice as much, emitted without
    /// an await, the attempt fails. Default 4 MiB.
    pub buffered_bytes: usize,
    /// Streamed text is sent at the latest after this. Default 30 ms.
    pub flush_interval: Duration,
    /// Streamed text is sent at once beyond this. Default 4 KiB.
    pub flush_bytes: usize,
    /// The most events in one append. Default 500.
    pub batch_events: usize,
    /// An append takes no more events after this many bytes. Default 4 MiB.
    pub batch_bytes: usize,
    /// How long a run repeats an append that the sink does not take, before it is let go. Default 60 s.
    pub sink_retry_budget: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes: 16 * 1024 * 1024,
            recorded_input_bytes: 16 * 1024,
            events_per_run: 1_000_000,
            depth: 64,
            buffered_bytes: 4 * 1024 * 1024,
            flush_interval: Duration::from_millis(30),
            flush_bytes: 4 * 1024,
            batch_events: 500,
            batch_bytes: 4 * 1024 * 1024,
            sink_retry_budget: Duration::from_mins(1),
        }
    }
}
