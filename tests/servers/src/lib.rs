//! Servers that tests start by themselves, on free ports, and that end with the process that started them, however it
//! ends. A server that is not installed is a failure that says how to install it.

mod cluster;
mod example;
pub mod harness;
mod process;
mod proxy;
mod redis;
mod sentinel;
mod tls;

pub use cluster::{RedisCluster, SlotMove};
pub use example::example;
pub use proxy::Proxy;
pub use redis::{RedisServer, RedisServerBuilder};
pub use sentinel::RedisSentinel;
pub use tls::TestCertificates;
