//! Samples: the newest example of each kind and reason, a bounded number for a stretch of time.

use std::collections::HashMap;

use landfall_document::Pointer;
use landfall_ledger::{ReasonId, SchemaId};
use landfall_runtime::{LogLevel, LogLine};
use landfall_store::SampleRow;

use super::redaction;
use crate::judge::labels::Reason;
use crate::judge::plan::{Plan, STREAM_NAMES};
use crate::judge::{Comparison, Sample, SampleKind};

/// Samples of one kind and reason that are written between two prunings: a flood of one kind of
/// trouble must not keep the disk busy.
const PER_REASON_MAX: u32 = 50;

/// Bounds how many samples are written.
#[derive(Default)]
pub(super) struct SampleBudget {
    taken: HashMap<(String, String, String), u32>,
}

impl SampleBudget {
    pub(super) fn take(&mut self, row: &SampleRow) -> bool {
        let taken = self
            .taken
            .entry((row.kind.clone(), row.check_name.clone(), row.reason.clone()))
            .or_default();
        *taken += 1;
        *taken <= PER_REASON_MAX
    }

    pub(super) fn renew(&mut self) {
        self.taken.clear();
    }
}

pub(super) fn reason_of(plan: &Plan, reason: ReasonId) -> Reason {
    plan.reasons.get(reason).unwrap_or_else(|| Reason {
        check: String::new(),
        id: String::new(),
    })
}

/// A sample that judging took. What could not be decoded or judged is kept whole beside what may be
/// shown of it: it takes the frame as it came to replay a fault.
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
        // Redacted by the judge, which has it parsed.
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
        stream: STREAM_NAMES
            .get(sample.stream)
            .copied()
            .unwrap_or_default()
            .into(),
        schema: plan.labels.name(sample.schema).to_owned(),
        key: String::new(),
        at_ms: sample.at_ms,
        detail: sample.detail.clone(),
        document,
        frame,
    }
}

/// An event of which something is to be shown, and its row that landed.
pub(super) struct Example<'a> {
    pub key: String,
    pub schema: SchemaId,
    pub at_ms: i64,
    /// Of the checks that gave the verdict; none if that is no longer known.
    pub generation: Option<u64>,
    pub written: &'a [u8],
}

/// An altered event: its fields, with both values of those that are not redacted.
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
    let fields: Vec<&str> = differences
        .iter()
        .map(|difference| difference.field.as_str())
        .collect();
    let detail: Vec<String> = differences
        .iter()
        .map(|d| {
            if redaction::hides_field(&d.field, redacted) {
                format!("{}: (redacted)", d.field)
            } else {
                format!("{}: raw {:?}, written {:?}", d.field, d.raw, d.written)
            }
        })
        .collect();
    let check = String::new();
    example.row(
        plan,
        "altered",
        (check, reason_label(&fields)),
        detail.join("; "),
        redacted,
    )
}

/// The first field that differs groups samples.
fn reason_label(fields: &[&str]) -> String {
    fields
        .first()
        .copied()
        .unwrap_or("(not explained)")
        .to_owned()
}

/// A row that landed and should not have; `reason` is why its event was to be kept out.
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
            stream: STREAM_NAMES[1].into(),
            schema: plan.labels.name(self.schema).to_owned(),
            key: self.key,
            at_ms: self.at_ms,
            detail,
            document: redaction::row(self.written, redacted),
            frame: None,
        }
    }
}

/// A guest's line in the host's log.
pub(super) fn log_line(check: &str, line: &LogLine) {
    let text = line.text.as_str();
    match line.level {
        LogLevel::Debug => tracing::debug!(check, "{text}"),
        LogLevel::Info => tracing::info!(check, "{text}"),
        LogLevel::Warn => tracing::warn!(check, "{text}"),
        LogLevel::Error => tracing::error!(check, "{text}"),
    }
}
