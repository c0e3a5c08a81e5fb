//! A child process that does not outlive its parent.

use std::{
    io::Read as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The longest that a server may take to listen: build machines are slow.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks whether it listens.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Starts the command in its arguments and ends it when its own standard input is closed: that happens when whoever
/// started it ends, also by `kill -9`.
const GUARD: &str = r#"
"$@" </dev/null & server=$!
trap 'kill -9 $server 2>/dev/null; wait $server 2>/dev/null' EXIT
echo $server
read -r _
"#;

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Guarded {
    guard: Child,
    pid: u32,
}

impl Guarded {
    /// Starts `program` in `folder`, with what it prints in a file there.
    pub(crate) fn start(program: &str, arguments: &[String], folder: &Path) -> Self {
        let log = std::fs::File::create(folder.join("output")).expect("a file for the server's output");
        let mut guard = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {GUARD}"), "guard", program])
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("sh, to start a server");
        let mut pid = String::new();
        let output = guard.stdout.as_mut().expect("it is piped");
        let mut byte = [0];
        while output.read(&mut byte).is_ok_and(|n| n == 1) && byte[0] != b'\n' {
            pid.push(char::from(byte[0]));
        }
        let pid = pid.trim().parse().unwrap_or_else(|_| panic!("`{program}` did not start: {pid}"));
        Self { guard, pid }
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills the server, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        drop(self.guard.stdin.take());
        // It ends the server first.
        let _ = self.guard.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("the port of a listener").port()
}

/// Waits until `ready` gives something.
pub(crate) fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(started.elapsed() < START_LIMIT, "{what}: nothing happened within {START_LIMIT:?}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// A connection to a port of this machine, once something listens there.
pub(crate) fn connect(port: u16) -> Option<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
}
