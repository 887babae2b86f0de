//! Queues of waiting entries in order of arrival, one for each distinct deadline and each kind of
//! waiting: the head is the next to be overdue. Doubly linked through the slab, so that an entry
//! that settles early leaves at once.

use crate::config::Deadlines;
use crate::identity::SchemaId;
use crate::pending::{CLASSES_MAX, NIL, Pending, Waiting};

/// What a queue's entries have in common beside their deadline. Each kind has queues of its own, so that the
/// head of a queue is the oldest of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueueKind {
    /// Landings that came first; due by the grace and the raw frontier.
    Early,
    Expected,
    /// Raw events that must not land, and second chances of missing ones.
    Others,
}

impl QueueKind {
    fn of(waiting: Waiting) -> Self {
        match waiting {
            Waiting::Early => Self::Early,
            Waiting::Expected => Self::Expected,
            Waiting::Rejected
            | Waiting::Again
            | Waiting::Comparing
            | Waiting::Disputed
            | Waiting::Revising
            | Waiting::Recalling => Self::Others,
        }
    }
}

#[derive(Debug)]
struct Queue {
    kind: QueueKind,
    wait_ms: i64,
    head: u32,
    tail: u32,
}

/// The deadline queues of a shard. A class is the number of one.
#[derive(Debug)]
pub(crate) struct DeadlineQueues {
    queues: Vec<Queue>,
    grace_ms: i64,
    deadlines: Deadlines,
    deadline_max_ms: i64,
    /// Classes by schema, of `QueueKind::Expected` and `QueueKind::Others`; `None` until one is needed.
    known: Vec<[Option<u16>; 2]>,
}

impl DeadlineQueues {
    pub(crate) fn new(deadlines: Deadlines, grace_ms: i64) -> Self {
        Self {
            queues: Vec::new(),
            grace_ms,
            deadline_max_ms: deadlines.max_ms(),
            deadlines,
            known: Vec::new(),
        }
    }

    /// New deadlines, for entries that come from now on.
    pub(crate) fn set_deadlines(&mut self, deadlines: Deadlines) {
        self.deadline_max_ms = deadlines.max_ms();
        self.deadlines = deadlines;
        self.known.clear();
    }

    /// The class of an entry that is to wait.
    pub(crate) fn class_for(&mut self, schema: SchemaId, waiting: Waiting) -> u16 {
        let kind = QueueKind::of(waiting);
        if kind == QueueKind::Early {
            return self.class(kind, self.grace_ms);
        }
        let (place, half) = (
            usize::from(schema.0),
            usize::from(kind == QueueKind::Others),
        );
        if let Some(class) = self.known.get(place).and_then(|classes| classes[half]) {
            return class;
        }
        let class = self.class(kind, self.deadlines.of(schema));
        if place >= self.known.len() {
            self.known.resize(place + 1, [None; 2]);
        }
        self.known[place][half] = Some(class);
        class
    }

    /// With more than `CLASSES_MAX` different ones over the life of a process, the nearest longer is
    /// taken: a verdict later than configured is still true, an earlier one might not be.
    fn class(&mut self, kind: QueueKind, wait_ms: i64) -> u16 {
        let fits = |queue: &Queue| queue.kind == kind && queue.wait_ms == wait_ms;
        if let Some(class) = self.queues.iter().position(fits) {
            return class as u16;
        }
        // The last ones are kept for the longest deadline of all, one for each kind.
        if self.queues.len() < usize::from(CLASSES_MAX) - 3 {
            return self.open(kind, wait_ms);
        }
        let longer = self
            .queues
            .iter()
            .enumerate()
            .filter(|(_, queue)| queue.kind == kind && queue.wait_ms > wait_ms)
            .min_by_key(|(_, queue)| queue.wait_ms);
        match longer {
            Some((class, _)) => class as u16,
            None => self.open(kind, i64::MAX),
        }
    }

    fn open(&mut self, kind: QueueKind, wait_ms: i64) -> u16 {
        self.queues.push(Queue {
            kind,
            wait_ms,
            head: NIL,
            tail: NIL,
        });
        (self.queues.len() - 1) as u16
    }

    /// The longest deadline in force.
    pub(crate) fn deadline_max_ms(&self) -> i64 {
        self.deadline_max_ms
    }

    /// How long a landing waits for its raw event.
    pub(crate) fn grace_ms(&self) -> i64 {
        self.grace_ms
    }

    /// The longest that an entry of any queue waits, with deadlines of earlier plans.
    pub(crate) fn wait_max_ms(&self) -> i64 {
        let waits = self.queues.iter().map(|queue| queue.wait_ms);
        waits.fold(self.deadline_max_ms.max(self.grace_ms), i64::max)
    }

    pub(crate) fn wait_ms(&self, class: u16) -> i64 {
        self.queues[usize::from(class)].wait_ms
    }

    pub(crate) fn classes(&self) -> u16 {
        self.queues.len() as u16
    }

    /// Whether these are landings that came first.
    pub(crate) fn is_early(&self, class: u16) -> bool {
        self.queues[usize::from(class)].kind == QueueKind::Early
    }

    /// Whether these are events that are to land.
    pub(crate) fn is_expected(&self, class: u16) -> bool {
        self.queues[usize::from(class)].kind == QueueKind::Expected
    }

    pub(crate) fn head(&self, class: u16) -> Option<u32> {
        let head = self.queues[usize::from(class)].head;
        (head != NIL).then_some(head)
    }

    /// Puts an entry where its arrival belongs: nearly always at the end, as entries come nearly in order.
    pub(crate) fn link(&mut self, pending: &mut Pending, slot: u32) {
        /// Steps back from the end before an entry that came out of order is left where it is: it
        /// then is found overdue a little late, never early.
        const STEPS_MAX: usize = 64;
        let (class, arrived_ms) = (pending.get(slot).class(), pending.get(slot).arrived_ms);
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
        let queue = &mut self.queues[usize::from(entry.class())];
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

#[cfg(test)]
mod tests {
    use super::*;

    fn queues() -> DeadlineQueues {
        DeadlineQueues::new(
            Deadlines {
                default_ms: 100,
                by_schema: vec![10, 100],
            },
            100,
        )
    }

    #[test]
    fn schemas_of_one_deadline_share_a_queue_and_kinds_do_not() {
        let mut queues = queues();
        let expected = queues.class_for(SchemaId(1), Waiting::Expected);
        assert_eq!(expected, queues.class_for(SchemaId(7), Waiting::Expected));
        let others = [
            queues.class_for(SchemaId(0), Waiting::Expected),
            queues.class_for(SchemaId(1), Waiting::Rejected),
            queues.class_for(SchemaId(1), Waiting::Early),
        ];
        assert!(!others.contains(&expected), "{others:?}");
        assert_eq!(
            queues.class_for(SchemaId(1), Waiting::Again),
            others[1],
            "a second chance is not among what is to land for the first time"
        );
    }

    #[test]
    fn beyond_the_most_queues_a_deadline_is_the_nearest_longer_one() {
        let mut queues = queues();
        for wait_ms in (0..20_000).map(|number| number * 10) {
            let class = queues.class(QueueKind::Expected, wait_ms);
            assert!(
                queues.wait_ms(class) >= wait_ms,
                "never earlier than asked for"
            );
        }
        assert!(queues.classes() <= CLASSES_MAX);
        let class = queues.class(QueueKind::Expected, 15);
        assert_eq!(queues.wait_ms(class), 20);
        // Kinds that come when all are taken still have a queue of their own.
        let class = queues.class(QueueKind::Others, 15);
        assert!(!queues.is_expected(class) && queues.wait_ms(class) >= 15);
    }
}
