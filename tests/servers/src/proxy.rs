//! What may stand between a sink and Redis: it loses replies, falls silent, cuts off, and can be pointed at another server.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::AbortHandle,
};

/// A TCP proxy on a port of its own. It ends with the test's runtime.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: AtomicU16,
    /// Nothing is let through.
    cut_off: AtomicBool,
    /// One in so many replies is lost, and its connection cut; 0: none.
    loses_one_in: AtomicU64,
    lost: AtomicU64,
    connections: AtomicU64,
    /// Connections up to this one pass nothing on, and stay open.
    silent_to: AtomicU64,
    dice: Mutex<fastrand::Rng>,
    open: Mutex<Vec<AbortHandle>>,
}

impl Proxy {
    /// Begins to pass connections on to a port of this machine. The seed is of the dice for what is lost.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start(target: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("the port of a listener").port();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            cut_off: AtomicBool::new(false),
            loses_one_in: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            silent_to: AtomicU64::new(0),
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            open: Mutex::default(),
        });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { port, shared }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on one in `n` replies is lost; 0: none.
    pub fn lose_one_in(&self, n: u64) {
        self.shared.loses_one_in.store(n, Ordering::Relaxed);
    }

    /// How many replies were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// From now on the connections that are open pass nothing on, as when a router has forgotten them; later ones do.
    pub fn silence(&self) {
        self.shared.silent_to.store(self.connections(), Ordering::Relaxed);
    }

    /// Later connections go to another server, and those that are open are cut.
    pub fn point_at(&self, target: u16) {
        self.shared.target.store(target, Ordering::Relaxed);
        self.shared.open().drain(..).for_each(|task| task.abort());
    }

    /// Cuts all connections, and refuses others until [`let_through`](Self::let_through).
    pub fn cut_off(&self) {
        let mut open = self.shared.open();
        self.shared.cut_off.store(true, Ordering::Relaxed);
        open.drain(..).for_each(|task| task.abort());
    }

    /// Passes connections on again.
    pub fn let_through(&self) {
        self.shared.cut_off.store(false, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        // Under the lock: whoever cuts off finds every connection that is let through.
        let mut open = shared.open();
        if shared.cut_off.load(Ordering::Relaxed) {
            continue;
        }
        let task = tokio::spawn(pass(client, number, Arc::clone(&shared)));
        open.retain(|task| !task.is_finished());
        open.push(task.abort_handle());
    }
}

/// Until either side ends, or a reply is lost.
async fn pass(client: TcpStream, number: u64, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.target.load(Ordering::Relaxed))).await else {
        return;
    };
    // A socket that refuses is closed already.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = copy(from_client, to_server, || shared.is_silent(number), || false) => {}
        () = copy(from_server, to_client, || shared.is_silent(number), || shared.loses()) => {}
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_silent(&self, number: u64) -> bool {
        number <= self.silent_to.load(Ordering::Relaxed)
    }

    fn loses(&self) -> bool {
        let one_in = self.loses_one_in.load(Ordering::Relaxed);
        let loses = one_in > 0 && self.dice.lock().unwrap_or_else(PoisonError::into_inner).u64(..one_in) == 0;
        self.lost.fetch_add(u64::from(loses), Ordering::Relaxed);
        loses
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    is_silent: impl Fn() -> bool,
    loses: impl Fn() -> bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer).await {
        if is_silent() {
            continue;
        }
        if loses() || to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}
