//! Which runs are a chat's: found again by their ids alone, so that any process of the API finds them, and after any restart.
//!
//! The id of a chat's run is made of the workflow, the chat, the day on which it was started, and how many the chat had on that
//! day: its turn. Turns of a day are dense from 1, so the last one is found by asking for twice the turn until there is none,
//! and halving. That needs the runs of a day to be there for as long as it lasts: a store that removes ended runs sooner forgets
//! chats sooner.

use futures_util::future::try_join_all;
use gensx_core::{Result, RunId, sink::Head};

use crate::{clock::unix_seconds, plane::Plane};

/// How many days a chat's last run is looked for, today included. A run that goes on for longer is found by its own id.
const DAYS: u64 = 8;
/// By how many days the clock of another process may be ahead.
const DAYS_AHEAD: u64 = 1;
/// The most runs of a chat on a day.
pub(super) const MAX_TURNS: u32 = 1 << 13;
const SECONDS_OF_A_DAY: u64 = 24 * 3600;
/// How many hexadecimal digits of a chat's hash the ids of its runs begin with.
const ID_DIGITS: usize = 32;

/// A chat of a workflow.
#[derive(Clone, Debug)]
pub(super) struct ChatRuns {
    hash: String,
    today: u64,
}

/// Which run of a chat.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Turn {
    day: u64,
    number: u32,
}

/// A run of a chat.
#[derive(Clone, Debug)]
pub(super) struct ChatRun {
    pub(super) turn: Turn,
    pub(super) run: RunId,
    pub(super) head: Head,
}

impl ChatRuns {
    pub(super) fn of(workflow: &str, chat: &str) -> Self {
        Self::on(workflow, chat, unix_seconds() / SECONDS_OF_A_DAY)
    }

    fn on(workflow: &str, chat: &str, today: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("gensx-http 2026 run ids of a chat");
        hasher.update(&(workflow.len() as u64).to_le_bytes()).update(workflow.as_bytes());
        hasher.update(chat.as_bytes());
        Self { hash: hasher.finalize().to_hex()[..ID_DIGITS].to_owned(), today }
    }

    pub(super) fn id(&self, Turn { day, number }: Turn) -> Result<RunId> {
        format!("{}-{day}-{number}", self.hash).parse()
    }

    /// The first turn of today.
    pub(super) fn first(&self) -> Turn {
        Turn { day: self.today, number: 1 }
    }

    /// The turn that follows; `None` if a day has no more.
    pub(super) fn next(&self, last: Option<Turn>) -> Option<Turn> {
        match last {
            Some(Turn { day, number }) if day >= self.today => {
                (number < MAX_TURNS).then_some(Turn { day, number: number + 1 })
            }
            _ => Some(self.first()),
        }
    }

    /// The chat's last run, if it had one in the last days.
    pub(super) async fn last(&self, plane: &Plane) -> Result<Option<ChatRun>> {
        let newest = self.today + DAYS_AHEAD;
        let days = (newest.saturating_sub(DAYS + DAYS_AHEAD - 1)..=newest).rev();
        let firsts = days.map(|day| self.look(plane, Turn { day, number: 1 }));
        match try_join_all(firsts).await?.into_iter().flatten().next() {
            Some(first) => self.last_of_day(plane, first).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn look(&self, plane: &Plane, turn: Turn) -> Result<Option<ChatRun>> {
        let run = self.id(turn)?;
        Ok(plane.head(&run).await?.map(|head| ChatRun { turn, run, head }))
    }

    async fn last_of_day(&self, plane: &Plane, first: ChatRun) -> Result<ChatRun> {
        let mut last = first;
        let mut none = MAX_TURNS + 1;
        while none - last.turn.number > 1 {
            let number = if none > MAX_TURNS {
                (last.turn.number * 2).min(MAX_TURNS)
            } else {
                last.turn.number.midpoint(none)
            };
            match self.look(plane, Turn { number, ..last.turn }).await? {
                Some(later) => last = later,
                None => none = number,
            }
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use gensx_core::{Backend, Client};

    use super::*;

    /// A plane in whose store these turns are.
    async fn plane(chat: &ChatRuns, turns: impl IntoIterator<Item = (u64, u32)>) -> Plane {
        let client = Client::new(Backend::in_memory());
        for (day, number) in turns {
            client.start("chat", &()).id(chat.id(Turn { day, number }).unwrap()).await.unwrap();
        }
        client.into()
    }

    #[tokio::test]
    async fn the_last_turn_is_found_whichever_it_is() {
        let chat = ChatRuns::on("chat", "a", 100);
        assert!(chat.last(&plane(&chat, []).await).await.unwrap().is_none());
        for turns in [1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 100] {
            let plane = plane(&chat, (1..=turns).map(|number| (100, number))).await;
            let last = chat.last(&plane).await.unwrap().unwrap();
            assert_eq!(last.turn, Turn { day: 100, number: turns });
            assert_eq!(chat.next(Some(last.turn)), Some(Turn { day: 100, number: turns + 1 }));
        }
    }

    #[tokio::test]
    async fn it_is_looked_for_some_days_back_and_where_clocks_are_ahead() {
        let chat = ChatRuns::on("chat", "a", 100);
        for (day, found) in [(92, false), (93, true), (99, true), (101, true), (102, false)] {
            let plane = plane(&chat, [(day, 1), (day, 2)]).await;
            let last = chat.last(&plane).await.unwrap().map(|last| last.turn);
            assert_eq!(last, found.then_some(Turn { day, number: 2 }), "{day}");
        }
        assert_eq!(chat.next(Some(Turn { day: 99, number: 7 })), Some(chat.first()));
        assert_eq!(chat.next(Some(Turn { day: 101, number: 7 })), Some(Turn { day: 101, number: 8 }));
        assert_eq!(chat.next(Some(Turn { day: 100, number: MAX_TURNS })), None);
    }

    #[test]
    fn chats_share_no_runs() {
        let id = |workflow: &str, chat: &str| {
            let chat = ChatRuns::on(workflow, chat, 1);
            chat.id(chat.first()).unwrap()
        };
        let ids = [id("a", "bc"), id("ab", "c"), id("a", "bd"), id("", "abc"), id("a", &"x".repeat(9_000))];
        let distinct: std::collections::BTreeSet<_> = ids.iter().map(RunId::to_string).collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
