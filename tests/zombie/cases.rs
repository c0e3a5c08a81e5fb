//! One wins, the others end with `Fenced` and do nothing more.

use std::{collections::BTreeSet, path::Path};

use gensx::{Event, EventKind, RunStatus};

use crate::{
    common::{backend::Backend, stream, until},
    files::make,
    owners::{Owner, Scene, waits_for},
    program::{Holds, LAST, SITES},
};

pub(crate) type Check = fn(Backend);

pub(crate) const CASES: [(&str, Check); 3] = [
    ("an_owner_that_wakes_after_the_run_has_ended_does_nothing_more", woken_after_the_end),
    ("an_owner_that_wakes_while_another_goes_on_does_nothing_more", woken_while_another_goes_on),
    ("of_two_processes_that_resume_at_once_one_wins", two_at_once),
];

/// How often two processes race.
const RACES: u32 = 10;

fn play(scenario: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(scenario);
}

/// An owner that was stopped after the effect of the call at `site`, before its outcome was appended.
async fn stopped_at(scene: &Scene, site: &'static str, until: &Path) -> Owner {
    let owner = scene.owner(&Holds::at(site, until));
    scene.held(&owner, site).await;
    owner.stop();
    owner
}

fn woken_after_the_end(backend: Backend) {
    for site in SITES {
        play(async {
            let scene = Scene::new(backend).await;
            let release = scene.file("release");
            let mut zombie = stopped_at(&scene, site, &release).await;
            let mut heir = scene.owner(&Holds::default());
            heir.expect_output().await;
            let (stream, bodies) = (as_text(&scene.stream().await), scene.bodies().len());

            make(&release);
            zombie.wake();
            zombie.expect_fenced().await;
            assert_eq!(scene.bodies().len(), bodies, "{site}: the zombie started a body");
            assert!(as_text(&scene.stream().await) == stream, "{site}: the stream grew after its end");
            expect_heir(&scene, site, &zombie, &heir).await;
        });
    }
}

fn woken_while_another_goes_on(backend: Backend) {
    for site in SITES {
        play(async {
            let scene = Scene::new(backend).await;
            let (release, release_heir) = (scene.file("release"), scene.file("release-heir"));
            let mut zombie = stopped_at(&scene, site, &release).await;
            let mut heir = scene.owner(&Holds::at(LAST, &release_heir));
            scene.held(&heir, LAST).await;
            let (stream, bodies) = (as_text(&scene.stream().await), scene.bodies().len());

            make(&release);
            zombie.wake();
            zombie.expect_fenced().await;
            assert_eq!(scene.bodies().len(), bodies, "{site}: the zombie started a body");
            assert!(as_text(&scene.stream().await) == stream, "{site}: the zombie appended");
            make(&release_heir);
            heir.expect_output().await;
            expect_heir(&scene, site, &zombie, &heir).await;
        });
    }
}

fn two_at_once(backend: Backend) {
    for _ in 0..RACES {
        play(async {
            let scene = Scene::new(backend).await;
            let (never, begin, release) = (scene.file("never"), scene.file("begin"), scene.file("release"));
            let first = scene.owner(&Holds::at("three.a", &never));
            scene.held(&first, "three.a").await;
            first.kill().await;

            let holds = Holds { begin_when: Some(begin.clone()), ..Holds::at(LAST, &release) };
            let mut racers = [scene.owner(&holds), scene.owner(&holds)];
            until("two owners that are ready", async || (scene.lives() == 3).then_some(())).await;
            make(&begin);
            let both_hold = async || {
                let taken = epochs(&scene.stream().await).len() == 3;
                let mut standing = 0;
                for racer in &mut racers {
                    let holds = scene.bodies_of(racer).iter().any(|body| body.site() == LAST);
                    standing += usize::from(holds || racer.has_ended());
                }
                (taken && standing == 2).then_some(())
            };
            until("two owners that hold, or have ended", both_hold).await;
            let bodies: Vec<usize> = racers.iter().map(|racer| scene.bodies_of(racer).len()).collect();

            make(&release);
            let [a, b] = &mut racers;
            let won = (a.end().await.success(), b.end().await.success());
            let [winner, loser] = match won {
                (true, false) => [0, 1],
                (false, true) => [1, 0],
                _ => panic!("one of two wins: {won:?}"),
            };
            racers[loser].expect_fenced().await;
            assert_eq!(scene.bodies_of(&racers[loser]).len(), bodies[loser], "the loser started a body");
            let last = scene.stream().await;
            assert_eq!(epochs(&last), BTreeSet::from([1, 2, 3]));
            expect_output(&scene, &last, &racers[winner]).await;
        });
    }
}

/// The heir ran what was not recorded, and all that follows, under the same keys; the run's output is the heir's.
async fn expect_heir(scene: &Scene, site: &str, zombie: &Owner, heir: &Owner) {
    let events = scene.stream().await;
    assert_eq!(epochs(&events), BTreeSet::from([1, 2]));
    expect_output(scene, &events, heir).await;
    let (before, after) = (scene.bodies_of(zombie), scene.bodies_of(heir));
    let again: Vec<_> = after.iter().filter(|body| before.iter().any(|it| it.call == body.call)).collect();
    assert!(again.iter().any(|body| body.site() == site), "{site} was not recorded, and did not run again");
    let held = before.iter().find(|body| body.site() == site).expect("the zombie ran it");
    for body in &again {
        assert!(waits_for(body, held), "{} was recorded, and ran again", body.site());
        assert!(
            before.iter().any(|it| it.call == body.call && it.key == body.key),
            "{body:?} has another key"
        );
    }
}

/// The stream is whole, and the last value of the output is what the owner's body drew.
async fn expect_output(scene: &Scene, events: &[Event], owner: &Owner) {
    stream::expect_whole(events);
    let Some(EventKind::RunEnded { status: RunStatus::Succeeded, output: Some(output), .. }) =
        events.last().map(|event| &event.kind)
    else {
        panic!("the run did not succeed: {:?}", events.last());
    };
    let values: Vec<u64> = serde_json::from_str(output.get()).unwrap();
    let drawn = scene.bodies_of(owner).into_iter().find(|body| body.site() == LAST).map(|body| body.value);
    assert_eq!(values.last().copied(), drawn);
}

fn epochs(events: &[Event]) -> BTreeSet<u32> {
    events.iter().map(|event| event.id.epoch).collect()
}

fn as_text(events: &[Event]) -> Vec<String> {
    events.iter().map(Event::to_json).collect()
}
