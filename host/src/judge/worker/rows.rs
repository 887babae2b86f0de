//! Finishes one row of a judged batch: finds its key and its schema, and makes the observation for
//! the ledger.

use landfall_document::{Documents, RowState};
use landfall_ledger::{
    Fingerprint, Form, Judgement, PayloadRef, RawObservation, SchemaId, Stream, WrittenObservation,
};

use landfall_runtime::{NO_KEY, Outcome};

use super::{GIVEN_UP, Judge, Judged, KEPT_FOR_RETRY, RowJudgement};
use crate::flow::FrameBatch;
use crate::judge::event_time::{TimeDefect, event_time_ms};
use crate::judge::labels::{HOST, NO_SCHEMA};
use crate::judge::plan::{EventPointers, Plan};
use crate::judge::report::{JudgeReport, SampleContent, SampleKind, Violation, bump};

/// What identifies a row.
struct Identity {
    key: Fingerprint,
    schema: SchemaId,
}

impl Judge {
    #[allow(clippy::too_many_arguments, reason = "one row's share of everything")]
    pub(super) fn finish_row(
        &mut self,
        plan: &Plan,
        stream: Stream,
        row: usize,
        frames: &mut FrameBatch,
        payloads: &[PayloadRef],
        form: Option<Form>,
        out: &mut Judged,
    ) {
        let code = match &plan.streams[stream].codec {
            Some(_) => self.decoded.codes.get(row).copied().unwrap_or_default(),
            None => 0,
        };
        if code == KEPT_FOR_RETRY {
            return;
        }
        let identity = if code != 0 {
            None
        } else {
            self.identify(plan, row, frames, &mut out.report)
        };
        let Some(Identity { key, schema }) = identity else {
            self.unread_rows.push(row);
            // What only the end of the run gives up stays in the spool: the next run tries it again.
            let stays = code == GIVEN_UP && self.ending && !self.options.event_time;
            if !stays {
                out.report.released.extend(payloads.get(row));
            }
            return;
        };
        self.keyed_rows += 1;
        if self.options.event_time {
            let last_ms = &mut self.last_time_ms[stream];
            match event_time(&self.documents, &plan.event, row) {
                Ok(time_ms) => *last_ms = Some(time_ms),
                Err(defect) => bump(&mut out.report.untimed, defect),
            }
            let never_late = match stream {
                // A raw frame is read only now: whatever landed did so before.
                Stream::Raw => frames.arrived_ms[row],
                Stream::Written => 0,
            };
            let time_ms = last_ms.unwrap_or(never_late);
            frames.arrived_ms[row] = time_ms;
            // An event's own time is exact.
            frames.earliest_ms[row] = time_ms;
            out.time_ms_max = out.time_ms_max.max(Some(time_ms));
        }
        let arrived_ms = frames.arrived_ms[row];
        let form = form.unwrap_or(Form::NONE);
        let shard = key.shard(self.options.shards);
        if stream == Stream::Written {
            out.written[shard].push(WrittenObservation {
                key,
                form,
                earliest_ms: frames.earliest_ms[row],
                arrived_ms,
                schema,
                row: row as u32,
                payload: payloads.get(row).copied().unwrap_or(PayloadRef::NONE),
                generation: plan.generation,
            });
            return;
        }
        let mut judgement = self.rows[row];
        if let RowState::Unjudged(oddity) = self.documents.state(row) {
            judgement = RowJudgement {
                judgement: Judgement::Unjudged,
                reason: plan.reasons.intern(HOST, oddity.id()),
            };
            let violation = Violation {
                reason: judgement.reason,
                outcome: Some(Outcome::Unjudged),
                decides: true,
            };
            bump(&mut out.report.violations, violation);
        }
        let window = arrived_ms.div_euclid(self.options.window_ms);
        out.report.count_raw(window, schema);
        let Some(&payload) = payloads.get(row) else {
            return;
        };
        out.raw[shard].push(RawObservation {
            key,
            form,
            arrived_ms,
            payload,
            schema,
            judgement: judgement.judgement,
            reason: judgement.reason,
            generation: plan.generation,
        });
    }

    /// Finds the first event time of a batch, before its rows are gone through. The first events
    /// may have no readable time. They are then assumed to have come with the first event that has
    /// one.
    pub(super) fn find_first_event_time(&mut self, plan: &Plan, stream: Stream, rows: usize) {
        if self.options.event_time {
            let first =
                (0..rows).find_map(|row| event_time(&self.documents, &plan.event, row).ok());
            let last_ms = &mut self.last_time_ms[stream];
            *last_ms = first.or(*last_ms);
        }
    }

    /// The key and schema of a document; None if it has no readable key, which is counted.
    fn identify(
        &mut self,
        plan: &Plan,
        row: usize,
        frames: &FrameBatch,
        report: &mut JudgeReport,
    ) -> Option<Identity> {
        let key = match self.documents.state(row) {
            RowState::Undecodable(defect) => Err(defect.id()),
            RowState::Good | RowState::Unjudged(_) => {
                let key = self.documents.value(row, &plan.event.key);
                let secret = &self.options.secret;
                key.and_then(|key| secret.fingerprint(key, &mut self.scratch))
                    .ok_or(NO_KEY)
            }
        };
        match key {
            Ok(key) => Some(Identity {
                key,
                schema: schema_of(&self.documents, plan, row, &mut self.scratch),
            }),
            Err(reason) => {
                report.keyless += u64::from(reason == NO_KEY);
                let reason = plan.reasons.intern(HOST, reason);
                bump(&mut report.undecodable, reason);
                report.sample(SampleKind::Undecodable, reason, NO_SCHEMA, || {
                    SampleContent {
                        at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                        detail: String::new(),
                        payload: frames.frame(row).to_vec(),
                    }
                });
                None
            }
        }
    }
}

/// The label of the schema that the document names.
pub(super) fn schema_of(
    documents: &Documents,
    plan: &Plan,
    row: usize,
    scratch: &mut Vec<u8>,
) -> SchemaId {
    let Some(name) = documents.value(row, &plan.event.schema) else {
        return NO_SCHEMA;
    };
    let Some(name) = name.as_str() else {
        return NO_SCHEMA;
    };
    scratch.clear();
    match &plan.event.revision {
        None => scratch.extend_from_slice(name.trim_start_matches('/').as_bytes()),
        Some(revision) => {
            let Some(revision) = documents.value(row, revision) else {
                return NO_SCHEMA;
            };
            scratch.extend_from_slice(name.as_bytes());
            scratch.push(b'/');
            match revision.as_str() {
                Some(text) => scratch.extend_from_slice(text.as_bytes()),
                None => revision.write_canonical(scratch),
            }
        }
    }
    plan.labels.find(scratch)
}

/// The time at the first pointer whose value can be read. Otherwise the first reason why a value
/// cannot be read; `Absent` if there is no value.
fn event_time(documents: &Documents, event: &EventPointers, row: usize) -> Result<i64, TimeDefect> {
    let mut defect = TimeDefect::Absent;
    for pointer in &event.time {
        match documents.value(row, pointer).map(event_time_ms) {
            Some(Ok(ms)) => return Ok(ms),
            Some(Err(why)) if defect == TimeDefect::Absent => defect = why,
            _ => {}
        }
    }
    Err(defect)
}
