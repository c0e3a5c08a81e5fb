//! Redis Cluster on this machine.

use crate::{
    process::{connect, free_port, until},
    redis::{RedisServer, RedisServerBuilder, command, wait_for_keys, wait_for_replica},
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
    replicas: Vec<RedisServer>,
}

/// A slot on its way from one node to another.
#[derive(Debug)]
pub struct SlotMove {
    slot: String,
    from: usize,
    to: usize,
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
        let nodes: Vec<RedisServer> = (0..MASTERS).map(|_| node(builder())).collect();
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
        Self { nodes, replicas: Vec::new() }
    }

    /// Gives its first node a replica, which takes over when that node dies, and waits until it follows.
    ///
    /// # Panics
    /// If it does not come about.
    pub fn add_replica(&mut self) {
        let replica = node(RedisServer::builder().option("repl-diskless-sync-delay", "0"));
        let first = &self.nodes[0];
        let (id, port) = (first.command(&["CLUSTER", "MYID"]), first.port().to_string());
        replica.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port_of(first).to_string()]);
        let follow = ["CLUSTER", "REPLICATE", &id];
        until("the replica's master", || (replica.command(&follow) == "OK").then_some(()));
        wait_for_replica(&replica);
        let known = replica.command(&["CLUSTER", "MYID"]);
        let knows = |node: &RedisServer| {
            let nodes = node.command(&["CLUSTER", "NODES"]);
            nodes.lines().any(|line| line.starts_with(&known) && line.contains("slave"))
        };
        until("a replica that all know", || self.nodes.iter().all(knows).then_some(()));
        self.replicas.push(replica);
    }

    /// Kills the first node, as `kill -9` does, once its replica has its keys, and waits until its replica has taken over.
    ///
    /// # Panics
    /// If it does not.
    pub fn kill_first(&mut self) {
        self.replicas.iter().for_each(|replica| wait_for_keys(&self.nodes[0], replica));
        self.nodes[0].kill();
        let is_master = |node: &RedisServer| node.command(&["ROLE"]).starts_with("master");
        until("the failover", || self.replicas.iter().any(is_master).then_some(()));
    }

    /// Moves the slot of a key from the node that has it to another one, with what is in it.
    ///
    /// # Panics
    /// If a node refuses.
    pub fn move_slot(&self, key: &str) {
        let moved = self.begin_move(key);
        self.finish_move(&moved);
    }

    /// Moves what is in the slot of a key; the slot itself is on its way until [`finish_move`](Self::finish_move).
    ///
    /// # Panics
    /// If a node refuses.
    #[must_use]
    pub fn begin_move(&self, key: &str) -> SlotMove {
        let slot = self.nodes[0].command(&["CLUSTER", "KEYSLOT", key]);
        let holds = |node: &RedisServer| {
            let count = node.command(&["CLUSTER", "COUNTKEYSINSLOT", &slot]);
            count.parse::<u64>().is_ok_and(|count| count > 0)
        };
        let from = self.nodes.iter().position(holds).expect("a node has the key");
        let moved = SlotMove { slot, from, to: (from + 1) % self.nodes.len() };
        let SlotMove { slot, from, to } = &moved;
        let (from, to) = (&self.nodes[*from], &self.nodes[*to]);
        let [from_id, to_id] = [from, to].map(|node| node.command(&["CLUSTER", "MYID"]));
        expect_ok(to, &["CLUSTER", "SETSLOT", slot, "IMPORTING", &from_id]);
        expect_ok(from, &["CLUSTER", "SETSLOT", slot, "MIGRATING", &to_id]);
        let port = to.port().to_string();
        loop {
            let keys = from.command(&["CLUSTER", "GETKEYSINSLOT", slot, "1"]);
            if keys.is_empty() {
                return moved;
            }
            expect_ok(from, &["MIGRATE", "127.0.0.1", &port, &keys, "0", "5000"]);
        }
    }

    /// Gives a slot whose keys were moved to the node that has them.
    ///
    /// # Panics
    /// If a node refuses.
    pub fn finish_move(&self, moved: &SlotMove) {
        let (from, to) = (&self.nodes[moved.from], &self.nodes[moved.to]);
        let to_id = to.command(&["CLUSTER", "MYID"]);
        for node in [to, from] {
            expect_ok(node, &["CLUSTER", "SETSLOT", &moved.slot, "NODE", &to_id]);
        }
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

fn expect_ok(node: &RedisServer, words: &[&str]) {
    let answer = node.command(words);
    assert!(answer == "OK" || answer == "NOKEY", "{words:?}: {answer}");
}

fn node(builder: RedisServerBuilder) -> RedisServer {
    let builder = builder.option("cluster-enabled", "yes").option("cluster-node-timeout", "2000");
    let builder = builder.option("repl-ping-replica-period", "1");
    builder.option("cluster-port", &bus_port().to_string()).start()
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
