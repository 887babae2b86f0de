//! Who may be connected at once. A new connection always gets a seat: if none is free, the one that
//! has been idle longest loses its own. So nobody who holds connections open keeps a probe out.
//! Knows nothing of HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// All seats. Clones are the same ones.
#[derive(Clone, Debug)]
pub(super) struct Seats {
    taken: Arc<Mutex<Taken>>,
    seats_max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    /// By age: numbers grow.
    by_age: BTreeMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    /// It has asked for something, and is being answered.
    has_asked: bool,
    /// Dropped, it tells the connection to end.
    _end: oneshot::Sender<()>,
}

/// The seat of one connection; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    taken: Arc<Mutex<Taken>>,
    number: u64,
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    // Nothing that can panic runs while it is held.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seats {
    pub fn new(seats_max: usize) -> Self {
        Self {
            taken: Arc::default(),
            seats_max,
        }
    }

    /// A seat for a new connection, and what ends when it loses it.
    pub fn take(&self) -> (Seat, oneshot::Receiver<()>) {
        let (end, ended) = oneshot::channel();
        let mut taken = lock(&self.taken);
        while taken.by_age.len() >= self.seats_max && taken.end_one() {}
        let number = taken.next;
        taken.next += 1;
        let holder = Holder {
            has_asked: false,
            _end: end,
        };
        taken.by_age.insert(number, holder);
        drop(taken);
        let taken = Arc::clone(&self.taken);
        (Seat { taken, number }, ended)
    }

    /// Takes the seat of the connection that has been idle longest; false if there is no connection.
    pub fn end_one(&self) -> bool {
        lock(&self.taken).end_one()
    }
}

impl Taken {
    /// The oldest that has not asked for anything, or else the oldest that is being answered.
    fn end_one(&mut self) -> bool {
        let idle = self.by_age.iter().find(|(_, holder)| !holder.has_asked);
        let oldest = idle.or_else(|| self.by_age.iter().next());
        match oldest.map(|(&number, _)| number) {
            Some(number) => self.by_age.remove(&number).is_some(),
            None => false,
        }
    }
}

impl Seat {
    /// It has asked for something.
    pub fn asked(&self) {
        if let Some(holder) = lock(&self.taken).by_age.get_mut(&self.number) {
            holder.has_asked = true;
        }
    }
}

impl Drop for Seat {
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
    fn a_new_connection_takes_the_seat_of_the_oldest_idle_one_and_then_of_the_oldest() {
        let seats = Seats::new(3);
        let mut held: Vec<_> = (0..3).map(|_| seats.take()).collect();
        held[0].0.asked();
        assert!(!held.iter_mut().any(|(_, ended)| lost(ended)));

        held.push(seats.take());
        let states: Vec<bool> = held.iter_mut().map(|(_, ended)| lost(ended)).collect();
        assert_eq!(states, [false, true, false, false]);

        held[2].0.asked();
        held[3].0.asked();
        held.push(seats.take());
        let states: Vec<bool> = held.iter_mut().map(|(_, ended)| lost(ended)).collect();
        assert_eq!(states, [true, true, false, false, false]);

        // A seat that is left is free.
        drop(held.remove(2));
        held.push(seats.take());
        assert!(!lost(&mut held[2].1) && !lost(&mut held[3].1));
        assert!(seats.end_one() && lost(&mut held[3].1));
        held.clear();
        assert!(!seats.end_one());
    }
}
