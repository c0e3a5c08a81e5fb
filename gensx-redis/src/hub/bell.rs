//! The queue's doorbell: the cursor of its latest change that may give a claim more. No connection here.

use tokio::sync::watch;

use crate::error::Failure;

/// What has rung since somebody first waited.
#[derive(Default)]
pub(crate) struct QueueBell {
    wanted: bool,
    listening: Listening,
    /// The latest cursor that a waiting worker was given.
    given: u64,
    news: watch::Sender<Rung>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Listening {
    #[default]
    No,
    Yes,
    /// It was refused, and is to be tried again.
    Refused,
}

/// What those who wait are told.
#[derive(Clone, Default, Debug)]
pub(crate) struct Rung {
    /// The latest cursor; `None` until it is known.
    pub(crate) cursor: Option<u64>,
    /// Grows when the queue went back: whoever waits is to claim again.
    pub(crate) doubts: u64,
    /// Why nothing can be heard.
    pub(crate) failure: Option<Failure>,
}

impl QueueBell {
    /// Somebody waits who was given a cursor.
    pub(crate) fn want(&mut self, cursor: u64) -> watch::Receiver<Rung> {
        self.wanted = true;
        self.given = self.given.max(cursor);
        self.news.subscribe()
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether it is to be listened to now.
    pub(crate) fn is_to_be_asked(&self) -> bool {
        self.wanted && self.listening == Listening::No
    }

    /// The server confirmed that every later change rings; this is the cursor after those before.
    pub(crate) fn heard(&mut self, cursor: u64) {
        self.listening = Listening::Yes;
        let went_back = cursor < self.given;
        if went_back {
            // A failover lost what had been told: the cursors of before say nothing.
            self.given = 0;
        }
        self.news.send_modify(|news| {
            news.doubts += u64::from(went_back);
            (news.cursor, news.failure) = (Some(cursor), None);
        });
    }

    pub(crate) fn refused(&mut self, failure: Failure) {
        self.listening = Listening::Refused;
        self.news.send_modify(|news| news.failure = Some(failure));
    }

    /// Has what was refused tried again.
    pub(crate) fn retry(&mut self) {
        if self.listening == Listening::Refused {
            self.listening = Listening::No;
        }
    }

    /// The connection is gone, or something may have been missed: it is listened to and looked at anew.
    pub(crate) fn unheard(&mut self) {
        self.listening = Listening::No;
    }

    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.news.send_modify(|news| news.failure = Some(failure.clone()));
    }

    pub(crate) fn ring(&mut self, cursor: u64) {
        self.news.send_if_modified(|news| {
            let grown = news.cursor.is_none_or(|latest| latest < cursor);
            if grown {
                news.cursor = Some(cursor);
            }
            grown
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_went_back_is_doubted_once() {
        let mut bell = QueueBell::default();
        let news = bell.want(7);
        assert!(bell.is_to_be_asked());
        bell.heard(7);
        bell.ring(9);
        bell.ring(8);
        let told = |news: &watch::Receiver<Rung>| (news.borrow().cursor, news.borrow().doubts);
        assert_eq!((told(&news), bell.is_to_be_asked()), ((Some(9), 0), false));
        bell.want(9);
        bell.unheard();
        bell.heard(4);
        assert_eq!(told(&news), (Some(4), 1));
        bell.unheard();
        bell.heard(4);
        assert_eq!(told(&news), (Some(4), 1));
    }
}
