//! Pages about the library as a whole. They hold no code; their examples are tested.

#[doc = include_str!("../docs/guide.md")]
pub mod guide {}

#[doc = include_str!("../docs/fleet.md")]
pub mod fleet {}

#[doc = include_str!("../docs/workflows.md")]
pub mod workflows {}

#[doc = include_str!("../docs/design.md")]
pub mod design {}

#[cfg(feature = "http")]
#[doc = include_str!("../docs/http.md")]
pub mod http {}

#[cfg(feature = "http")]
#[doc = include_str!("../docs/gensx-wire.md")]
pub mod gensx_wire {}

#[cfg(feature = "http")]
#[doc = include_str!("../docs/ai-sdk.md")]
pub mod ai_sdk {}

#[cfg(feature = "http")]
#[doc = include_str!("../docs/durable-streams.md")]
pub mod durable_streams {}

#[cfg(feature = "http-console")]
#[doc = include_str!("../docs/console.md")]
pub mod console {}
