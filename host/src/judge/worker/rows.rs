//! One row of a judged batch: its key, its schema, and what the ledger is told of it.

use landfall_document::{Documents, RowState};
use landfall_ledger::{
    Fingerprint, Form, Judgement, PayloadRef, RawObservation, SchemaId, WrittenObservation,
};

use super::codec::KEPT;
use super::{Judge, Judged, RowJudgement};
use crate::judge::event_time::event_time_ms;
use crate::judge::labels::NO_SCHEMA;
use crate::judge::plan::{EventPointers, Plan};
use crate::judge::report::{JudgeReport, Sample, SampleKind, bump};
use crate::sources::FrameBatch;

/// Reasons that no check gives, but Landfall itself.
pub const HOST: &str = "landfall";

/// The document has no value at the key's pointer.
const NO_KEY: &str = "no_key";

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
        index: usize,
        row: usize,
        frames: &mut FrameBatch,
        payloads: &[PayloadRef],
        form: Option<Form>,
        out: &mut Judged,
    ) {
        let code = match &plan.streams[index].codec {
            Some(_) => self.decoded.codes.get(row).copied().unwrap_or_default(),
            None => 0,
        };
        if code == KEPT {
            return;
        }
        let identity = if code != 0 {
            None
        } else {
            self.identify(plan, index, row, frames, &mut out.report)
        };
        let Some(Identity { key, schema }) = identity else {
            out.unreferenced.extend(payloads.get(row));
            return;
        };
        if self.options.event_time {
            let last_ms = &mut self.last_time_ms[index];
            *last_ms = event_time(&self.documents, &plan.event, row).unwrap_or(*last_ms);
            frames.arrived_ms[row] = *last_ms;
            // An event's own time is exact.
            frames.earliest_ms[row] = *last_ms;
            out.time_ms_max = out.time_ms_max.max(Some(*last_ms));
        }
        let arrived_ms = frames.arrived_ms[row];
        let form = form.unwrap_or(Form::NONE);
        let shard = key.shard(self.options.shards);
        if index == 1 {
            out.written[shard].push(WrittenObservation {
                key,
                form,
                earliest_ms: frames.earliest_ms[row],
                arrived_ms,
                schema,
                row: row as u32,
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
            bump(&mut out.report.violations, judgement.reason);
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

    /// The key and schema of a document; None if it has no readable key, which is counted.
    fn identify(
        &mut self,
        plan: &Plan,
        index: usize,
        row: usize,
        frames: &FrameBatch,
        report: &mut JudgeReport,
    ) -> Option<Identity> {
        let key = match self.documents.state(row) {
            RowState::Undecodable(defect) => Err(defect.id()),
            RowState::Good | RowState::Unjudged(_) => {
                match self.documents.value(row, &plan.event.key) {
                    Some(key) if !key.is_null() => {
                        Ok(self.options.secret.fingerprint(key, &mut self.scratch))
                    }
                    _ => Err(NO_KEY),
                }
            }
        };
        match key {
            Ok(key) => Some(Identity {
                key,
                schema: schema_of(&self.documents, plan, row, &mut self.scratch),
            }),
            Err(reason) => {
                let reason = plan.reasons.intern(HOST, reason);
                bump(&mut report.undecodable, reason);
                report.sample(|| Sample {
                    kind: SampleKind::Undecodable,
                    stream: index,
                    at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                    schema: NO_SCHEMA,
                    reason,
                    detail: String::new(),
                    payload: frames.frame(row).to_vec(),
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

fn event_time(documents: &Documents, event: &EventPointers, row: usize) -> Option<i64> {
    event
        .time
        .iter()
        .find_map(|pointer| documents.value(row, pointer).and_then(event_time_ms))
}
