//! What stands between one session and the API: it cuts the session's connections at chosen points of what is answered.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::Client;

/// The most bytes before a cut: within the head of an answer, a batch, or some batches on.
const NEAR_BYTES: u64 = 600;
const FAR_BYTES: u64 = 6_000;
/// The most bytes between what says that history is over and a cut at the seam.
const SEAM_BYTES: u64 = 60;
/// What says so, in an event and in a header.
const SEAMS: [&[u8]; 2] = [b"\"upToDate\":true", b"stream-up-to-date: true"];

/// How a client wants to be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// Anywhere.
    Anywhere,
    /// Not between the two line ends that end an event, and never with a reset: `fetch-event-source` goes on from an event's id
    /// once it has read that line, and the event is dispatched by the line that follows. No server can help that.
    BetweenNoLineEnds,
    /// Anywhere but at the seam, of which lines say nothing.
    AtNoSeam,
}

impl From<Client> for Manner {
    fn from(client: Client) -> Self {
        match client {
            Client::Node("fetch-event-source") => Self::BetweenNoLineEnds,
            Client::CurlLines => Self::AtNoSeam,
            _ => Self::Anywhere,
        }
    }
}

/// Where a connection is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// After so many bytes.
    After(u64),
    /// Behind the first byte of the so-many-th character that has several.
    InCharacter(u64),
    /// So many bytes after history is over.
    AtSeam(u64),
}

pub(crate) struct Cutter {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: u16,
    manner: Manner,
    max_cuts: usize,
    /// Cuts made, by where they were: somewhere, in a character, at the seam.
    cuts: [AtomicUsize; 3],
}

impl Cutter {
    pub(crate) async fn start(target: u16, max_cuts: usize, seed: u64, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { target, manner, max_cuts, cuts: Default::default() });
        let accepting = Arc::clone(&shared);
        let mut dice = fastrand::Rng::with_seed(seed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, Arc::clone(&accepting), dice.fork()));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn cuts(&self) -> usize {
        self.places().iter().sum()
    }

    pub(crate) fn places(&self) -> [usize; 3] {
        [0, 1, 2].map(|at| self.shared.cuts[at].load(Ordering::Relaxed))
    }
}

impl Shared {
    /// Takes one of the cuts that are left.
    fn takes(&self, cut: Cut) -> bool {
        let at = match cut {
            Cut::After(_) => 0,
            Cut::InCharacter(_) => 1,
            Cut::AtSeam(_) => 2,
        };
        let taken: usize = self.cuts.iter().map(|cuts| cuts.load(Ordering::Relaxed)).sum();
        let takes = taken < self.max_cuts;
        self.cuts[at].fetch_add(usize::from(takes), Ordering::Relaxed);
        takes
    }
}

fn choose(dice: &mut fastrand::Rng, manner: Manner) -> Cut {
    match dice.u8(..if manner == Manner::AtNoSeam { 4 } else { 5 }) {
        0 | 1 => Cut::After(dice.u64(1..NEAR_BYTES)),
        2 => Cut::After(dice.u64(1..FAR_BYTES)),
        3 => Cut::InCharacter(dice.u64(1..60)),
        _ => Cut::AtSeam(dice.u64(..SEAM_BYTES)),
    }
}

/// Passes a connection on, and cuts it.
async fn pass(client: TcpStream, shared: Arc<Shared>, mut dice: fastrand::Rng) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.target)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut point = Point::new(choose(&mut dice, shared.manner), shared.manner);
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(bytes @ 1..) = from_server.read(&mut buffer).await {
            let bytes = &buffer[..bytes];
            let cut = point.find(bytes).filter(|_| shared.takes(point.cut));
            if to_client.write_all(&bytes[..cut.unwrap_or(bytes.len())]).await.is_err() || cut.is_some() {
                return cut.is_some();
            }
        }
        false
    };
    let asks = tokio::io::copy(&mut from_client, &mut to_server);
    let cut = tokio::select! {
        cut = answers => cut,
        _ = asks => false,
    };
    if cut && shared.manner != Manner::BetweenNoLineEnds && dice.bool() {
        // A reset, as of a host that went away.
        let client = from_client.reunite(to_client).expect("halves of one connection");
        let _ = client.set_zero_linger();
    }
}

/// Looks for the place of a cut in what passes by.
struct Point {
    cut: Cut,
    manner: Manner,
    seams: [usize; 2],
    is_seen: bool,
    is_due: bool,
}

impl Point {
    fn new(cut: Cut, manner: Manner) -> Self {
        Self { cut, manner, seams: [0; 2], is_seen: false, is_due: false }
    }

    /// How many of the bytes are still passed on.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let at = bytes.iter().position(|byte| self.is_behind(*byte))?;
        Some(at + 1)
    }

    fn is_behind(&mut self, byte: u8) -> bool {
        self.is_due |= match &mut self.cut {
            Cut::After(left) => counts_down(left),
            Cut::InCharacter(left) => byte >= 0xC0 && counts_down(left),
            Cut::AtSeam(left) if self.is_seen => counts_down(left),
            Cut::AtSeam(_) => {
                for (seen, seam) in self.seams.iter_mut().zip(SEAMS) {
                    *seen = if byte == seam[*seen] { *seen + 1 } else { usize::from(byte == seam[0]) };
                    if *seen == seam.len() {
                        (*seen, self.is_seen) = (0, true);
                    }
                }
                false
            }
        };
        self.is_due && (self.manner != Manner::BetweenNoLineEnds || byte != b'\n')
    }
}

fn counts_down(left: &mut u64) -> bool {
    *left = left.saturating_sub(1);
    *left == 0
}
