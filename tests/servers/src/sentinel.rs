//! A master and a replica, and a sentinel that watches them.

use tempfile::TempDir;

use crate::{
    process::{Guarded, connect, free_port, until},
    redis::{RedisServer, RedisServerBuilder, command, wait_for_keys, wait_for_replica},
    tls::TestCertificates,
};

/// The name under which the sentinel knows the master.
const MASTER: &str = "main";

/// A master with a replica, watched by one sentinel.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: [RedisServer; 2],
    _sentinel: Guarded,
    _folder: TempDir,
    port: u16,
    tls_port: Option<u16>,
}

impl RedisSentinel {
    /// Starts all of it, and waits until the replica follows and the sentinel knows it.
    ///
    /// # Panics
    /// If redis-server is not installed, or it does not come about.
    #[must_use]
    pub fn start() -> Self {
        Self::start_of(None)
    }

    /// Starts one whose servers and sentinel speak TLS with each other and with clients.
    ///
    /// # Panics
    /// If redis-server is not installed, or it does not come about.
    #[must_use]
    pub fn start_tls(certificates: &TestCertificates) -> Self {
        Self::start_of(Some(certificates))
    }

    fn start_of(certificates: Option<&TestCertificates>) -> Self {
        let builder = || {
            let builder = RedisServer::builder().option("repl-diskless-sync-delay", "0");
            let builder = builder.option("repl-ping-replica-period", "1");
            certificates.into_iter().fold(builder, RedisServerBuilder::tls)
        };
        let port = |server: &RedisServer| certificates.map_or_else(|| server.port(), |_| server.tls_port());
        let master = builder().start();
        let address = format!("127.0.0.1 {}", port(&master));
        let replica = builder().option("replicaof", &address).start();
        wait_for_replica(&replica);
        let (folder, listens) = (tempfile::tempdir().expect("a folder for the sentinel"), free_port());
        let mut settings = format!("port {listens}\nbind 127.0.0.1\n");
        let tls_port = certificates.map(|_| free_port());
        for (name, value) in
            tls_port.into_iter().zip(certificates).flat_map(|(port, files)| files.options(port))
        {
            settings.push_str(&format!("{name} {value}\n"));
        }
        settings.push_str(&format!(
            "sentinel monitor {MASTER} {address} 1\n\
             sentinel down-after-milliseconds {MASTER} 500\nsentinel failover-timeout {MASTER} 3000\n"
        ));
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, settings).expect("the sentinel's settings");
        let arguments = [file.display().to_string(), "--sentinel".to_owned()];
        let sentinel = Guarded::start("redis-server", &arguments, folder.path());
        until("the sentinel", || connect(listens));
        until("the sentinel's replicas", || {
            let replicas = command(listens, &["SENTINEL", "REPLICAS", MASTER]);
            replicas.contains(&port(&replica).to_string()).then_some(())
        });
        Self { servers: [master, replica], _sentinel: sentinel, _folder: folder, port: listens, tls_port }
    }

    /// Its address with TLS.
    ///
    /// # Panics
    /// If it was started without certificates.
    #[must_use]
    pub fn tls_url(&self) -> String {
        let port = self.tls_port.expect("it was started without certificates");
        format!("rediss+sentinel://127.0.0.1:{port}/{MASTER}")
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/{MASTER}", self.port)
    }

    /// The master that it began with, and its replica.
    pub fn servers(&mut self) -> &mut [RedisServer; 2] {
        &mut self.servers
    }

    /// Where the sentinel says that the master listens.
    #[must_use]
    pub fn master_port(&self) -> u16 {
        let answer = command(self.port, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER]);
        answer
            .lines()
            .nth(1)
            .and_then(|port| port.parse().ok())
            .unwrap_or_else(|| panic!("no master: {answer}"))
    }

    /// Kills the master that it began with, as `kill -9` does, once the replica has its keys, and waits until the replica has taken over.
    ///
    /// # Panics
    /// If it does not.
    pub fn kill_master(&mut self) {
        let before = self.master_port();
        wait_for_keys(&self.servers[0], &self.servers[1]);
        self.servers[0].kill();
        until("the failover", || (self.master_port() != before).then_some(()));
    }

    /// Has the replica take over, once it has the master's keys, and waits until it has.
    ///
    /// # Panics
    /// If it does not.
    pub fn fail_over(&self) {
        let before = self.master_port();
        wait_for_keys(&self.servers[0], &self.servers[1]);
        until("a failover to begin", || {
            (command(self.port, &["SENTINEL", "FAILOVER", MASTER]) == "OK").then_some(())
        });
        until("the failover", || (self.master_port() != before).then_some(()));
    }
}
