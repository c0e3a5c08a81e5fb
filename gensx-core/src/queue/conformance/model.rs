//! Random work, answered by the queue as by a naive reference.

use super::{Fixture, kit::*};
use crate::queue::{
    Claim, Due, Lease, MovePolicy, Park, Release, Renewal, Wake,
    reference::{Dice, Reference, check_claim, random_entry},
};

const STEPS: usize = 1_500;
const SEEDS: u64 = 3;
const DEPLOYMENTS: [&str; 3] = ["v1", "v2", "v3"];

/// Nothing is due in the time of a case: what the queue's clock says makes no difference.
const NOW_MS: u64 = 1;

fn ways(dice: &mut Dice) -> Release {
    match dice.roll(8) {
        0..=2 => Release::Done,
        3 => Release::Back,
        4 => Release::Retry(if dice.roll(2) == 0 { Due::Now } else { LATER }),
        5 => Release::Dead,
        6 => Release::Park(Park::until(LATER, dice.roll(3) as u64)),
        _ => Release::Park(Park::for_message(dice.roll(3) as u64)),
    }
}

fn ask_at_random(dice: &mut Dice) -> Claim {
    let policy = [MovePolicy::Prefer, MovePolicy::Prefer, MovePolicy::Pin][dice.roll(3)];
    ask_by(DEPLOYMENTS[dice.roll(3)], dice.roll(5), LONG, policy)
}

pub(super) async fn model_random_work_is_answered_like_the_reference(Fixture { queue, other, .. }: Fixture) {
    for seed in 0..SEEDS {
        let mut dice = Dice(seed);
        let (mut reference, mut leases) = (Reference::default(), Vec::<Lease>::new());
        for step in 0..STEPS {
            let handle = if dice.roll(2) == 0 { &queue } else { &other };
            step_of(handle, &mut dice, &mut reference, &mut leases, &format!("seed {seed}, step {step}"))
                .await;
        }
        clear(&queue, &reference, &mut leases).await;
    }
}

async fn step_of(
    queue: &Queue,
    dice: &mut Dice,
    reference: &mut Reference,
    leases: &mut Vec<Lease>,
    at: &str,
) {
    let run = run_id(&format!("run-{}", dice.roll(40)));
    match dice.roll(20) {
        0..=5 => {
            let entry = random_entry(dice, run, WORKFLOW, LATER);
            assert_eq!(ok(queue.enqueue(&entry).await), reference.enqueue(&entry, NOW_MS), "{at}: {entry:?}");
        }
        6..=10 => {
            let ask = ask_at_random(dice);
            let grants = ok(queue.claim(&ask).await).grants;
            check_claim(reference, &ask, &grants, NOW_MS, at);
            leases.extend(grants.into_iter().map(|grant| grant.lease));
        }
        11..=14 if !leases.is_empty() => {
            let lease = leases[dice.roll(leases.len())].clone();
            let how = ways(dice);
            let released = ok(queue.release(&lease, &how, false).await);
            assert_eq!(released, reference.release(&lease, &how, NOW_MS), "{at}: {how:?}");
        }
        15 if !leases.is_empty() => {
            let lease = leases[dice.roll(leases.len())].clone();
            let renewal = Renewal { progressed: dice.roll(2) == 0, ..renewal(&lease) };
            let renewed = ok(queue.renew(std::slice::from_ref(&renewal), LONG).await);
            assert_eq!(renewed, [reference.renew(&lease, u64::MAX, renewal.progressed)], "{at}");
        }
        16 | 17 => {
            let why = if dice.roll(2) == 0 { Wake::Now } else { Wake::Message };
            assert_eq!(ok(queue.wake(&run, why).await), reference.wake(&run, why), "{at}");
        }
        18 => {
            let (name, draining) = (DEPLOYMENTS[dice.roll(3)], dice.roll(2) == 0);
            announce(queue, name, draining, LONG).await;
            reference.announce(name, draining);
        }
        _ => assert_eq!(ok(queue.remove(&run).await), reference.remove(&run), "{at}"),
    }
    let mut stats = ok(queue.stats().await);
    stats.oldest_ready = None;
    assert_eq!(
        reference.totals(),
        [stats.ready + stats.held, stats.delayed, stats.parked, stats.leased, stats.dead]
    );
}

/// Lets everything end: nothing may be left behind in a line, or be counted under a limit.
async fn clear(queue: &Queue, reference: &Reference, leases: &mut Vec<Lease>) {
    for deployment in DEPLOYMENTS {
        announce(queue, deployment, true, LONG).await;
    }
    for run in reference.runs() {
        ok(queue.wake(run, Wake::Now).await);
    }
    loop {
        for lease in leases.drain(..) {
            ok(queue.release(&lease, &Release::Done, true).await);
        }
        let came = ok(queue.claim(&ask(64, LONG)).await).grants;
        if came.is_empty() {
            break;
        }
        leases.extend(came.into_iter().map(|grant| grant.lease));
    }
    for dead in ok(queue.dead(None, 999).await) {
        ok(queue.remove(&dead.run).await);
    }
    assert_eq!(ok(queue.stats().await), crate::queue::QueueStats::default());
}
