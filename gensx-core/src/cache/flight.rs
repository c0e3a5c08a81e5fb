//! Identical calls in flight at once are computed once: the first computes, the others wait and then find it cached.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::{identity::Fingerprint, run::lock};

#[derive(Debug, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<Fingerprint, Arc<AsyncMutex<()>>>>>);

impl Flights {
    /// Waits until nobody else computes `key`. The turn ends when it is dropped, however the computation ended.
    pub(crate) async fn enter(&self, key: Fingerprint) -> Flight {
        let gate = Arc::clone(lock(&self.0).entry(key).or_default());
        let turn = gate.lock_owned().await;
        Flight { flights: Arc::clone(&self.0), key, turn: Some(turn) }
    }
}

#[derive(Debug)]
pub(crate) struct Flight {
    flights: Arc<Mutex<HashMap<Fingerprint, Arc<AsyncMutex<()>>>>>,
    key: Fingerprint,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.turn = None;
        let mut flights = lock(&self.flights);
        // One reference is the map's own: nobody waits.
        if flights.get(&self.key).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            flights.remove(&self.key);
        }
    }
}
