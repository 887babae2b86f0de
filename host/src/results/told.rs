//! What was told of single events: rows of the store, and what the overseer hears of it.

use landfall_ledger::{Cause, Counts, IncidentId, ReasonId, SchemaId, Verdict};
use landfall_store::{LandedRow, MissingRow, SampleRow};

use super::flush::{Fate, Prepared};
use super::samples::{self, Example};
use super::{KnownMissing, Results};
use crate::engine::messages::{Described, Told};
use crate::judge::Comparison;
use crate::judge::labels::{NO_REASON, Reason};
use crate::judge::plan::Plan;

impl Results {
    /// `known` is what the store knows of those that landed.
    pub(super) fn attribute(
        &mut self,
        plan: &Plan,
        described: Described,
        known: &mut KnownMissing,
        now_ms: i64,
        out: &mut Prepared,
    ) {
        let Described {
            told,
            key,
            comparison,
            generation,
        } = described;
        match told {
            Told::Missing {
                key: fingerprint,
                place,
                frame,
                schema,
                arrived_ms,
                deadline_ms,
                generation,
            } => {
                let incident = if self.is_audit() {
                    let window = arrived_ms.div_euclid(self.options.window_ms);
                    self.chronicle
                        .missing(window, schema, arrived_ms, deadline_ms);
                    // Put down to one when all is told.
                    IncidentId(0)
                } else {
                    self.overseer.missing(schema, arrived_ms, deadline_ms)
                };
                let fingerprint = fingerprint.to_bytes();
                let schema = plan.labels.name(schema).to_owned();
                known.entry(fingerprint).or_insert_with(|| LandedRow {
                    key: key.clone(),
                    schema: schema.clone(),
                    arrived_ms,
                    incident: incident.0,
                });
                out.missing += 1;
                out.fates.push(Fate::Missing(MissingRow {
                    fingerprint,
                    key,
                    schema,
                    arrived_ms,
                    place,
                    deadline_ms,
                    said_ms: now_ms.max(deadline_ms),
                    incident: incident.0,
                    generation: generation.0,
                    frame,
                }));
            }
            Told::LandedLate { key, landed_ms, .. } => {
                let fingerprint = key.to_bytes();
                if let Some(row) = known.remove(&fingerprint) {
                    self.landed_late(plan, &row, out);
                    out.fates.push(Fate::Landed(fingerprint, landed_ms));
                }
            }
            Told::Altered {
                schema,
                arrived_ms,
                written,
                generation,
                ..
            } => self.altered(
                plan,
                Example {
                    key,
                    schema,
                    at_ms: arrived_ms,
                    generation: Some(generation),
                    written: &written,
                },
                comparison.as_ref(),
                out,
            ),
            Told::Compare {
                schema,
                arrived_ms,
                written,
                ..
            } => {
                // Whatever it found, the verdict is of the checks that looked again.
                let window = arrived_ms.div_euclid(self.options.window_ms);
                self.book.judged_by(window, schema, generation);
                if matches!(comparison, Some(Comparison::Differs(_))) {
                    self.altered(
                        plan,
                        Example {
                            key,
                            schema,
                            at_ms: arrived_ms,
                            generation: Some(generation),
                            written: &written,
                        },
                        comparison.as_ref(),
                        out,
                    );
                }
            }
            Told::Leaked {
                schema,
                arrived_ms,
                judged,
                written,
                ..
            } => {
                let reason = judged.map_or(NO_REASON, |judged| judged.reason);
                let Reason { check, id } = samples::reason_of(plan, reason);
                let leaked = &mut self.totals.account.leaked;
                *leaked.entry((check, id)).or_default() += 1;
                let example = Example {
                    key,
                    schema,
                    at_ms: arrived_ms,
                    generation: judged.map(|judged| judged.generation),
                    written: &written,
                };
                self.landed_wrongly(plan, Cause::Leaked, example, reason, out);
            }
            Told::Duplicate {
                schema,
                landed_ms,
                written,
                generation,
                ..
            } => {
                let window = landed_ms.div_euclid(self.options.window_ms);
                self.book.judged_by(window, schema, generation);
                self.landed_wrongly(
                    plan,
                    Cause::Duplicate,
                    Example {
                        key,
                        schema,
                        at_ms: landed_ms,
                        generation: Some(generation),
                        written: &written,
                    },
                    NO_REASON,
                    out,
                );
            }
            Told::Unexpected {
                key: fingerprint,
                schema,
                landed_ms,
                written,
                generation,
            } => {
                let fingerprint = fingerprint.to_bytes();
                // It may be an event that went missing longer ago than the ledger remembers.
                if let Some(row) = known.remove(&fingerprint) {
                    self.landed_late(plan, &row, out);
                    self.was_expected(plan, &row, schema, landed_ms);
                    out.fates.push(Fate::Landed(fingerprint, landed_ms));
                    return;
                }
                let window = landed_ms.div_euclid(self.options.window_ms);
                self.book.judged_by(window, schema, generation);
                self.landed_wrongly(
                    plan,
                    Cause::Unexpected,
                    Example {
                        key,
                        schema,
                        at_ms: landed_ms,
                        generation: Some(generation),
                        written: &written,
                    },
                    NO_REASON,
                    out,
                );
            }
        }
    }

    fn altered(
        &mut self,
        plan: &Plan,
        example: Example<'_>,
        comparison: Option<&Comparison>,
        out: &mut Prepared,
    ) {
        let Example { schema, at_ms, .. } = example;
        self.note(Cause::Altered, schema, 1, at_ms, at_ms);
        self.totals.account.altered(comparison);
        self.board.altered(comparison.is_some());
        let row = samples::altered(plan, example, comparison, &self.options.redact);
        self.sample(row, out);
    }

    /// A row that landed and should not have.
    fn landed_wrongly(
        &mut self,
        plan: &Plan,
        cause: Cause,
        example: Example<'_>,
        reason: ReasonId,
        out: &mut Prepared,
    ) {
        let Example { schema, at_ms, .. } = example;
        self.note(cause, schema, 1, at_ms, at_ms);
        let row = samples::written(plan, cause.as_str(), example, reason, &self.options.redact);
        self.sample(row, out);
    }

    fn sample(&mut self, row: SampleRow, out: &mut Prepared) {
        if self.samples.take(&row) {
            out.samples.push(row);
        }
    }

    /// The incident's count of late landings; one that is no longer in hand is counted in the store.
    fn landed_late(&mut self, plan: &Plan, row: &LandedRow, out: &mut Prepared) {
        let schema = plan.labels.find(row.schema.as_bytes());
        if !self.overseer.landed_late(IncidentId(row.incident), schema) {
            out.landed_of_old.push((row.incident, row.schema.clone()));
        }
    }

    /// The ledger had forgotten that it was missing: the verdict is revised here, and it was not
    /// unexpected.
    fn was_expected(&mut self, plan: &Plan, row: &LandedRow, schema: SchemaId, landed_ms: i64) {
        let raw_schema = plan.labels.find(row.schema.as_bytes());
        let mut counts = Counts::default();
        counts.verdicts[Verdict::Missing as usize] = -1;
        counts.verdicts[Verdict::Late as usize] = 1;
        let window = row.arrived_ms.div_euclid(self.options.window_ms);
        self.book.add(window, raw_schema, &counts);
        self.count(plan, raw_schema, &counts);
        let counts = Counts {
            unexpected: -1,
            ..Counts::default()
        };
        let window = landed_ms.div_euclid(self.options.window_ms);
        self.book.add(window, schema, &counts);
        self.count(plan, schema, &counts);
    }
}
