//! What may vary from run to run goes through a record: the same at every replay.

use std::time::{Duration, SystemTime};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error, ErrorKind, Result,
    call::{Leaf, Next},
    component::to_json,
    identity::{Fingerprint, Marker},
};

const NOTHING: Marker<'static> = Marker::Inputs(Fingerprint::NONE);

/// The time by the sink, recorded: a resumed run gets the same. Its precision is a millisecond.
///
/// Cancel safe: dropped before its outcome, it is asked again.
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example() -> gensx::Result<()> {
/// let today = gensx::now().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] outside a run.
pub fn now() -> impl Future<Output = Result<SystemTime>> + Send {
    let leaf = Leaf::build("gensx.now", &NOTHING);
    Leaf::attended(leaf, move |leaf| async move {
        let ms: u64 = recorded(leaf, |leaf| leaf.run().store_now_ms()).await?;
        Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(ms))
    })
}

/// A random UUID (version 4), recorded.
///
/// Cancel safe, as [`now`] is.
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example() -> gensx::Result<()> {
/// let order = gensx::uuid().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] outside a run.
pub fn uuid() -> impl Future<Output = Result<uuid::Uuid>> + Send {
    let leaf = Leaf::build("gensx.uuid", &NOTHING);
    Leaf::attended(leaf, move |leaf| async move {
        let drawn = |bytes| uuid::Builder::from_random_bytes(bytes).into_uuid();
        recorded(leaf, |leaf| leaf.drawn().map_or_else(uuid::Uuid::new_v4, drawn)).await
    })
}

/// A random number of 64 bits, recorded. Not for secrets: it stands in the stream.
///
/// Cancel safe, as [`now`] is.
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example() -> gensx::Result<()> {
/// let die = gensx::random().await? % 6 + 1;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] outside a run.
pub fn random() -> impl Future<Output = Result<u64>> + Send {
    let leaf = Leaf::build("gensx.random", &NOTHING);
    Leaf::attended(leaf, move |leaf| async move {
        let any = || uuid::Uuid::new_v4().as_u64_pair().1 ^ uuid::Uuid::new_v4().as_u64_pair().0;
        let drawn = |bytes| uuid::Uuid::from_bytes(bytes).as_u64_pair().0;
        recorded(leaf, |leaf| leaf.drawn().map_or_else(any, drawn)).await
    })
}

async fn recorded<T>(mut leaf: Leaf, make: impl FnOnce(&Leaf) -> T) -> Result<T>
where
    T: Serialize + DeserializeOwned,
{
    let json = match leaf.next().await? {
        Next::Known(json) => json?,
        Next::Begin { .. } => {
            let value = make(&leaf);
            let json = to_json(&value)?;
            leaf.end_with(json, std::any::type_name::<T>()).await?;
            return Ok(value);
        }
    };
    serde_json::from_str(json.get()).map_err(|error| {
        let text = format!("what is recorded is no `{}`", std::any::type_name::<T>());
        Error::of(ErrorKind::Replay, text).with_source(error)
    })
}
