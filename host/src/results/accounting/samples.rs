//! Samples: the newest examples of each kind, reason and schema, a bounded number in each interval.

use std::collections::HashMap;

use landfall_document::Pointer;
use landfall_ledger::{ReasonId, SchemaId, Stream};
use landfall_runtime::Difference;
use landfall_store::SampleRow;

use super::account::named;
use super::redaction;
use crate::judge::labels::Reason;
use crate::judge::plan::Plan;
use crate::judge::{Comparison, Sample, SampleKind};

/// Fields that are named in the reason of an altered event's sample.
const FIELDS_NAMED_MAX: usize = 8;

/// Kinds, reasons and schemas of which samples are written between two prunings. A bound is needed
/// because the fields of altered events are named by events.
const GROUPS_MAX: usize = 4096;

/// Samples of one kind, reason and schema that are written between two prunings. A flood of one
/// kind of trouble must not keep the disk busy.
const OF_ONE_MAX: u32 = 50;

/// Once this many samples were written between two prunings, each group gets [`OF_MANY_MAX`] at
/// most.
const MANY: usize = 2000;
const OF_MANY_MAX: u32 = 2;

/// Limits how many samples are written.
#[derive(Default)]
pub(super) struct SampleBudget {
    taken: HashMap<[String; 4], u32>,
    /// Number of samples of all groups.
    written: usize,
}

impl SampleBudget {
    pub(super) fn take(&mut self, row: &SampleRow) -> bool {
        let group = [&row.kind, &row.check_name, &row.reason, &row.schema].map(String::clone);
        if self.taken.len() >= GROUPS_MAX && !self.taken.contains_key(&group) {
            return false;
        }
        let taken = self.taken.entry(group).or_default();
        let room = if self.written < MANY {
            OF_ONE_MAX
        } else {
            OF_MANY_MAX
        };
        let is_taken = *taken < room;
        *taken += u32::from(is_taken);
        self.written += usize::from(is_taken);
        is_taken
    }

    pub(super) fn renew(&mut self) {
        self.taken.clear();
        self.written = 0;
    }
}

pub(in crate::results) fn reason_of(plan: &Plan, reason: ReasonId) -> Reason {
    plan.reasons.get(reason).unwrap_or_else(|| Reason {
        check: String::new(),
        id: String::new(),
    })
}

/// A sample that judging took. If the frame could not be decoded or judged, it is kept whole beside
/// what may be shown of it, because a fault can only be replayed with the frame as it came.
pub(super) fn of_judge(
    plan: &Plan,
    sample: &Sample,
    generation: u64,
    redacted: &[Pointer],
) -> SampleRow {
    let reason = reason_of(plan, sample.reason);
    let kind = match sample.kind {
        SampleKind::Violation => "violation",
        SampleKind::Undecodable => "undecodable",
        SampleKind::Fault => "fault",
    };
    let (document, frame) = match sample.kind {
        // The judge has redacted it, because it had the parsed document.
        SampleKind::Violation => (String::from_utf8_lossy(&sample.payload).into_owned(), None),
        SampleKind::Undecodable | SampleKind::Fault => (
            redaction::document(&sample.payload, redacted),
            Some(sample.payload.clone()),
        ),
    };
    SampleRow {
        generation: Some(generation),
        kind: kind.into(),
        check_name: reason.check,
        reason: reason.id,
        stream: sample.stream.as_str().into(),
        schema: plan.labels.name(sample.schema).to_owned(),
        key: String::new(),
        at_ms: sample.at_ms,
        detail: sample.detail.clone(),
        document,
        frame,
    }
}

/// An event to show, and the row that landed for it.
pub(super) struct Example<'a> {
    pub key: String,
    pub schema: SchemaId,
    pub at_ms: i64,
    /// The generation of the checks that gave the verdict; None if it is no longer known.
    pub generation: Option<u64>,
    pub written: &'a [u8],
}

/// The sample of an altered event: its fields, with both values of those that are not redacted.
pub(super) fn altered(
    plan: &Plan,
    example: Example<'_>,
    comparison: Option<&Comparison>,
    redacted: &[Pointer],
) -> SampleRow {
    let differences = match comparison {
        Some(Comparison::Differs(differences)) => differences.as_slice(),
        _ => &[],
    };
    let fields: Vec<&str> = named(differences).map(|(_, field)| field).collect();
    let detail = differences
        .iter()
        .flat_map(|differences| match &differences.fields {
            Ok(fields) => fields.iter().map(|d| shown(d, redacted)).collect(),
            Err(fault) => {
                let (check, kind) = (&differences.check, fault.kind.as_str());
                let message = &fault.message;
                vec![format!(
                    "{check} failed to name the fields: {kind}: {message}"
                )]
            }
        });
    let detail: Vec<String> = detail.collect();
    let check = differences
        .first()
        .map(|differences| differences.check.clone());
    let reason = (check.unwrap_or_default(), fields_label(&fields));
    example.row(plan, "altered", reason, detail.join("; "), redacted)
}

/// A field with both its values, unless they are redacted.
fn shown(difference: &Difference, redacted: &[Pointer]) -> String {
    let Difference {
        field,
        raw,
        written,
    } = difference;
    if redaction::hides_field(field, redacted) {
        format!("{field}: (redacted)")
    } else {
        format!("{field}: raw \"{raw}\", written \"{written}\"")
    }
}

/// Groups samples by all the fields that differ. So a field that rarely differs is not hidden by
/// frequent ones.
fn fields_label(fields: &[&str]) -> String {
    let named: Vec<&str> = fields.iter().copied().take(FIELDS_NAMED_MAX).collect();
    match fields.len() {
        0 => "(not explained)".to_owned(),
        all if all > named.len() => {
            format!("{} and {} more", named.join(", "), all - named.len())
        }
        _ => named.join(", "),
    }
}

/// The sample of a row that landed and should not have. `reason` is why its event must not land.
pub(super) fn written(
    plan: &Plan,
    kind: &str,
    example: Example<'_>,
    reason: ReasonId,
    redacted: &[Pointer],
) -> SampleRow {
    let Reason { check, id } = reason_of(plan, reason);
    example.row(plan, kind, (check, id), String::new(), redacted)
}

impl Example<'_> {
    fn row(
        self,
        plan: &Plan,
        kind: &str,
        (check_name, reason): (String, String),
        detail: String,
        redacted: &[Pointer],
    ) -> SampleRow {
        SampleRow {
            generation: self.generation,
            kind: kind.into(),
            check_name,
            reason,
            stream: Stream::Written.as_str().into(),
            schema: plan.labels.name(self.schema).to_owned(),
            key: self.key,
            at_ms: self.at_ms,
            detail,
            document: redaction::row(self.written, redacted),
            frame: None,
        }
    }
}
