//! All histories, and random ones.

use std::collections::HashMap;

use super::{
    acts::{self, FAIR, OTHERS, Step},
    rules::Rules,
    world::World,
};
use crate::queue::reference::Dice;

/// The most steps of a random history, and of what follows it until all has ended.
const WALK_STEPS: usize = 250;

fn steps(world: &World, acts: &'static [acts::Act]) -> impl Iterator<Item = Step> {
    let (workers, runs) = (world.workers.len(), world.runs.len());
    let each = move |act| (0..workers).flat_map(move |worker| (0..runs).map(move |run| (worker, run, act)));
    acts.iter().copied().flat_map(each)
}

/// What happens next if nothing goes wrong.
fn fair(world: &World, rules: &Rules) -> Result<Option<World>, String> {
    for step in steps(world, &FAIR) {
        if let Some(next) = acts::apply(world, step, rules)? {
            return Ok(Some(next));
        }
    }
    Ok(None)
}

/// Goes through every state that can be reached, and gives their number.
///
/// In each, every promise holds, and if nothing more goes wrong, everything ends.
pub(super) fn explore(first: World, rules: Rules) -> Result<usize, String> {
    let mut known: HashMap<World, usize> = HashMap::from([(first.clone(), 0)]);
    let mut worlds = vec![first];
    // Where each state leads if nothing goes wrong; `None` where all has ended.
    let mut leads: Vec<Option<usize>> = Vec::new();
    while let Some(world) = worlds.get(leads.len()).cloned() {
        let mut lead = None;
        for step in steps(&world, &FAIR).chain(steps(&world, &OTHERS)) {
            let Some(next) = acts::apply(&world, step, &rules)
                .map_err(|why| format!("{why}, after {step:?} in {world:?}"))?
            else {
                continue;
            };
            let next = next.in_order();
            let number = *known.entry(next.clone()).or_insert_with(|| {
                worlds.push(next);
                worlds.len() - 1
            });
            if FAIR.contains(&step.2) {
                lead = lead.or(Some(number));
            }
        }
        if lead.is_none() && !world.is_settled() {
            return Err(format!("nothing goes on: {world:?}"));
        }
        leads.push(lead);
    }
    ends(&leads).map_err(|at| format!("it never ends: {:?}", worlds[at]))?;
    Ok(worlds.len())
}

/// Whether each state leads to one where all has ended; if not, one that does not.
fn ends(leads: &[Option<usize>]) -> Result<(), usize> {
    let mut good = vec![false; leads.len()];
    for start in 0..leads.len() {
        let (mut at, mut path) = (start, Vec::new());
        while !good[at] {
            path.push(at);
            match leads[at] {
                Some(next) if path.len() <= leads.len() => at = next,
                Some(_) => return Err(at),
                None => break,
            }
        }
        path.into_iter().for_each(|at| good[at] = true);
    }
    Ok(())
}

/// A random history, after which everything ends.
pub(super) fn walk(mut world: World, rules: Rules, seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    for _ in 0..WALK_STEPS {
        let acts: &'static [acts::Act] = if dice.roll(3) == 0 { &OTHERS } else { &FAIR };
        let step = (dice.roll(world.workers.len()), dice.roll(world.runs.len()), acts[dice.roll(acts.len())]);
        if let Some(next) = acts::apply(&world, step, &rules).map_err(|why| format!("seed {seed}: {why}"))? {
            world = next;
        }
    }
    for _ in 0..WALK_STEPS {
        match fair(&world, &rules)? {
            Some(next) => world = next,
            None => break,
        }
    }
    if world.is_settled() { Ok(()) } else { Err(format!("seed {seed}: it does not end: {world:?}")) }
}
