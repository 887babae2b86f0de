//! What was told of single events: rows of the store, and what the overseer hears of it.

use std::sync::Arc;

use landfall_ledger::{Cause, IncidentId, ReasonId};
use landfall_store::{LandedRow, MissingRow, SampleRow};

use super::again::Again;
use super::flush::{Fate, Prepared};
use super::late::Late;
use super::samples::{self, Example};
use super::{Known, KnownMissing, Results};
use crate::engine::messages::{Answer, Described, Told};
use crate::judge::Comparison;
use crate::judge::labels::{NO_REASON, Reason};
use crate::judge::plan::Plan;

impl Results {
    /// `known` is what the store knows of those that landed.
    pub(super) fn attribute(
        &mut self,
        plan: &Arc<Plan>,
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
                let fate = out.fates.len();
                known.entry(fingerprint).or_insert_with(|| Known {
                    row: LandedRow {
                        key: key.clone(),
                        schema: schema.clone(),
                        arrived_ms,
                        incident: incident.0,
                    },
                    compared: None,
                    told: Some(fate),
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
                    generation: self.number(generation),
                    frame,
                }));
            }
            Told::LandedLate {
                key: fingerprint,
                schema,
                landed_ms,
                written,
                window,
                is_of_copy,
            } => {
                let fingerprint = fingerprint.to_bytes();
                if let Some(known) = known.remove(&fingerprint) {
                    let landed = Late {
                        known,
                        key,
                        schema,
                        window,
                        written: &written,
                        is_of_copy,
                    };
                    self.landed_late(plan, landed, out);
                    out.fates.push(Fate::Landed(fingerprint, landed_ms));
                }
            }
            // An audit's time stands still: nothing is lost twice in it.
            Told::MissingAgain { .. } if self.is_audit() => {}
            Told::MissingAgain {
                key: fingerprint,
                schema,
                arrived_ms,
                deadline_ms,
            } => {
                let again = Again {
                    fingerprint: fingerprint.to_bytes(),
                    schema,
                    arrived_ms,
                    deadline_ms,
                    said_ms: now_ms.max(deadline_ms),
                    generation,
                };
                self.lost_again(plan, again, known, out);
            }
            Told::Recall { shard, key } => {
                let known = known.get(&key.to_bytes());
                let missing = known.map(|known| plan.labels.find(known.row.schema.as_bytes()));
                out.answers.push((shard, Answer::Recalled { key, missing }));
            }
            Told::Altered {
                schema,
                arrived_ms,
                written,
                generation: hashed,
                compared,
                ..
            } => self.altered(
                plan,
                Example {
                    key,
                    schema,
                    at_ms: arrived_ms,
                    generation: Some(self.number(if compared { generation } else { hashed })),
                    written: &written,
                },
                comparison.as_ref(),
                out,
            ),
            Told::Compare {
                schema, arrived_ms, ..
            } => {
                // Whatever it found, the verdict is of the checks that looked again. The shard gives
                // it: another copy of the event may explain the row.
                let window = arrived_ms.div_euclid(self.options.window_ms);
                self.book.judged_by(window, schema, generation);
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
                    generation: judged.map(|judged| self.number(judged.generation)),
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
                        generation: Some(self.number(generation)),
                        written: &written,
                    },
                    NO_REASON,
                    out,
                );
            }
            Told::Unexpected {
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
                    Cause::Unexpected,
                    Example {
                        key,
                        schema,
                        at_ms: landed_ms,
                        generation: Some(self.number(generation)),
                        written: &written,
                    },
                    NO_REASON,
                    out,
                );
            }
        }
    }

    pub(super) fn altered(
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
}
