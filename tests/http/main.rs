//! The API plane over an application's runtime and over a fleet, asked by a real client over real sockets.

mod control;
mod events;
mod example;
mod genx;
mod hostile;
mod start;
mod support;
