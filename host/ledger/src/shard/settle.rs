//! Verdicts of raw events whose row is there, and disputes about rows that are not what they should be.

use super::Shard;
use super::history::Landing;
use crate::effect::{Effect, RejectedBy, WrittenSide};
use crate::identity::{Fingerprint, Parity, PayloadRef};
use crate::pending::{Entry, Waiting};
use crate::settled::{Settled, SettledRecord};
use crate::verdict::{Judgement, Verdict};

/// What a row is to the event that it meets.
enum Relation {
    /// Its row, unchanged.
    Same,
    /// A row with another content.
    Other,
    /// A side could not be projected.
    Unknown,
    /// The sides were hashed by different checks: the host has to compare them.
    Ask,
}

fn relation(entry: &Entry, landing: &Landing) -> Relation {
    let same_checks = entry.generation == landing.generation;
    match entry.form().compare(landing.form) {
        Parity::Equal => Relation::Same,
        // No parity check sees both sides: there is nothing to compare.
        Parity::OneSided if same_checks => Relation::Same,
        Parity::Differs if same_checks => Relation::Other,
        Parity::OneSided | Parity::Differs => Relation::Ask,
        Parity::Unknown => Relation::Unknown,
    }
}

impl Shard {
    /// The raw event in the slot (counted as pending, in no queue) meets the row under its key, whose
    /// frame is in the spool or not kept.
    pub(super) fn meet_spooled(&mut self, slot: u32, landing: Landing, effects: &mut Vec<Effect>) {
        self.meet(slot, landing, side(landing), effects);
    }

    /// The same, with the row wherever it is.
    #[inline(always)]
    pub(super) fn meet(
        &mut self,
        slot: u32,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        let entry = *self.keys.pending.get(slot);
        // By stamps of two sockets a landing may be before its arrival; it answers it all the same.
        let landed_ms = landing.landed_ms.max(entry.arrived_ms);
        self.activity.landed(entry.schema, landed_ms);
        if entry.waiting() == Waiting::Rejected {
            return self.dispute(slot, landing, written, effects);
        }
        let latency_ms = landing.landed_ms.saturating_sub(entry.arrived_ms).max(0);
        self.latency.add(entry.schema, latency_ms);
        let is_explained = |shard: &Self| {
            let history = shard.histories.get(slot);
            history
                .and_then(|history| history.explains(Judgement::Expected, landing.form))
                .is_some()
        };
        match relation(&entry, &landing) {
            Relation::Same => self.landed_unchanged(slot, landing, effects),
            _ if is_explained(self) => self.landed_unchanged(slot, landing, effects),
            Relation::Ask if written != WrittenSide::Gone => {
                effects.push(Effect::Compare {
                    key: entry.key(),
                    payload: entry.payload,
                    written,
                    schema: entry.schema,
                    arrived_ms: entry.arrived_ms,
                });
                hold(entry.key(), landing, written, effects);
                let history = self.histories.open(slot);
                history.landing = Some(landing);
                history.compared = None;
                let entry = self.keys.pending.get_mut(slot);
                entry.set_waiting(entry.class(), Waiting::Comparing);
                self.comparing += 1;
            }
            Relation::Other => self.dispute(slot, landing, written, effects),
            // Nobody will be shown a difference, so its frame is not kept.
            Relation::Unknown | Relation::Ask => {
                self.dispute(slot, landing, WrittenSide::Gone, effects);
            }
        }
    }

    #[inline(always)]
    fn landed_unchanged(&mut self, slot: u32, landing: Landing, effects: &mut Vec<Effect>) {
        self.settle_landed(slot, landing, effects);
        if landing.payload != PayloadRef::NONE {
            self.release(landing.payload, effects);
        }
    }

    /// The event in the slot landed unchanged. It is late only if it cannot have landed before its
    /// deadline: what cannot be known is not held against it.
    #[inline(always)]
    pub(super) fn settle_landed(&mut self, slot: u32, landing: Landing, effects: &mut Vec<Effect>) {
        let entry = self.keys.pending.get(slot);
        let (arrived_ms, schema) = (entry.arrived_ms, entry.schema);
        let wait_ms = self.queues.wait_ms(entry.class());
        let deadline_ms = arrived_ms.saturating_add(wait_ms);
        let verdict = if landing.earliest_ms > deadline_ms {
            Verdict::Late
        } else {
            Verdict::Delivered
        };
        if verdict == Verdict::Delivered && landing.landed_ms > deadline_ms {
            let window = self.tallies.window(arrived_ms);
            self.tallies.at(window, schema).doubtful += 1;
        }
        self.settle(slot, verdict, Settled::landed(landing.schema), effects);
    }

    /// The row is not what the event in the slot should have become: another copy may explain it, and
    /// may not have been read yet. It is waited for until raw time has passed the landing.
    #[cold]
    #[inline(never)]
    fn dispute(
        &mut self,
        slot: u32,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        let key = self.keys.pending.get(slot).key();
        hold(key, landing, written, effects);
        self.histories.open(slot).landing = Some(landing);
        self.dispute_open(slot, landing.landed_ms);
    }

    fn dispute_open(&mut self, slot: u32, landed_ms: i64) {
        let is_rejected = self.keys.pending.get(slot).waiting() == Waiting::Rejected;
        let entry = self.keys.pending.get_mut(slot);
        entry.set_waiting(entry.class(), Waiting::Disputed);
        // Both kinds have the same classes, so the class no longer shows which one it was.
        if is_rejected {
            self.histories.open(slot).rejected = true;
        }
        self.early += 1;
        let due_ms = landed_ms.saturating_add(self.dispute_ms);
        self.histories.wait(slot, due_ms);
    }

    /// Whether the event that waits in the slot must not land.
    pub(super) fn is_rejected(&self, slot: u32) -> bool {
        self.keys.pending.get(slot).waiting() == Waiting::Rejected
            || self
                .histories
                .get(slot)
                .is_some_and(|history| history.rejected)
    }

    /// The dispute about the row in the slot is over, or begins anew: the row.
    pub(super) fn end_dispute(&mut self, slot: u32) -> Option<Landing> {
        self.early -= 1;
        let dispute_ms = self.dispute_ms;
        let history = self.histories.get_mut(slot)?;
        history.rejected = false;
        let landing = history.landing?;
        self.histories
            .wait_no_longer(slot, landing.landed_ms.saturating_add(dispute_ms));
        Some(landing)
    }

    /// No copy came in time that explains the row in the slot: decides about it.
    pub(super) fn decide(&mut self, slot: u32, effects: &mut Vec<Effect>) {
        if self.keys.pending.get(slot).waiting() == Waiting::Revising {
            return if self.is_stray(slot) {
                self.give_stray_back(slot, effects)
            } else {
                self.revise(slot, effects)
            };
        }
        let is_rejected = self.is_rejected(slot);
        let Some(landing) = self.end_dispute(slot) else {
            return;
        };
        let written = side(landing);
        let verdict = if is_rejected {
            self.decide_rejected(slot, landing, written, effects)
        } else {
            self.decide_expected(slot, landing, written, effects)
        };
        self.settle(slot, verdict, Settled::landed(landing.schema), effects);
    }

    /// A row under the key of an event that must not land, and no copy of it that is to.
    fn decide_rejected(
        &mut self,
        slot: u32,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let entry = *self.keys.pending.get(slot);
        let is_its = entry.form().is_same_content(landing.form);
        if self.has_unjudged_copy(slot) && !is_its {
            // It may be the row of the copy that nobody could judge.
            return Verdict::Unjudged;
        }
        effects.push(Effect::Leaked {
            key: entry.key(),
            schema: entry.schema,
            arrived_ms: entry.arrived_ms,
            written,
            judged: Some(RejectedBy {
                reason: entry.reason,
                generation: entry.generation,
            }),
        });
        Verdict::Leaked
    }

    pub(super) fn has_unjudged_copy(&self, slot: u32) -> bool {
        self.histories.get(slot).is_some_and(|history| {
            let mut judgements = history.copies.iter().map(|copy| copy.judgement);
            history.unjudged || judgements.any(|judgement| judgement == Judgement::Unjudged)
        })
    }

    /// A row with another content than each copy that is to land.
    fn decide_expected(
        &mut self,
        slot: u32,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let entry = *self.keys.pending.get(slot);
        let history = self.histories.get(slot);
        let compared = history.and_then(|history| history.compared);
        let is_other = match (compared, relation(&entry, &landing)) {
            (Some(answer), _) => answer == Some(false),
            (None, Relation::Other) => true,
            (None, _) => false,
        };
        let rejected =
            history.and_then(|history| history.explains(Judgement::Rejected, landing.form));
        let unjudged = history.is_some_and(|history| {
            history
                .explains(Judgement::Unjudged, landing.form)
                .is_some()
                || history.unjudged
                || history.may_explain(landing.generation)
        });
        if let Some(copy) = rejected {
            // What landed is the copy that must not.
            effects.push(Effect::Leaked {
                key: entry.key(),
                schema: copy.schema,
                arrived_ms: copy.arrived_ms,
                written,
                judged: Some(RejectedBy {
                    reason: copy.reason,
                    generation: copy.generation,
                }),
            });
            let window = self.tallies.window(copy.arrived_ms);
            let counts = self.tallies.at(window, copy.schema);
            counts.verdicts[copy.verdict as usize] -= 1;
            counts.verdicts[Verdict::Leaked as usize] += 1;
        }
        if !is_other || (rejected.is_none() && unjudged) {
            return Verdict::Unjudged;
        }
        effects.push(Effect::Altered {
            key: entry.key(),
            payload: entry.payload,
            written,
            schema: entry.schema,
            arrived_ms: entry.arrived_ms,
            generation: landing.generation,
            compared: compared.is_some(),
        });
        Verdict::Altered
    }

    /// Gives a verdict to the event in the slot, which was counted as pending and is in no queue.
    pub(super) fn settle(
        &mut self,
        slot: u32,
        verdict: Verdict,
        settled: Settled,
        effects: &mut Vec<Effect>,
    ) {
        let entry = self.keys.pending.get(slot);
        let (key, schema, payload) = (entry.key(), entry.schema, entry.payload);
        let window = self.tallies.window(entry.arrived_ms);
        let counts = self.tallies.at(window, schema);
        counts.pending -= 1;
        counts.verdicts[verdict as usize] += 1;
        let row = if self.histories.is_empty() {
            PayloadRef::NONE
        } else {
            self.close_history(slot)
        };
        self.keys
            .settle(slot, SettledRecord::new(key, settled, schema, window));
        self.release(payload, effects);
        if row != PayloadRef::NONE {
            self.release(row, effects);
        }
    }

    /// Ends what is known beside the entry in the slot: the frame of its row, if that is held.
    #[cold]
    #[inline(never)]
    fn close_history(&mut self, slot: u32) -> PayloadRef {
        let landing = self.histories.take(slot).and_then(|known| known.landing);
        landing.map_or(PayloadRef::NONE, |landing| landing.payload)
    }

    pub(super) fn settle_compared(
        &mut self,
        key: Fingerprint,
        equal: Option<bool>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.keys.waiting(key) else {
            return;
        };
        if self.keys.pending.get(slot).waiting() != Waiting::Comparing {
            return;
        }
        let Some(history) = self.histories.get_mut(slot) else {
            return;
        };
        let Some(landing) = history.landing else {
            return;
        };
        history.compared = Some(equal);
        self.comparing -= 1;
        if equal == Some(true) {
            self.settle_landed(slot, landing, effects);
        } else {
            self.dispute_open(slot, landing.landed_ms);
        }
        self.flush_released(effects);
    }
}

/// A row that waits must be kept until it is decided, if it is only in the batch in hand.
pub(super) fn hold(
    key: Fingerprint,
    landing: Landing,
    written: WrittenSide,
    effects: &mut Vec<Effect>,
) {
    if let WrittenSide::Row(row) = written
        && landing.payload == PayloadRef::NONE
    {
        effects.push(Effect::HoldWritten { key, row });
    }
}

pub(super) fn side(landing: Landing) -> WrittenSide {
    if landing.payload == PayloadRef::NONE {
        WrittenSide::Gone
    } else {
        WrittenSide::Spooled(landing.payload)
    }
}
