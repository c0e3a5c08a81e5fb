//! What is done to the fleet and to its Redis.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use fastrand::Rng;
use gensx_test_servers::{Proxy, RedisServer};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    fleet::{Fleet, Process},
    program::LEASE,
};

pub(crate) const WORKERS: usize = 4;
/// Between two strikes at workers.
const STRIKE_INTERVAL: Duration = Duration::from_secs(1);
/// A stopped worker is woken after so many strikes at others: when its lease is over.
const STOPPED_STRIKES: u64 = 2;
const _: () = assert!(STRIKE_INTERVAL.as_millis() * STOPPED_STRIKES as u128 > LEASE.as_millis());
/// Between two strikes at Redis.
const STORE_INTERVAL: Duration = Duration::from_secs(6);
/// How long Redis is cut off.
const CUT_OFF: Duration = Duration::from_secs(3);

/// What was done.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Done {
    pub(crate) kills: u32,
    pub(crate) stops: u32,
    pub(crate) drains: u32,
    pub(crate) cut_offs: u32,
    pub(crate) restarts: u32,
}

/// The fleet, under strikes.
pub(crate) struct Struck {
    fleet: Fleet,
    workers: Vec<Process>,
    /// Which worker is stopped, and since which strike.
    stopped: Vec<(usize, u64)>,
    drains: JoinSet<()>,
    done: Done,
}

impl Struck {
    pub(crate) fn begin(mut fleet: Fleet) -> Self {
        let workers = (0..WORKERS).map(|_| fleet.start()).collect();
        Self { fleet, workers, stopped: Vec::new(), drains: JoinSet::new(), done: Done::default() }
    }

    /// Strikes at one worker after the other until the work is over, and wakes those that are stopped.
    pub(crate) async fn strike_until(&mut self, over: &AtomicBool, mut random: Rng) {
        let mut ticks = interval(STRIKE_INTERVAL);
        // Each stop lasts for as long as it says.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for strike in 0.. {
            ticks.tick().await;
            if over.load(Ordering::Relaxed) {
                break;
            }
            self.workers.iter_mut().for_each(Process::expect_alive);
            self.wake(|since| strike >= since + STOPPED_STRIKES);
            self.strike(strike, &mut random).await;
            while let Some(drained) = self.drains.try_join_next() {
                drained.unwrap();
            }
        }
        self.wake(|_| true);
    }

    async fn strike(&mut self, strike: u64, random: &mut Rng) {
        let can =
            |n: &usize| self.workers[*n].has_begun() && !self.stopped.iter().any(|(stopped, _)| stopped == n);
        let candidates: Vec<usize> = (0..WORKERS).filter(can).collect();
        let Some(&at) = random.choice(&candidates) else { return };
        match random.u8(..3) {
            0 => {
                self.replace(at).kill().await;
                self.done.kills += 1;
            }
            1 => {
                self.workers[at].stop();
                self.stopped.push((at, strike));
                self.done.stops += 1;
            }
            _ => {
                let drained = self.replace(at);
                self.drains.spawn(drained.drain());
                self.done.drains += 1;
            }
        }
    }

    fn replace(&mut self, at: usize) -> Process {
        std::mem::replace(&mut self.workers[at], self.fleet.start())
    }

    fn wake(&mut self, is_due: impl Fn(u64) -> bool) {
        for (at, _) in self.stopped.extract_if(.., |(_, since)| is_due(*since)) {
            self.workers[at].wake();
        }
    }

    /// Has all workers drain; each drain must end well. Gives what was done, and how many workers there were.
    pub(crate) async fn end(mut self) -> (Done, u32) {
        self.workers.into_iter().for_each(|worker| drop(self.drains.spawn(worker.drain())));
        while let Some(drained) = self.drains.join_next().await {
            drained.unwrap();
        }
        (self.done, self.fleet.started())
    }
}

/// Cuts Redis off, kills it, and cuts it off again; from the beginning, until `over`, and once in any case.
pub(crate) async fn strike_at_store(proxy: &Proxy, server: &mut RedisServer, over: &AtomicBool) -> Done {
    let mut done = Done::default();
    for strike in [Store::CutOff, Store::Kill, Store::CutOff].into_iter().cycle() {
        sleep(STORE_INTERVAL).await;
        if done.cut_offs >= 2 && over.load(Ordering::Relaxed) {
            break;
        }
        match strike {
            Store::CutOff => {
                cut_off(proxy).await;
                done.cut_offs += 1;
            }
            Store::Kill => {
                tokio::task::block_in_place(|| server.restart());
                done.restarts += 1;
            }
        }
    }
    done
}

#[derive(Clone, Copy)]
enum Store {
    CutOff,
    Kill,
}

async fn cut_off(proxy: &Proxy) {
    proxy.cut_off();
    sleep(CUT_OFF).await;
    proxy.let_through();
}
