//! Queues of waiting entries, one per distinct deadline, in order of arrival: the head is the next
//! to be overdue. Doubly linked through the slab, so that an entry that settles early leaves at once.

use crate::pending::{NIL, Pending};

/// Distinct deadlines over the life of a process; the last class takes all further ones.
const CLASSES_MAX: usize = 255;

#[derive(Debug)]
struct Queue {
    wait_ms: i64,
    head: u32,
    tail: u32,
}

/// The queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: Vec<Queue>,
}

impl Queues {
    /// The class of a wait. With more than `CLASSES_MAX` different ones the nearest longer is taken:
    /// a verdict later than configured is still true, an earlier one might not be.
    pub(crate) fn class(&mut self, wait_ms: i64) -> u8 {
        if let Some(class) = self
            .queues
            .iter()
            .position(|queue| queue.wait_ms == wait_ms)
        {
            return class as u8;
        }
        if self.queues.len() < CLASSES_MAX {
            self.queues.push(Queue {
                wait_ms,
                head: NIL,
                tail: NIL,
            });
            return (self.queues.len() - 1) as u8;
        }
        let longer = |(_, queue): &(usize, &Queue)| queue.wait_ms > wait_ms;
        let nearest = self
            .queues
            .iter()
            .enumerate()
            .filter(longer)
            .min_by_key(|(_, queue)| queue.wait_ms);
        match nearest {
            Some((class, _)) => class as u8,
            None => {
                // Longer than all: the last class waits longer from now on.
                self.queues[CLASSES_MAX - 1].wait_ms = wait_ms;
                (CLASSES_MAX - 1) as u8
            }
        }
    }

    pub(crate) fn wait_ms(&self, class: u8) -> i64 {
        self.queues[usize::from(class)].wait_ms
    }

    pub(crate) fn classes(&self) -> u8 {
        self.queues.len() as u8
    }

    pub(crate) fn head(&self, class: u8) -> Option<u32> {
        let head = self.queues[usize::from(class)].head;
        (head != NIL).then_some(head)
    }

    /// Puts an entry where its arrival belongs: nearly always at the end, as entries come nearly in order.
    pub(crate) fn link(&mut self, pending: &mut Pending, slot: u32) {
        /// Steps back from the end before an entry that came out of order is left where it is: it
        /// then is found overdue a little late, never early.
        const STEPS_MAX: usize = 64;
        let (class, arrived_ms) = (pending.get(slot).class, pending.get(slot).arrived_ms);
        let queue = &mut self.queues[usize::from(class)];
        let mut after = queue.tail;
        for _ in 0..STEPS_MAX {
            if after == NIL || pending.get(after).arrived_ms <= arrived_ms {
                break;
            }
            after = pending.get(after).prev;
        }
        let before = if after == NIL {
            queue.head
        } else {
            pending.get(after).next
        };
        let entry = pending.get_mut(slot);
        (entry.prev, entry.next) = (after, before);
        if after == NIL {
            queue.head = slot
        } else {
            pending.get_mut(after).next = slot
        }
        if before == NIL {
            queue.tail = slot
        } else {
            pending.get_mut(before).prev = slot
        }
    }

    pub(crate) fn unlink(&mut self, pending: &mut Pending, slot: u32) {
        let entry = *pending.get(slot);
        let queue = &mut self.queues[usize::from(entry.class)];
        if entry.prev == NIL {
            queue.head = entry.next
        } else {
            pending.get_mut(entry.prev).next = entry.next
        }
        if entry.next == NIL {
            queue.tail = entry.prev
        } else {
            pending.get_mut(entry.next).prev = entry.prev
        }
    }
}
