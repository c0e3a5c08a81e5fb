//! Unit tests of components and workflows: virtual time, doubles, scripted failures, a record of what ran, and every
//! moment at which a process can crash.
//!
//! The guide, with an example of each that runs, is `docs/testing.md`.

mod clock;
mod crash;
mod doubles;
mod record;
mod runtime;
mod script;
mod sink;
mod which;

pub use clock::{Held, VirtualClock};
pub use crash::{CrashPoint, CrashPoints, CrashReport, Problem, crash_points};
pub use doubles::{Inputs, StandsFor};
pub use record::{Calls, Happened, SeenCall};
pub use runtime::{TestRuntime, TestRuntimeBuilder};
pub use which::{ByText, Which};
