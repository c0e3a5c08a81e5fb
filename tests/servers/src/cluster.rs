//! Redis Cluster on this machine.

use crate::{
    process::{connect, free_port, until},
    redis::{RedisServer, RedisServerBuilder, command},
    tls::TestCertificates,
};

const MASTERS: usize = 3;
const SLOTS: u32 = 16_384;
/// The other port that each node of a cluster takes is higher by this, so the first must not be too high.
const BUS_OFFSET: u16 = 10_000;

/// A cluster of three masters.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts it, and waits until every node finds it whole.
    ///
    /// # Panics
    /// If redis-server is not installed, or the cluster does not come about.
    #[must_use]
    pub fn start() -> Self {
        Self::start_of(RedisServer::builder, RedisServer::port)
    }

    /// Starts one whose nodes speak TLS with each other and with clients.
    ///
    /// # Panics
    /// If redis-server is not installed, or the cluster does not come about.
    #[must_use]
    pub fn start_tls(certificates: &TestCertificates) -> Self {
        let node = || RedisServer::builder().tls(certificates).option("tls-cluster", "yes");
        Self::start_of(node, RedisServer::tls_port)
    }

    fn start_of(builder: impl Fn() -> RedisServerBuilder, port: fn(&RedisServer) -> u16) -> Self {
        let node = |_| {
            let builder = builder().option("cluster-enabled", "yes");
            builder
                .option("cluster-node-timeout", "2000")
                .option("cluster-port", &bus_port().to_string())
                .start()
        };
        let nodes: Vec<RedisServer> = (0..MASTERS).map(node).collect();
        for (n, node) in (0..).zip(&nodes) {
            let share = SLOTS.div_ceil(MASTERS as u32);
            let (first, last) = (n * share, ((n + 1) * share).min(SLOTS) - 1);
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]);
        }
        for node in &nodes[1..] {
            let (port, bus) = (port(node).to_string(), bus_port_of(node).to_string());
            nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        until("the cluster", || nodes.iter().all(is_whole).then_some(()));
        Self { nodes }
    }

    /// Its address: all its nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// Its address with TLS.
    #[must_use]
    pub fn tls_url(&self) -> String {
        let hosts: Vec<String> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.tls_port())).collect();
        format!("rediss+cluster://{}", hosts.join(","))
    }

    /// Its nodes.
    #[must_use]
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }
}

/// A free port for what the nodes tell each other.
fn bus_port() -> u16 {
    until("a free port for a cluster's bus", || {
        let port = free_port();
        (connect(port).is_none() && port > BUS_OFFSET).then_some(port)
    })
}

fn bus_port_of(node: &RedisServer) -> u16 {
    let line = node.command(&["CLUSTER", "NODES"]);
    let bus = line.split('@').nth(1).and_then(|rest| rest.split([' ', ',']).next());
    bus.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no bus port in {line}"))
}

fn is_whole(node: &RedisServer) -> bool {
    let info = command(node.port(), &["CLUSTER", "INFO"]);
    let known = format!("cluster_known_nodes:{MASTERS}");
    info.contains("cluster_state:ok")
        && info.contains(&known)
        && command(node.port(), &["CLUSTER", "SHARDS"]).matches("online").count() == MASTERS
}
