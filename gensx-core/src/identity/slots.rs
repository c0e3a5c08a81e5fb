//! The places that identical calls under one parent take: the n-th one built takes the lowest free one.

/// Which places are taken.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// Places from here on were never taken.
    end: u32,
    /// Places below `end` that were given back, highest first.
    free: Vec<u32>,
}

impl Slots {
    /// Takes the lowest free place.
    pub(crate) fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.end += 1;
            self.end - 1
        })
    }

    /// Gives a place back.
    pub(crate) fn give_back(&mut self, slot: u32) {
        let at = self.free.partition_point(|free| *free > slot);
        if self.free.get(at) != Some(&slot) {
            self.free.insert(at, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_place_is_taken() {
        let mut slots = Slots::default();
        assert_eq!([slots.take(), slots.take(), slots.take()], [0, 1, 2]);
        slots.give_back(2);
        slots.give_back(0);
        assert_eq!([slots.take(), slots.take(), slots.take()], [0, 2, 3]);
    }
}
