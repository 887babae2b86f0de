//! Examines frames once more after their verdict: gives the key of a missing event as text, and the
//! fields in which the two sides of an altered event differ. Works off the hot path, with its own
//! instances of the checks.

use landfall_ledger::{PerStream, Stream};
use std::sync::Arc;

use landfall_document::{Documents, RowState, are_same_fields};
use landfall_runtime::{Decoded, Difference, Fault, Packed, PackedRef, Projected};

use super::faults::{FaultNote, FaultOutcome, FaultedRow, key_text};
use super::instances::{CheckActivity, CheckInstances};
use super::plan::Plan;

/// The result of comparing both sides of an event once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    /// The differences, by parity check; at least one.
    Differs(Vec<CheckDifferences>),
    /// A side could not be decoded or projected.
    Unknown,
}

/// The differences that one parity check finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckDifferences {
    pub check: String,
    /// The fields that the check names, or the fault with which it failed to name them.
    pub fields: Result<Vec<Difference>, Fault>,
}

/// Owned by one thread.
pub struct Describer {
    plan: Arc<Plan>,
    instances: CheckInstances,
    documents: Documents,
    decoded: Decoded,
    /// Faults on rows whose keys are known. Few: one of each check, kind and outcome.
    faults: Vec<FaultNote>,
}

impl Describer {
    /// A describer with its own instances of the plan's checks.
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut instances = CheckInstances::default();
        instances.follow(&plan);
        Self {
            plan,
            instances,
            documents: Documents::default(),
            decoded: Decoded::default(),
            faults: Vec::new(),
        }
    }

    /// Sets the plan for the next frames. Instances of unchanged checks stay.
    pub fn follow(&mut self, plan: &Arc<Plan>) {
        if !Arc::ptr_eq(&self.plan, plan) {
            self.plan = Arc::clone(plan);
            self.instances.follow(plan);
        }
    }

    /// The plan that it uses.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Parses frames of a stream; malformed ones become rows that are not good.
    fn parse(&mut self, stream: Stream, frames: PackedRef<'_>) {
        match &mut self.instances.streams[stream].codec {
            Some(codec) => {
                codec.guest.decode(frames, &mut self.decoded);
                let documents = &self.decoded.documents;
                self.documents.parse(&documents.text, &documents.ends);
            }
            None => self.documents.parse(frames.text, frames.ends),
        }
    }

    /// The key of each frame as text; empty where it cannot be read.
    pub fn keys(&mut self, stream: Stream, frames: PackedRef<'_>) -> Vec<String> {
        self.parse(stream, frames);
        let pointer = &self.plan.event.key;
        (0..frames.rows())
            .map(|row| key_text(&self.documents, row, pointer))
            .collect()
    }

    /// What the describer's own instances of the checks did since the last call.
    pub fn take_activity(&mut self) -> Vec<CheckActivity> {
        let mut activity = Vec::new();
        for (stream, instances) in self.instances.streams.iter_mut() {
            instances.take_activity(stream, &|_| FaultedRow::Unknown, &mut activity);
        }
        // A check that has a fault here has been called, so it is in the list.
        for note in self.faults.drain(..) {
            if let Some(check) = activity.iter_mut().find(|check| check.name == note.check) {
                check.faults.push(note);
            }
        }
        activity
    }

    /// Projects both sides of each pair with the current checks, and names the fields that differ.
    /// `keys` are the keys of the pairs; faults are reported with them.
    pub fn compare(&mut self, pairs: &[(&[u8], &[u8])], keys: &[&str]) -> Vec<Comparison> {
        let mut frames: PerStream<Packed> = PerStream::default();
        for (raw, written) in pairs {
            frames.raw.push(raw);
            frames.written.push(written);
        }
        let PerStream { raw, written } =
            PerStream::of(|stream| self.forms(stream, frames[stream].as_ref(), keys));
        (0..pairs.len())
            .map(|row| match raw.readable(row) && written.readable(row) {
                true => self.compare_row(row, &raw, &written, row_by(keys, row)),
                false => Comparison::Unknown,
            })
            .collect()
    }

    fn compare_row(
        &mut self,
        row: usize,
        raw: &Forms,
        written: &Forms,
        of: FaultedRow,
    ) -> Comparison {
        let mut differences = Vec::new();
        for (((raw, written), plan), instance) in raw
            .by_check
            .iter()
            .zip(&written.by_check)
            .zip(&self.plan.streams.raw.parity)
            .zip(&mut self.instances.streams.raw.parity)
        {
            let (raw, written) = (raw.as_ref().row(row), written.as_ref().row(row));
            let is_of_fields = !plan.fields.is_empty();
            if raw == written || (is_of_fields && are_same_fields(raw, written)) {
                continue;
            }
            // Only equal forms count; if the explanation fails, the fields have no names.
            let fields = instance.guest.explain(raw, written);
            for fault in instance.guest.take_faults() {
                let note = FaultNote::of_instance(plan.check.name(), None, fault, |_| of.clone());
                let outcome = FaultOutcome::Unnamed;
                FaultNote { outcome, ..note }.add_to(&mut self.faults);
            }
            differences.push(CheckDifferences {
                check: plan.check.name().to_owned(),
                fields,
            });
        }
        if differences.is_empty() {
            Comparison::Equal
        } else {
            Comparison::Differs(differences)
        }
    }

    /// The normal forms of frames, by parity check.
    fn forms(&mut self, stream: Stream, frames: PackedRef<'_>, keys: &[&str]) -> Forms {
        self.parse(stream, frames);
        let rows = frames.rows();
        let decoded: Vec<bool> = (0..rows)
            .map(|row| !matches!(self.documents.state(row), RowState::Undecodable(_)))
            .collect();
        let plan = &self.plan.streams[stream];
        let mut columns = vec![Packed::default(); plan.columns.len()];
        for (column_spec, column) in plan.columns.iter().zip(&mut columns) {
            self.documents
                .write_column(column_spec, &mut column.text, &mut column.ends);
        }
        let mut by_check = Vec::with_capacity(plan.parity.len());
        for (parity, instance) in plan
            .parity
            .iter()
            .zip(&mut self.instances.streams[stream].parity)
        {
            let check_columns: Vec<PackedRef<'_>> = parity
                .columns
                .iter()
                .map(|&i| columns[i].as_ref())
                .collect();
            let mut projected = Projected::default();
            instance
                .guest
                .project(stream.as_str(), rows, &check_columns, &mut projected);
            for fault in instance.guest.take_faults() {
                let check = parity.check.name();
                FaultNote::of_instance(check, Some(stream), fault, |row| row_by(keys, row))
                    .add_to(&mut self.faults);
            }
            by_check.push(projected.forms);
        }
        Forms { decoded, by_check }
    }
}

fn row_by(keys: &[&str], row: usize) -> FaultedRow {
    match keys.get(row) {
        Some(key) if !key.is_empty() => FaultedRow::Key((*key).to_owned()),
        _ => FaultedRow::Unknown,
    }
}

/// The normal forms of some frames of one stream.
struct Forms {
    decoded: Vec<bool>,
    by_check: Vec<Packed>,
}

impl Forms {
    /// Whether every check could project the row.
    fn readable(&self, row: usize) -> bool {
        let decoded = self.decoded.get(row).copied().unwrap_or(false);
        decoded
            && self
                .by_check
                .iter()
                .all(|forms| !forms.as_ref().row(row).is_empty())
    }
}
