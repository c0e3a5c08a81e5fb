//! What a worker does with a run, from the grant to the release.

use super::{
    scene::Scene,
    world::{Event, Finish, Grip, Hold, Last, Look, Memory, Owner, What},
};
use crate::{
    EventId,
    lease::{Ending, Heard, Takeover},
    queue::Park,
};

impl Scene<'_> {
    pub(super) fn go_on(&mut self, reply_lost: bool) -> Result<bool, String> {
        match self.hold().clone() {
            Hold::Nothing => Ok(false),
            Hold::Granted(grip) => Ok(self.read(grip)),
            Hold::Read(grip, takeover, memory) => self.take_over(grip, takeover, memory),
            Hold::Owns(grip, owner) => self.work(grip, owner, reply_lost),
            Hold::Over(grip, finish) => {
                let ending = match finish {
                    Finish::Ended => Ending::Ended,
                    Finish::GivenUp => Ending::GivenUp,
                    Finish::Gone => Ending::Gone,
                    Finish::Fenced => Ending::Fenced,
                };
                self.release(&grip, ending)
            }
        }
    }

    fn read(&mut self, grip: Grip) -> bool {
        let rules = self.rules;
        let run = self.run();
        let takeover = (rules.takeover)(run.head().as_ref(), grip.first);
        let memory = Memory::of(&run.stream);
        self.set(match takeover {
            Takeover::Ended => Hold::Over(grip, Finish::Ended),
            Takeover::Gone => Hold::Over(grip, Finish::Gone),
            Takeover::Open(_) | Takeover::Claim(_) => Hold::Read(grip, takeover, memory),
        })
    }

    fn take_over(&mut self, grip: Grip, takeover: Takeover, memory: Memory) -> Result<bool, String> {
        let (first, what) = match takeover {
            Takeover::Open(first) => (first, What::Opened),
            Takeover::Claim(first) => (first, What::Claimed),
            Takeover::Ended | Takeover::Gone => return Ok(false),
        };
        let answer = self.append(first, grip.lease.number, what);
        let hold = match (self.rules.heard)(answer) {
            Heard::Durable => {
                self.acknowledge(first, grip.lease.number, what)?;
                let next = EventId::new(first.epoch, first.seq + 1);
                let memory = self.confirmed(first.seq - 1, memory);
                Hold::Owns(grip, Owner { next, memory, looked: None, unanswered: None })
            }
            Heard::Stop => Hold::Over(grip, Finish::Fenced),
            Heard::Ended => Hold::Over(grip, Finish::Ended),
        };
        Ok(self.set(hold))
    }

    /// What an owner remembers, given that its claim follows the event at `seq`.
    fn confirmed(&mut self, seq: u64, read: Memory) -> Memory {
        let rules = self.rules;
        let before = &self.run().stream[..usize::try_from(seq).unwrap_or_default()];
        let entry = |event: &Event| event.entry(seq);
        let same =
            (rules.confirms)(read.last.as_ref().map(entry).as_ref(), before.last().map(entry).as_ref());
        let memory = if same { read } else { Memory::of(before) };
        // It has served its purpose.
        Memory { last: None, ..memory }
    }

    fn work(&mut self, grip: Grip, mut owner: Owner, reply_lost: bool) -> Result<bool, String> {
        let Some(look) = owner.looked else {
            owner.looked = Some(self.look(&grip));
            return Ok(!reply_lost && self.set(Hold::Owns(grip, owner)));
        };
        let Some(what) = owner.unanswered.or_else(|| next(&grip, owner.memory, look)) else {
            let waits = Ending::Waits(Park::for_message(look.wakes));
            return if reply_lost { Ok(false) } else { self.release(&grip, waits) };
        };
        let (first, number) = (owner.next, grip.lease.number);
        let answer = self.append(first, number, what);
        if reply_lost {
            owner.unanswered = Some(what);
            return Ok(self.set(Hold::Owns(grip, owner)));
        }
        let hold = match (self.rules.heard)(answer) {
            Heard::Durable => {
                self.acknowledge(first, number, what)?;
                owner.memory.note(what);
                owner.unanswered = None;
                owner.next.seq += 1;
                match what {
                    What::Ended(Last::GivenUp) => Hold::Over(grip, Finish::GivenUp),
                    What::Ended(_) => Hold::Over(grip, Finish::Ended),
                    _ => Hold::Owns(grip, owner),
                }
            }
            Heard::Stop => Hold::Over(grip, Finish::Fenced),
            Heard::Ended => Hold::Over(grip, Finish::Ended),
        };
        Ok(self.set(hold))
    }

    fn look(&mut self, grip: &Grip) -> Look {
        let run = self.run();
        Look { wakes: grip.wakes, message: run.sent, cancelled: run.cancelled }
    }

    pub(super) fn look_again(&mut self) -> bool {
        let Hold::Owns(grip, mut owner) = self.hold().clone() else { return false };
        owner.looked = Some(self.look(&grip));
        self.set(Hold::Owns(grip, owner))
    }
}

/// A run's own program: what an owner records next, `None` while it waits for the message.
fn next(grip: &Grip, memory: Memory, look: Look) -> Option<What> {
    Some(match memory {
        _ if grip.exhausted => What::Ended(Last::GivenUp),
        _ if look.cancelled => What::Ended(Last::Cancelled),
        Memory { calls: [false, _], .. } => What::Call(0),
        Memory { received: false, .. } if !look.message => return None,
        Memory { received: false, .. } => What::Received,
        Memory { calls: [_, false], .. } => What::Call(1),
        Memory { .. } => What::Ended(Last::Succeeded),
    })
}
