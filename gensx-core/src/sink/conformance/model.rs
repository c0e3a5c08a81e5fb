//! Random work by several owners, answered by the store as by a model that is a vector.

use std::sync::Arc;

use super::{Fixture, kit::*};
use crate::{
    EventId, RunId, RunStatus,
    sink::{Append, Batch, BatchKind, BatchToken, EventSink, Payload, Standing, judge},
};

const RUNS: usize = 3;
const OWNERS: usize = 4;
const STEPS: usize = 600;
const SEEDS: u64 = 3;

/// A run as the model holds it.
#[derive(Default)]
struct Modelled {
    entries: Vec<(EventId, BatchToken, Payload)>,
    status: Option<RunStatus>,
}

impl Modelled {
    fn standing(&self, first_seq: u64) -> Option<Standing> {
        let (last, token, _) = self.entries.last()?;
        let at = usize::try_from(first_seq).ok().and_then(|seq| self.entries.get(seq.checked_sub(1)?));
        let ended = self.status.is_some_and(RunStatus::is_ended);
        let at_first = at.map(|(id, token, _)| (id.epoch, *token));
        Some(Standing { last: *last, owner: token.owner, ended, at_first })
    }

    fn append(&mut self, batch: &Batch) -> Append {
        let answer = judge(self.standing(batch.first.seq), batch);
        if answer == Append::Done {
            let ids = (batch.first.seq..).map(|seq| EventId::new(batch.first.epoch, seq));
            self.entries
                .extend(ids.zip(&batch.payloads).map(|(id, payload)| (id, batch.token, Arc::clone(payload))));
            self.status = batch.closes.or(self.status).or(Some(RunStatus::Running));
        }
        answer
    }

    fn last(&self) -> EventId {
        self.entries.last().map_or(EventId::new(0, 0), |(id, _, _)| *id)
    }
}

/// What an owner believes: where it wrote last, and what.
struct Owner {
    number: u64,
    at: Option<EventId>,
    earlier: Vec<Batch>,
}

/// Numbers from a seed, the same on every machine (splitmix64), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn payloads(&mut self) -> Vec<Payload> {
        (0..=self.roll(4)).map(|n| Payload::from(vec![n as u8; self.roll(40)])).collect()
    }
}

/// The next batch of an owner: an append, a claim, a repetition, a hole, a stale epoch, an end.
fn next_batch(dice: &mut Dice, run: &RunId, owner: &Owner, last: EventId) -> Batch {
    let at = owner.at.unwrap_or(last);
    let fresh = |epoch: u32, seq: u64, payloads| {
        let token = token(owner.number);
        Batch { payloads, token, ..batch(run, epoch, seq, &[]) }
    };
    let claim = |epoch: u32, seq: u64, payloads| Batch {
        kind: BatchKind::Claims { deployment: None },
        ..fresh(epoch, seq, payloads)
    };
    let payloads = dice.payloads();
    match dice.roll(20) {
        0..=7 => fresh(at.epoch.max(1), at.seq + 1, payloads),
        8..=10 => claim(last.epoch + 1, last.seq + 1, payloads),
        11..=13 if !owner.earlier.is_empty() => owner.earlier[dice.roll(owner.earlier.len())].clone(),
        14 => fresh(at.epoch.max(1), at.seq + 2, payloads),
        15 => fresh(last.epoch.saturating_sub(1), last.seq + 1, payloads),
        16 if dice.roll(2) == 0 => fresh(last.epoch + 1, last.seq + 1, payloads),
        16 => claim(last.epoch + 1, last.seq.max(1), payloads),
        17 if dice.roll(8) == 0 => {
            Batch { closes: Some(RunStatus::Succeeded), ..fresh(last.epoch.max(1), last.seq + 1, payloads) }
        }
        _ => Batch { kind: BatchKind::Opens(WORKFLOW.into()), ..fresh(1, 1, payloads) },
    }
}

pub(super) async fn model_random_interleavings_are_judged_like_the_model(
    Fixture { sink, other, .. }: Fixture,
) {
    for seed in 0..SEEDS {
        let mut dice = Dice(seed);
        let runs: Vec<RunId> = (0..RUNS).map(|n| run_id(&format!("{seed}-{n}"))).collect();
        let mut models: Vec<Modelled> = runs.iter().map(|_| Modelled::default()).collect();
        let owner = |number: usize| Owner { number: number as u64, at: None, earlier: Vec::new() };
        let mut owners: Vec<Owner> = (0..RUNS * OWNERS).map(owner).collect();
        for step in 0..STEPS {
            let (n, who) = (dice.roll(RUNS), dice.roll(OWNERS));
            let (run, model, owner) = (&runs[n], &mut models[n], &mut owners[n * OWNERS + who]);
            let writer = if dice.roll(2) == 0 { &sink } else { &other };
            if dice.roll(150) == 0 {
                ok(writer.delete(run).await);
                *model = Modelled::default();
            }
            let batch = next_batch(&mut dice, run, owner, model.last());
            let expected = model.append(&batch);
            assert_eq!(append(writer, &batch).await, expected, "seed {seed}, step {step}: {batch:?}");
            if expected == Append::Done {
                owner.at = Some(EventId::new(batch.first.epoch, batch.last_seq()));
                owner.earlier.push(batch);
            }
            let reader = if dice.roll(2) == 0 { &sink } else { &other };
            compare(reader, run, model, dice.roll(3) * 20 + 3).await;
        }
    }
}

async fn compare(sink: &Arc<dyn EventSink>, run: &RunId, model: &Modelled, limit: usize) {
    let head = ok(sink.head(run).await);
    assert_eq!(head.as_ref().map(|head| head.status), model.status);
    let Some(head) = head else { return };
    assert_eq!(head.last, model.last());
    let held: Vec<_> =
        read_all(sink, run, limit).await.into_iter().map(|entry| (entry.id, entry.payload)).collect();
    let expected: Vec<_> = model.entries.iter().map(|(id, _, payload)| (*id, Arc::clone(payload))).collect();
    assert_eq!(held, expected);
}
