//! What may happen next, in which order it is tried, and what is checked after it.

use super::{
    rules::Rules,
    scene::Scene,
    world::{Hold, World},
};

/// Something that may happen to a run, and to a worker that has to do with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Act {
    /// The worker goes on with what it does, as far as the next answer.
    GoOn,
    Claim,
    Beat,
    /// It looks into the inbox again.
    LookAgain,
    /// The wake for a message or a cancellation arrives.
    Tell,
    Send,
    /// Time passes for a run that nobody works on.
    Expire,
    Promote,
    /// Troubles, and what else is bounded as they are.
    Cancel,
    ClientOpens,
    Crash,
    ExpireLive,
    LoseReply,
    Drain,
    Unable,
    LoseTail(u8),
}

pub(super) type Step = (usize, usize, Act);

/// What happens by itself if nothing goes wrong, in the order in which it is tried where all must end.
pub(super) const FAIR: [Act; 6] = [Act::Tell, Act::GoOn, Act::Expire, Act::Promote, Act::Claim, Act::Send];

pub(super) const OTHERS: [Act; 11] = [
    Act::Beat,
    Act::LookAgain,
    Act::Cancel,
    Act::ClientOpens,
    Act::Crash,
    Act::ExpireLive,
    Act::LoseReply,
    Act::Drain,
    Act::Unable,
    Act::LoseTail(1),
    Act::LoseTail(2),
];

type Outcome = Result<Option<World>, String>;

/// The world after a step; `None` if it cannot happen; an error if it breaks a promise.
pub(super) fn apply(world: &World, (worker, run, act): Step, rules: &Rules) -> Outcome {
    if !may_happen(world, worker, run, act) {
        return Ok(None);
    }
    let mut next = world.clone();
    let mut scene = Scene { world: &mut next, worker, run, rules };
    let happened = match act {
        Act::GoOn => scene.go_on(false)?,
        Act::Claim => scene.claim()?,
        Act::Beat => scene.beat()?,
        Act::LookAgain => scene.look_again(),
        Act::Tell => scene.tell(),
        Act::Send => scene.send(),
        Act::Expire => !scene.is_worked_on() && scene.expire(),
        Act::Promote => scene.promote(),
        trouble => scene.world.troubles > 0 && scene.trouble(trouble)?,
    };
    if !happened || next == *world {
        return Ok(None);
    }
    grown(world, &next, act)?;
    next.check()?;
    Ok(Some(next))
}

/// Rules out most of what cannot happen, at a glance. What has nothing to do with a worker is the first one's.
fn may_happen(world: &World, worker: usize, run: usize, act: Act) -> bool {
    let (hold, run) = (&world.workers[worker][run], &world.runs[run]);
    let place = run.ticket.as_ref().map(|ticket| &ticket.place);
    match act {
        Act::Claim => *hold == Hold::Nothing && place.is_some(),
        Act::GoOn | Act::Beat => *hold != Hold::Nothing,
        Act::LookAgain => matches!(hold, Hold::Owns(..)),
        Act::Crash | Act::Drain | Act::Unable => *hold != Hold::Nothing && world.troubles > 0,
        Act::LoseReply => matches!(hold, Hold::Owns(..)) && world.troubles > 0,
        Act::Tell => worker == 0 && !run.untold.is_empty(),
        Act::Send | Act::Expire | Act::Promote => worker == 0,
        Act::Cancel | Act::ClientOpens | Act::ExpireLive | Act::LoseTail(_) => {
            worker == 0 && world.troubles > 0
        }
    }
}

/// Streams only grow, unless the store loses their tails.
fn grown(before: &World, after: &World, act: Act) -> Result<(), String> {
    let kept = before.runs.iter().zip(&after.runs).all(|(old, new)| new.stream.starts_with(&old.stream));
    if kept || matches!(act, Act::LoseTail(_)) {
        Ok(())
    } else {
        Err(format!("{act:?} changed what was read"))
    }
}
