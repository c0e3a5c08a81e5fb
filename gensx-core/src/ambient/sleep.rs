use std::time::Duration;

use crate::{
    Result,
    call::{Leaf, Next},
    component::null,
    event::EventKind,
    identity::{Fingerprint, Marker},
    run::{ledger::Known, rest::Rest},
};

/// Sleeps. The time when it is due is recorded: a resumed run waits only for what is left, and never
/// longer than `duration`. Its precision is a millisecond.
///
/// Cancel safe: dropped, the sleep is over.
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example() -> gensx::Result<()> {
/// gensx::sleep(std::time::Duration::from_secs(60)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) outside a run.
pub fn sleep(duration: Duration) -> impl Future<Output = Result<()>> + Send {
    let whole_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let leaf = Leaf::build("gensx.sleep", &Marker::Inputs(Fingerprint::of(&whole_ms.to_le_bytes())));
    Leaf::attended(leaf, move |mut leaf| async move {
        let due_ms = match leaf.next().await? {
            Next::Known(json) => return json.map(drop),
            Next::Begin { due_ms: Some(due_ms), .. } => due_ms,
            Next::Begin { due_ms: None, .. } => {
                let due_ms = leaf.run().store_now_ms().saturating_add(whole_ms);
                let parent = leaf.parent().id;
                leaf.begin(EventKind::TimerSet { parent, duration_ms: whole_ms, due_ms })?;
                due_ms
            }
        };
        let left = leaf.run().remaining(due_ms, duration);
        let resting = leaf.rest(Rest::until(due_ms));
        leaf.run().config.clock.sleep(left).await;
        drop(resting);
        leaf.end(EventKind::TimerFired, Known::value(null())).await
    })
}
