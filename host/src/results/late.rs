//! A missing event landed after all: its incident, its window, and what a late comparison of its content
//! says. The ledger has forgotten the content by then; the store has the raw frame.

use std::collections::BTreeSet;
use std::sync::Arc;

use landfall_ledger::{Counts, Effect, IncidentId, SchemaId, Verdict};
use landfall_store::{StoreError, WindowCounts};

use super::flush::{MissingChange, Prepared};
use super::samples::Example;
use super::{Known, KnownMissing, Results};
use crate::judge::plan::Plan;
use crate::judge::{Comparison, Describer};
use crate::messages::Described;

/// Bytes of raw frames that are read back from the store to be compared together: as many as a shard
/// tells in one piece, and one frame more.
const SIDES_BYTES_MAX: usize = 1 << 20;

/// A row of an event that was missing.
pub(super) struct Late<'a> {
    pub known: Known,
    pub key: String,
    pub schema: SchemaId,
    /// Where the ledger counts it as late; none if the store is to.
    pub window: Option<i64>,
    pub written: &'a [u8],
    /// It has the content of a copy that came in since.
    pub is_of_copy: bool,
}

impl Results {
    pub(super) fn landed_late(&mut self, plan: &Arc<Plan>, late: Late<'_>, out: &mut Prepared) {
        let Late {
            known,
            key,
            schema,
            window,
            written,
            is_of_copy,
        } = late;
        let comparison = if is_of_copy {
            Comparison::Equal
        } else {
            self.compare_late(plan, &known, &key, written, out)
        };
        let verdict = match comparison {
            Comparison::Equal => Verdict::Late,
            Comparison::Differs(_) => Verdict::Altered,
            Comparison::Unknown => Verdict::Unjudged,
        };
        let row = known.row;
        self.count_late(plan, &row.schema, row.incident, out);
        let mut counts = Counts::default();
        match window {
            // The ledger has told it as late.
            Some(window) => {
                counts.verdicts[Verdict::Late as usize] -= 1;
                counts.verdicts[verdict as usize] += 1;
                self.open_windows.add(window, schema, &counts);
            }
            None => {
                counts.verdicts[Verdict::Missing as usize] -= 1;
                counts.verdicts[verdict as usize] += 1;
                let revised = WindowCounts {
                    late: counts.verdict(Verdict::Late),
                    altered: counts.verdict(Verdict::Altered),
                    unjudged: counts.verdict(Verdict::Unjudged),
                    ..WindowCounts::default()
                };
                out.missing_changes
                    .push(MissingChange::Revised(row.arrived_ms, row.schema, revised));
            }
        }
        if !counts.is_empty() {
            self.count(plan, schema, &counts);
        }
        if verdict == Verdict::Altered {
            let example = Example {
                key,
                schema,
                at_ms: row.arrived_ms,
                generation: Some(self.number(plan.generation)),
                written,
            };
            self.altered(plan, example, Some(&comparison), out);
        }
    }

    /// The incident's count of late landings, under the schema that it counted the event under; one that
    /// is no longer in hand is counted in the store, where its schema has the name that it had then.
    fn count_late(&mut self, plan: &Plan, name: &str, incident: u64, out: &mut Prepared) {
        let schema = plan.labels.find(name.as_bytes());
        if !self.tracker.landed_late(IncidentId(incident), schema) {
            out.landed_of_old.push((incident, name.to_owned()));
        }
    }

    /// What the row is to the raw frame, by the checks of now: of one that is told in this flush, here;
    /// else it was compared when the store was asked.
    fn compare_late(
        &mut self,
        plan: &Arc<Plan>,
        known: &Known,
        key: &str,
        written: &[u8],
        out: &Prepared,
    ) -> Comparison {
        if plan.streams.raw.parity.is_empty() {
            return Comparison::Equal;
        }
        let told = known.told.and_then(|place| match out.missing_changes.get(place) {
            Some(MissingChange::Missing(row)) => Some(&row.frame[..]),
            _ => None,
        });
        match (told, &known.compared) {
            (Some(raw), _) if !raw.is_empty() && !written.is_empty() => {
                let compared = self.compare(plan, &[(raw, written)], &[key]).pop();
                compared.unwrap_or(Comparison::Unknown)
            }
            (None, Some(compared)) => compared.clone(),
            _ => Comparison::Unknown,
        }
    }

    /// Compares by the checks of now. Faults of checks are told with the keys.
    fn compare(
        &mut self,
        plan: &Arc<Plan>,
        pairs: &[(&[u8], &[u8])],
        keys: &[&str],
    ) -> Vec<Comparison> {
        let describer = self
            .describer
            .get_or_insert_with(|| Describer::new(Arc::clone(plan)));
        describer.follow(plan);
        let compared = describer.compare(pairs, keys);
        let activity = describer.take_activity();
        self.take_activity(activity);
        compared
    }

    /// What the store knows of missing events that are spoken of; those that landed are compared with
    /// their raw frames, some at a time.
    pub(super) fn look_up(&mut self, told: &[Described]) -> Result<KnownMissing, StoreError> {
        let mut known = KnownMissing::new();
        for described in told {
            if let Effect::LandedLate { key, .. }
            | Effect::MissingAgain { key, .. }
            | Effect::Recall { key, .. } = described.event.effect
                && let Some(row) = self.store.missing_event(key.to_bytes())?
            {
                let known_row = Known {
                    row,
                    compared: None,
                    told: None,
                };
                known.insert(key.to_bytes(), known_row);
            }
        }
        let plan = self.plan.current();
        if plan.streams.raw.parity.is_empty() {
            return Ok(known);
        }
        let mut sides = Sides::default();
        for described in told {
            let Effect::LandedLate { key, .. } = described.event.effect else {
                continue;
            };
            let written = &described.event.frames.written;
            let key = key.to_bytes();
            // The store's event is the one that lands first.
            let is_first = known.contains_key(&key) && !sides.seen.contains(&key);
            if is_first
                && !written.is_empty()
                && let Some(raw) = self.store.missing_frame(key)?
                && sides.add(Side {
                    key,
                    text: &described.key,
                    raw,
                    written,
                })
            {
                self.compare_sides(&plan, &mut sides, &mut known);
            }
        }
        self.compare_sides(&plan, &mut sides, &mut known);
        Ok(known)
    }

    fn compare_sides(&mut self, plan: &Arc<Plan>, sides: &mut Sides<'_>, known: &mut KnownMissing) {
        let sides_waiting = sides.waiting.iter();
        let pairs: Vec<(&[u8], &[u8])> = sides_waiting
            .map(|side| (&side.raw[..], side.written))
            .collect();
        if pairs.is_empty() {
            return;
        }
        let keys: Vec<&str> = sides.waiting.iter().map(|side| side.text).collect();
        let compared = self.compare(plan, &pairs, &keys);
        for (key, comparison) in sides.take().into_iter().zip(compared) {
            if let Some(known) = known.get_mut(&key) {
                known.compared = Some(comparison);
            }
        }
    }
}

/// A missing event's raw frame from the store, and the row that landed.
struct Side<'a> {
    key: [u8; 16],
    text: &'a str,
    raw: Vec<u8>,
    written: &'a [u8],
}

/// Raw frames and rows that are compared together: their bytes in memory are bounded, however many land
/// at once and however large they are.
#[derive(Default)]
struct Sides<'a> {
    waiting: Vec<Side<'a>>,
    bytes: usize,
    seen: BTreeSet<[u8; 16]>,
}

impl<'a> Sides<'a> {
    /// Whether there are enough to be compared.
    fn add(&mut self, side: Side<'a>) -> bool {
        self.bytes += side.raw.len();
        self.seen.insert(side.key);
        self.waiting.push(side);
        self.bytes >= SIDES_BYTES_MAX
    }

    /// Their keys.
    fn take(&mut self) -> Vec<[u8; 16]> {
        self.bytes = 0;
        self.waiting.drain(..).map(|side| side.key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_are_read_back_are_compared_before_they_fill_memory() {
        let mut sides = Sides::default();
        let (large, count) = (SIDES_BYTES_MAX / 3, 100_u8);
        let (mut most, mut taken) = (0, 0);
        for number in 0..count {
            let is_enough = sides.add(Side {
                key: [number; 16],
                text: "k",
                raw: vec![0; large],
                written: b"row",
            });
            most = most.max(sides.waiting.iter().map(|side| side.raw.len()).sum());
            if is_enough {
                taken += sides.take().len();
            }
        }
        taken += sides.take().len();
        assert_eq!(taken, usize::from(count));
        assert!(most < SIDES_BYTES_MAX + large, "{most}");
        assert_eq!(sides.seen.len(), usize::from(count));
    }
}
