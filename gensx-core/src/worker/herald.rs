//! Says that the worker lives, that it drains, and that it leaves; in this order, from one task.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::select;
use tokio::sync::{oneshot, watch};

use super::{Inner, phase::Phase};
use crate::{
    RunQueue, clock, io,
    queue::{self, Announce},
};

/// The wait before it is said again that nobody heard.
const RETRY: Duration = Duration::from_millis(500);

struct Herald {
    queue: Arc<dyn RunQueue>,
    worker: queue::Worker,
    ttl: Duration,
}

/// Announces the worker, and goes on with it. What it gives ends when the worker has said that it leaves.
pub(super) async fn begin(inner: &Inner) -> oneshot::Receiver<()> {
    let herald = Herald {
        queue: Arc::clone(inner.backend.queue()),
        worker: inner.identity.clone(),
        ttl: inner.options.lease,
    };
    let phases = inner.life.watch();
    // Before the first claim: which deployment is the newest depends on it.
    herald.say(Phase::Claims).await;
    let (leaves, left) = oneshot::channel();
    io::spawn(herald.go_on(phases, leaves));
    left
}

impl Herald {
    async fn go_on(self, mut phases: watch::Receiver<Phase>, leaves: oneshot::Sender<()>) {
        loop {
            let phase = *phases.borrow_and_update();
            if phase == Phase::Dead {
                return;
            }
            let heard = self.say(phase).await;
            if phase == Phase::Left {
                let _ = leaves.send(());
                return;
            }
            let wait = if heard { self.ttl / 3 } else { RETRY.min(self.ttl / 3) };
            let (changed, sleep) = (pin!(phases.changed()), pin!(clock::sleep(wait)));
            // An error means that the worker is gone without a word.
            if let futures_util::future::Either::Left((Err(_), _)) = select(changed, sleep).await {
                return;
            }
        }
    }

    /// Whether it was heard.
    async fn say(&self, phase: Phase) -> bool {
        let announce = Announce {
            worker: self.worker.clone(),
            draining: !matches!(phase, Phase::Idle | Phase::Claims),
            ttl: if phase == Phase::Left { Duration::ZERO } else { self.ttl },
        };
        let answer = self.queue.announce(&announce).await;
        if let Err(error) = &answer {
            tracing::warn!(worker = %self.worker.id, error = %error, "the worker cannot be announced, it is tried again");
        }
        answer.is_ok()
    }
}
