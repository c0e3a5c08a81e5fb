//! The API plane of gensx: an axum [`Router`](axum::Router) that an application nests anywhere.
//!
//! It starts runs, reads their streams and passes messages in. It holds no workflow code and asks no worker anything: with
//! every worker stopped it still serves every run's history.
//!
//! ```
//! use gensx_core::{Backend, Client};
//!
//! # async fn example() -> std::io::Result<()> {
//! let client = Client::new(Backend::in_memory());
//! let app = axum::Router::new().nest("/api", gensx_http::router(client));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, app).await
//! # }
//! ```
//!
//! [`Api`] has the options: who may do what, which origins, limits, what the workflows take.
//!
//! With the feature `console` the router has a page as well, `/console`: runs, live, for people.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod access;
mod api;
mod body;
mod clock;
#[cfg(feature = "console")]
mod console;
pub mod durable;
mod events;
mod genx;
mod open;
mod options;
mod origin;
mod plane;
mod problem;
mod projection;
mod protocol;
mod query;
mod readers;
mod runs;
mod ui;
mod workflows;

pub use access::{Action, Ask, ReadTokens, Verdict};
pub use api::{Api, router};
pub use options::{
    DEFAULT_BODY_BYTES, DEFAULT_BODY_TIME, DEFAULT_HEARTBEAT, DEFAULT_LONG_POLL, DEFAULT_MAX_READERS,
    DEFAULT_PAGE_EVENTS,
};
pub use plane::Plane;
pub use protocol::Protocol;
pub use workflows::Described;
