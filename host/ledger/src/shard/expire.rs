//! Time moves on: deadlines pass, and the grace of early landings ends.

use super::written::again;
use super::{STAMPS_APART_MS, Shard};
use crate::coverage::HoleCause;
use crate::effect::Effect;
use crate::identity::PayloadRef;
use crate::observation::Frontier;
use crate::pending::{NIL, Waiting};
use crate::settled::{Settled, SettledRecord};
use crate::verdict::Verdict;

impl Shard {
    /// Settles what is due; true if more is due than `verdicts_max` entries.
    pub(super) fn expire(
        &mut self,
        frontier: Frontier,
        verdicts_max: usize,
        effects: &mut Vec<Effect>,
    ) -> bool {
        self.frontier.raw_ms = self.frontier.raw_ms.max(frontier.raw_ms);
        self.frontier.written_ms = self.frontier.written_ms.max(frontier.written_ms);
        let Frontier { raw_ms, written_ms } = self.frontier;
        // Both streams look up what is remembered, so the one that is behind counts.
        let known = [raw_ms, written_ms]
            .into_iter()
            .filter(|&ms| ms != i64::MAX);
        let behind_ms = known.min().unwrap_or(i64::MAX);
        if behind_ms != i64::MIN {
            self.keys.set_time(behind_ms);
        }
        let mut left = verdicts_max;
        while let Some(slot) = self.histories.next_due(raw_ms) {
            self.decide(slot, effects);
            left -= 1;
            if left == 0 {
                return true;
            }
        }
        // After a leap of time, the event of a row that was astray is still known until here.
        self.keys.forget_overdue();
        for class in 0..self.queues.classes() {
            let frontier_ms = if self.queues.is_early(class) {
                raw_ms
            } else {
                written_ms
            };
            self.expire_class(class, frontier_ms, &mut left, effects);
            if left == 0 {
                return true;
            }
        }
        false
    }

    /// Whatever would have come in time has been applied: what waits still did not.
    fn expire_class(
        &mut self,
        class: u16,
        frontier_ms: i64,
        left: &mut usize,
        effects: &mut Vec<Effect>,
    ) {
        let wait_ms = self.queues.wait_ms(class);
        let mut next = self.queues.head(class);
        while let Some(slot) = next {
            let entry = *self.keys.pending.get(slot);
            let due_ms = entry.arrived_ms.saturating_add(wait_ms);
            if frontier_ms < due_ms || *left == 0 {
                return;
            }
            next = (entry.next != NIL).then_some(entry.next);
            match entry.waiting() {
                Waiting::Expected | Waiting::Rejected | Waiting::Again if self.has_stray(slot) => {
                    continue;
                }
                Waiting::Expected if self.may_be_landed_unnamed(slot) => {
                    self.unlink(slot);
                    self.settle(slot, Verdict::Repeated, Settled::LandedUnnamed, effects);
                }
                Waiting::Expected => self.missing(slot, due_ms, effects),
                Waiting::Again => self.missing_again(slot, due_ms, effects),
                Waiting::Rejected => {
                    self.unlink(slot);
                    if self.hole_of(entry.arrived_ms, due_ms).is_some() {
                        let window = self.tallies.window(entry.arrived_ms);
                        self.tallies.at(window, entry.schema).rejected_unseen += 1;
                    }
                    // A row that comes now may be that of a copy which nobody could judge.
                    let settled = if self.has_unjudged_copy(slot) {
                        Settled::Unjudged
                    } else {
                        Settled::Rejected
                    };
                    self.settle(slot, Verdict::Rejected, settled, effects);
                }
                Waiting::Early => self.unexpected(slot, effects),
                // In no deadline queue.
                Waiting::Comparing | Waiting::Disputed | Waiting::Revising | Waiting::Recalling => {
                    continue;
                }
            }
            *left -= 1;
        }
    }

    /// Why it is not known whether a row of an event landed: a hole of the written stream from before its arrival
    /// to its deadline.
    fn hole_of(&self, arrived_ms: i64, deadline_ms: i64) -> Option<HoleCause> {
        let stamped_ms = arrived_ms.saturating_sub(STAMPS_APART_MS);
        let delay = self.readings.raw_delays.hole_within(stamped_ms, arrived_ms);
        let from_ms = delay.map_or(stamped_ms, |delay| {
            stamped_ms.min(delay.from_ms.saturating_sub(STAMPS_APART_MS))
        });
        let written = &self.readings.coverage.written;
        let hole = written.hole_within(from_ms, deadline_ms)?;
        Some(hole.cause)
    }

    fn missing(&mut self, slot: u32, deadline_ms: i64, effects: &mut Vec<Effect>) {
        let entry = self.unlink(slot);
        let hole = self.hole_of(entry.arrived_ms, deadline_ms);
        effects.push(Effect::Missing {
            key: entry.key(),
            payload: entry.payload,
            schema: entry.schema,
            arrived_ms: entry.arrived_ms,
            deadline_ms,
            generation: entry.generation,
            hole,
        });
        match hole {
            None => self.settle(slot, Verdict::Missing, Settled::Missing, effects),
            Some(_) => self.settle(slot, Verdict::Unconfirmed, Settled::Unconfirmed, effects),
        }
    }

    /// An event is lost for the second time. Its verdict was given the first time.
    fn missing_again(&mut self, slot: u32, deadline_ms: i64, effects: &mut Vec<Effect>) {
        let entry = self.unlink(slot);
        let hole = self.hole_of(entry.arrived_ms, deadline_ms);
        let mut record = again(&entry);
        let is_counted = record.settled() != Settled::MissingStored;
        effects.push(Effect::MissingAgain {
            key: entry.key(),
            schema: entry.schema,
            arrived_ms: entry.arrived_ms,
            deadline_ms,
            hole,
            window: is_counted.then_some(record.window()),
        });
        if hole.is_some() && record.settled() == Settled::Missing {
            // The copy may have landed.
            let (window, schema) = (record.window(), record.schema());
            let counts = self.tallies.at(window, schema);
            counts.verdicts[Verdict::Missing as usize] -= 1;
            counts.verdicts[Verdict::Unconfirmed as usize] += 1;
            record = SettledRecord::new(entry.key(), Settled::Unconfirmed, schema, window);
        }
        self.keys.settle(slot, record);
    }

    #[inline]
    pub(super) fn bound_disputes(&mut self, effects: &mut Vec<Effect>) {
        while self.histories.waiting() > self.disputes_max {
            match self.histories.next_due(i64::MAX) {
                Some(slot) => self.decide(slot, effects),
                None => return,
            }
        }
    }

    /// Decides about all rows that no copy explains, however long raw time still takes to pass them:
    /// no more copies are read.
    pub(super) fn decide_all(&mut self, effects: &mut Vec<Effect>) {
        while let Some(slot) = self.histories.next_due(i64::MAX) {
            self.decide(slot, effects);
        }
    }

    /// Whether the raw event of a row may have come while nobody watched the raw stream: as long before the row can
    /// have landed as the longest deadline, and until the row's grace ended.
    fn may_have_come_unseen(&self, earliest_ms: i64, landed_ms: i64) -> bool {
        let before_ms = self.queues.deadline_max_ms().max(STAMPS_APART_MS);
        let from_ms = earliest_ms.saturating_sub(before_ms);
        let to_ms = landed_ms.saturating_add(self.queues.grace_ms());
        self.readings
            .coverage
            .raw
            .hole_within(from_ms, to_ms)
            .is_some()
    }

    fn unexpected(&mut self, slot: u32, effects: &mut Vec<Effect>) {
        let entry = self.unlink(slot);
        let window = self.tallies.window(entry.arrived_ms);
        let payload = (entry.payload != PayloadRef::NONE).then_some(entry.payload);
        let is_unwatched = self.may_have_come_unseen(entry.earliest_ms(), entry.arrived_ms);
        let counts = self.tallies.at(window, entry.schema);
        let settled = if is_unwatched {
            counts.unwatched += 1;
            Settled::Unwatched
        } else {
            counts.unexpected += 1;
            Settled::Unexpected
        };
        let record = SettledRecord::new(entry.key(), settled, entry.schema, window);
        self.keys.settle(slot, record);
        if is_unwatched {
            // Whoever wrote it is alive.
            self.activity.landed(entry.schema, entry.arrived_ms);
        } else {
            effects.push(Effect::Unexpected {
                key: entry.key(),
                schema: entry.schema,
                landed_ms: entry.arrived_ms,
                payload,
                generation: entry.generation,
            });
        }
        if let Some(payload) = payload {
            self.release(payload, effects);
        }
    }
}
