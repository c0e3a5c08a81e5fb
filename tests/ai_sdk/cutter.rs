//! What stands between a client and the API: it cuts connections somewhere in what is answered, behind the head.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
};

/// What ends the head of an answer.
const HEAD_END: &[u8] = b"\r\n\r\n";

pub(crate) struct Cutter {
    pub(crate) port: u16,
    cuts: Arc<AtomicUsize>,
}

impl Cutter {
    /// Cuts so many connections, each after up to so many bytes.
    pub(crate) async fn start(
        target: u16,
        max_cuts: usize,
        bytes: std::ops::Range<usize>,
        seed: u64,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts = Arc::new(AtomicUsize::new(0));
        let mut dice = fastrand::Rng::with_seed(seed);
        let counted = Arc::clone(&cuts);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let after = dice.usize(bytes.clone());
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    // Whichever side ends first ends the other.
                    let _ = pass(client, target, after, max_cuts, &counted).await;
                });
            }
        });
        Self { port, cuts }
    }

    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

async fn pass(
    mut client: TcpStream,
    target: u16,
    after: usize,
    max_cuts: usize,
    cuts: &AtomicUsize,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let answers = async {
        let (mut buffer, mut head, mut left) = (vec![0; 16 * 1024], Vec::new(), None);
        loop {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let mut pass = read;
            if left.is_none() {
                head.extend_from_slice(&buffer[..read]);
                let end = head.windows(HEAD_END.len()).position(|window| window == HEAD_END);
                left = end.map(|end| end + HEAD_END.len() + after + read - head.len());
            }
            if let Some(left) = &mut left {
                if *left < read
                    && cuts
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |cuts| {
                            (cuts < max_cuts).then_some(cuts + 1)
                        })
                        .is_ok()
                {
                    pass = *left;
                }
                *left = left.saturating_sub(read);
            }
            to_client.write_all(&buffer[..pass]).await?;
            if pass < read {
                return Ok(());
            }
        }
    };
    tokio::select! {
        ended = answers => ended,
        ended = copy(&mut from_client, &mut to_server) => ended.map(drop),
    }
}
