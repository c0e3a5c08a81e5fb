//! Messages to any run, as their doorbells ring. No connection here.

use std::collections::VecDeque;

use gensx_core::{RunId, sink::Arrived};
use tokio::sync::watch;

use crate::error::Failure;

/// The most messages whose runs are remembered for those who ask what has arrived.
const MAX_REMEMBERED: usize = 10_000;

/// What has arrived since somebody first asked.
#[derive(Default)]
pub(crate) struct Mail {
    wanted: bool,
    /// How many have arrived.
    count: u64,
    /// Up to which of them it is not known which run they are for: some may have been missed, or are forgotten.
    blind_to: u64,
    /// The runs of those after `blind_to`.
    runs: VecDeque<RunId>,
    news: watch::Sender<News>,
}

/// What those who wait are told.
#[derive(Clone, Default, Debug)]
pub(crate) struct News {
    /// How many messages have arrived; `None` while nothing is heard.
    pub(crate) count: Option<u64>,
    /// Why nothing can be heard.
    pub(crate) failure: Option<Failure>,
}

impl Mail {
    /// Whether somebody has asked, so that it is listened to.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Somebody waits.
    pub(crate) fn want(&mut self) -> watch::Receiver<News> {
        self.wanted = true;
        self.news.subscribe()
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.news.borrow().count.is_some()
    }

    /// The server confirmed that every later message rings; some before it may have been missed.
    pub(crate) fn heard(&mut self) {
        self.miss();
    }

    /// Messages may have been missed.
    pub(crate) fn miss(&mut self) {
        if self.wanted {
            self.count += 1;
            self.blind_to = self.count;
            self.runs.clear();
            self.tell();
        }
    }

    /// The connection is gone.
    pub(crate) fn unheard(&mut self) {
        self.news.send_modify(|news| news.count = None);
    }

    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.news.send_modify(|news| news.failure = Some(failure.clone()));
    }

    /// A message to a run has arrived.
    pub(crate) fn ring(&mut self, run: RunId) {
        self.count += 1;
        self.runs.push_back(run);
        if self.runs.len() > MAX_REMEMBERED {
            self.runs.pop_front();
            self.blind_to += 1;
        }
        self.tell();
    }

    fn tell(&self) {
        self.news.send_replace(News { count: Some(self.count), failure: None });
    }

    /// What has arrived after the first `seen` messages.
    pub(crate) fn since(&self, seen: u64) -> Arrived {
        match seen.checked_sub(self.blind_to).and_then(|known| usize::try_from(known).ok()) {
            Some(known) => Arrived::Runs(self.runs.iter().skip(known).cloned().collect()),
            None => Arrived::Any,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n: u64) -> RunId {
        format!("run-{n}").parse().unwrap()
    }

    #[test]
    fn what_was_missed_may_be_any() {
        let mut mail = Mail::default();
        mail.want();
        mail.heard();
        let start = mail.count;
        mail.ring(run(1));
        mail.ring(run(2));
        assert_eq!(mail.since(start), Arrived::Runs(vec![run(1), run(2)]));
        assert_eq!(mail.since(start + 1), Arrived::Runs(vec![run(2)]));
        assert_eq!(mail.since(start + 2), Arrived::Runs(vec![]));
        mail.unheard();
        mail.heard();
        assert_eq!(mail.since(start + 2), Arrived::Any);
        assert_eq!(mail.since(mail.count), Arrived::Runs(vec![]));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut mail = Mail::default();
        mail.want();
        mail.heard();
        let start = mail.count;
        for n in 0..2 * MAX_REMEMBERED as u64 {
            mail.ring(run(n));
        }
        assert_eq!(mail.runs.len(), MAX_REMEMBERED);
        assert_eq!(mail.since(start), Arrived::Any);
        assert_eq!(mail.since(mail.count - 1), Arrived::Runs(vec![run(2 * MAX_REMEMBERED as u64 - 1)]));
    }
}
