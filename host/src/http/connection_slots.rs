//! Limits how many clients are connected at once. A new connection always gets a slot: if none is free,
//! the connection that has been idle longest loses its slot. So a client that holds connections open keeps
//! no probe out. A client that does not read its answer keeps no probe out either: all answers together
//! hold a bounded amount of memory, and beyond it the oldest are cut off. Knows nothing about HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// All slots. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct ConnectionSlots {
    taken: Arc<Mutex<TakenSlots>>,
    slots_max: usize,
    answers_bytes_max: u64,
}

#[derive(Debug, Default)]
struct TakenSlots {
    next: u64,
    /// By age: numbers grow.
    by_age: BTreeMap<u64, SlotHolder>,
}

#[derive(Debug)]
struct SlotHolder {
    /// It has asked for something, and is being answered.
    has_asked: bool,
    /// Bytes of memory that its answer holds.
    answer_bytes: u64,
    /// When it is dropped, the connection ends.
    _end: oneshot::Sender<()>,
}

/// The slot of one connection; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    taken: Arc<Mutex<TakenSlots>>,
    number: u64,
    answers_bytes_max: u64,
}

fn lock(taken: &Mutex<TakenSlots>) -> MutexGuard<'_, TakenSlots> {
    // Nothing that can panic runs while it is held.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ConnectionSlots {
    pub fn new(slots_max: usize, answers_bytes_max: u64) -> Self {
        Self {
            taken: Arc::default(),
            slots_max,
            answers_bytes_max,
        }
    }

    /// A slot for a new connection, and a receiver that completes when the connection loses the slot.
    pub fn take(&self) -> (ConnectionSlot, oneshot::Receiver<()>) {
        let (end, ended) = oneshot::channel();
        let mut taken = lock(&self.taken);
        while taken.by_age.len() >= self.slots_max && taken.end_one() {}
        let number = taken.next;
        taken.next += 1;
        let holder = SlotHolder {
            has_asked: false,
            answer_bytes: 0,
            _end: end,
        };
        taken.by_age.insert(number, holder);
        drop(taken);
        let taken = Arc::clone(&self.taken);
        let slot = ConnectionSlot {
            taken,
            number,
            answers_bytes_max: self.answers_bytes_max,
        };
        (slot, ended)
    }

    /// Takes the slot of the connection that has been idle longest; false if there is no connection.
    pub fn end_one(&self) -> bool {
        lock(&self.taken).end_one()
    }
}

impl TakenSlots {
    /// The oldest that has not asked for anything, or else the oldest that is being answered.
    fn end_one(&mut self) -> bool {
        let idle = self.by_age.iter().find(|(_, holder)| !holder.has_asked);
        let oldest = idle.or_else(|| self.by_age.iter().next());
        match oldest.map(|(&number, _)| number) {
            Some(number) => self.by_age.remove(&number).is_some(),
            None => false,
        }
    }

    /// Cuts off answers except this one, the oldest first, until all together are within the bound.
    fn end_answers(&mut self, bytes_max: u64, but: u64) {
        let mut bytes: u64 = self.by_age.values().map(|holder| holder.answer_bytes).sum();
        while bytes > bytes_max {
            let others = self.by_age.iter().filter(|(number, _)| **number != but);
            let oldest = others
                .filter(|(_, holder)| holder.answer_bytes > 0)
                .map(|(number, holder)| (*number, holder.answer_bytes))
                .next();
            let Some((number, freed)) = oldest else {
                return;
            };
            self.by_age.remove(&number);
            bytes -= freed;
        }
    }
}

impl ConnectionSlot {
    /// Its answer has this many bytes, which are in memory until they are read.
    pub fn answered(&self, bytes: u64) {
        let mut taken = lock(&self.taken);
        if let Some(holder) = taken.by_age.get_mut(&self.number) {
            holder.answer_bytes = bytes;
            taken.end_answers(self.answers_bytes_max, self.number);
        }
    }

    /// It has asked for something.
    pub fn asked(&self) {
        if let Some(holder) = lock(&self.taken).by_age.get_mut(&self.number) {
            holder.has_asked = true;
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        lock(&self.taken).by_age.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    fn lost(ended: &mut oneshot::Receiver<()>) -> bool {
        ended.try_recv() == Err(TryRecvError::Closed)
    }

    #[test]
    fn answers_that_nobody_reads_go_when_all_together_are_too_large_the_oldest_first() {
        let slots = ConnectionSlots::new(10, 100);
        let mut held: Vec<_> = (0..4).map(|_| slots.take()).collect();
        for (number, bytes) in [(0, 40), (2, 30), (1, 30)] {
            held[number].0.answered(bytes);
        }
        assert!(
            !held.iter_mut().any(|(_, ended)| lost(ended)),
            "as much as may be"
        );
        held[3].0.answered(31);
        let states = |held: &mut Vec<(ConnectionSlot, oneshot::Receiver<()>)>| -> Vec<bool> {
            held.iter_mut().map(|(_, ended)| lost(ended)).collect()
        };
        assert_eq!(states(&mut held), [true, false, false, false]);
        // An answer that is too large alone is cut off last, and a connection without an answer stays.
        held.push(slots.take());
        held.push(slots.take());
        held[4].0.answered(1000);
        assert_eq!(states(&mut held), [true, true, true, true, false, false]);
        drop(held.remove(4));
        held[4].0.answered(100);
        assert!(!lost(&mut held[4].1), "what is read makes room");
    }

    #[test]
    fn a_new_connection_takes_the_seat_of_the_oldest_idle_one_and_then_of_the_oldest() {
        let slots = ConnectionSlots::new(3, u64::MAX);
        let mut held: Vec<_> = (0..3).map(|_| slots.take()).collect();
        held[0].0.asked();
        assert!(!held.iter_mut().any(|(_, ended)| lost(ended)));

        held.push(slots.take());
        let states: Vec<bool> = held.iter_mut().map(|(_, ended)| lost(ended)).collect();
        assert_eq!(states, [false, true, false, false]);

        held[2].0.asked();
        held[3].0.asked();
        held.push(slots.take());
        let states: Vec<bool> = held.iter_mut().map(|(_, ended)| lost(ended)).collect();
        assert_eq!(states, [true, true, false, false, false]);

        // A slot that was left is free.
        drop(held.remove(2));
        held.push(slots.take());
        assert!(!lost(&mut held[2].1) && !lost(&mut held[3].1));
        assert!(slots.end_one() && lost(&mut held[3].1));
        held.clear();
        assert!(!slots.end_one());
    }
}
