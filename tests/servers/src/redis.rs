//! One redis-server.

use std::{
    io::{BufReader, Write as _},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    process::{Guarded, connect, free_port, until},
    tls::TestCertificates,
};

/// Tries to find a port that is still free when the server takes it.
const PORT_TRIES: u32 = 5;
/// The longest that a command of the tests themselves may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(20);

/// A redis-server of a test's own, with an empty data folder. It ends when this is dropped, and with the process.
#[derive(Debug)]
pub struct RedisServer {
    process: Option<Guarded>,
    options: Vec<String>,
    port: u16,
    tls_port: Option<u16>,
    folder: TempDir,
}

/// Options of a [`RedisServer`].
#[derive(Debug, Default)]
#[must_use]
pub struct RedisServerBuilder {
    options: Vec<String>,
    tls_port: Option<u16>,
}

impl RedisServerBuilder {
    /// Speaks TLS, too, on a port of its own.
    pub fn tls(mut self, certificates: &TestCertificates) -> Self {
        let port = free_port();
        self.tls_port = Some(port);
        certificates.options(port).iter().fold(self, |builder, (name, value)| builder.option(name, value))
    }

    /// A line of `redis.conf`: a name and its value.
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.push(format!("--{name}"));
        self.options.extend(value.split(' ').map(str::to_owned));
        self
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    #[must_use]
    pub fn start(self) -> RedisServer {
        expect_installed();
        let folder = tempfile::tempdir().expect("a folder for the server's data");
        let mut server =
            RedisServer { process: None, options: self.options, port: 0, tls_port: self.tls_port, folder };
        server.port =
            (0..PORT_TRIES).map(|_| free_port()).find(|port| server.try_start(*port)).unwrap_or_else(|| {
                let output = std::fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
                panic!("redis-server did not start: {output}")
            });
        server
    }
}

impl RedisServer {
    /// A server that writes nothing to the disk.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Options for one.
    pub fn builder() -> RedisServerBuilder {
        RedisServerBuilder::default().option("save", "")
    }

    /// Whether it answers on that port after it was started there.
    fn try_start(&mut self, port: u16) -> bool {
        let mut arguments: Vec<String> =
            ["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"].map(str::to_owned).to_vec();
        arguments.push(self.folder.path().display().to_string());
        arguments.extend(["--logfile", "log"].map(str::to_owned));
        arguments.extend(self.options.iter().cloned());
        let process = Guarded::start("redis-server", &arguments, self.folder.path());
        let pid = process.pid();
        self.process = Some(process);
        until("redis-server", || {
            if connect(port).is_some() {
                return Some(true);
            }
            let alive = std::path::Path::new(&format!("/proc/{pid}")).exists();
            (!alive).then_some(false)
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address with TLS.
    ///
    /// # Panics
    /// If it was not built with certificates.
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.tls_port())
    }

    /// Where it listens with TLS.
    ///
    /// # Panics
    /// If it was not built with certificates.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.tls_port.expect("it was built without certificates")
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its process, to be stopped and woken.
    ///
    /// # Panics
    /// If it was killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it was killed").pid()
    }

    /// Kills it, as `kill -9` does. Its data folder stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on its data and its port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.try_start(self.port), "redis-server did not start again on port {}", self.port);
    }

    /// Sends a command, in words, and gives the answer as Redis writes it on the wire, without the last line's end.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn command(&self, words: &[&str]) -> String {
        command(self.port, words)
    }
}

/// Sends a command to a server of this machine.
pub(crate) fn command(port: u16, words: &[&str]) -> String {
    try_command(port, words).unwrap_or_else(|error| panic!("{words:?} to port {port}: {error}"))
}

pub(crate) fn try_command(port: u16, words: &[&str]) -> std::io::Result<String> {
    let mut stream = connect(port).ok_or(std::io::ErrorKind::ConnectionRefused)?;
    stream.set_read_timeout(Some(COMMAND_LIMIT))?;
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(text.as_bytes())?;
    answer(&mut BufReader::new(stream))
}

/// One answer of the protocol, its parts in lines.
fn answer(stream: &mut impl std::io::BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    let Some((kind, rest)) = line.split_at_checked(1) else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    let length = || rest.parse::<i64>().map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData));
    match kind {
        "$" => {
            let Ok(length) = usize::try_from(length()?) else { return Ok("(nil)".to_owned()) };
            let mut bytes = vec![0; length + 2];
            stream.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        "*" => {
            let parts = (0..length()?.max(0)).map(|_| answer(stream)).collect::<std::io::Result<Vec<_>>>()?;
            Ok(parts.join("\n"))
        }
        "+" | ":" => Ok(rest.to_owned()),
        _ => Ok(line.to_owned()),
    }
}

/// Until a replica is sent what its master does: it says sooner that it follows. The master is to ping it often.
pub(crate) fn wait_for_replica(replica: &RedisServer) {
    until("the replica", || {
        let info = replica.command(&["INFO", "replication"]);
        let offset = info.lines().find_map(|line| line.strip_prefix("slave_repl_offset:").map(str::to_owned));
        offset.is_some_and(|offset| offset.trim() != "0").then_some(())
    });
}

/// Until a replica has each key of its master: what is lost with the master then are the latest changes, no more.
pub(crate) fn wait_for_keys(master: &RedisServer, replica: &RedisServer) {
    let keys = |server: &RedisServer| server.command(&["DBSIZE"]);
    until("the replica's keys", || (keys(master) == keys(replica)).then_some(()));
}

fn expect_installed() {
    let found = Command::new("redis-server").arg("--version").output();
    assert!(found.is_ok(), "redis-server is missing: install it with `apt-get install redis-server`");
}
