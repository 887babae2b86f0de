//! Frames that matter afterwards, looked at once more: the key of a missing event as text, and the
//! fields in which the two sides of an altered event differ. Off the hot path, with seats of its own.

use std::sync::Arc;

use landfall_document::{Documents, RowState, are_same};
use landfall_runtime::{Decoded, Difference, Packed, PackedRef, Projected};

use super::plan::{Plan, STREAM_NAMES};
use super::seats::Seats;

/// Longest key that is kept as text, in bytes.
const KEY_BYTES_MAX: usize = 256;

/// What a second look at both sides of an event gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Differs(Vec<Difference>),
    /// A side could not be decoded or projected.
    Unknown,
}

/// Owned by one thread.
pub struct Describer {
    plan: Arc<Plan>,
    seats: Seats,
    documents: Documents,
    decoded: Decoded,
}

impl Describer {
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut seats = Seats::default();
        seats.follow(&plan);
        Self {
            plan,
            seats,
            documents: Documents::default(),
            decoded: Decoded::default(),
        }
    }

    pub fn follow(&mut self, plan: &Arc<Plan>) {
        if !Arc::ptr_eq(&self.plan, plan) {
            self.plan = Arc::clone(plan);
            self.seats.follow(plan);
        }
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Parses frames of a stream; malformed ones become rows that are not good.
    fn parse(&mut self, stream: usize, frames: PackedRef<'_>) {
        match &mut self.seats.streams[stream].codec {
            Some(codec) => {
                codec.decode(frames, &mut self.decoded);
                let documents = &self.decoded.documents;
                self.documents.parse(&documents.text, &documents.ends);
            }
            None => self.documents.parse(frames.text, frames.ends),
        }
    }

    /// The key of each frame as text; empty where it cannot be read.
    pub fn keys(&mut self, stream: usize, frames: PackedRef<'_>) -> Vec<String> {
        self.parse(stream, frames);
        let pointer = &self.plan.event.key;
        (0..frames.rows())
            .map(|row| {
                let Some(key) = self.documents.value(row, pointer) else {
                    return String::new();
                };
                let mut text = Vec::new();
                key.write_key(&mut text);
                let mut text = String::from_utf8_lossy(&text).into_owned();
                text.truncate(text.floor_char_boundary(KEY_BYTES_MAX));
                text
            })
            .collect()
    }

    /// Projects both sides with the checks of now and names the fields that differ.
    pub fn compare(&mut self, raw: &[u8], written: &[u8]) -> Comparison {
        let (Some(raw), Some(written)) = (self.forms(0, raw), self.forms(1, written)) else {
            return Comparison::Unknown;
        };
        let mut differences = Vec::new();
        let mut differs = false;
        for (((raw, written), plan), seat) in raw
            .iter()
            .zip(&written)
            .zip(&self.plan.streams[0].parity)
            .zip(&mut self.seats.streams[0].parity)
        {
            let is_of_fields = !plan.fields.is_empty();
            if raw == written || (is_of_fields && are_same(raw, written)) {
                continue;
            }
            differs = true;
            // Equal forms are what counts; an explanation that fails leaves the fields unnamed.
            differences.extend(seat.explain(raw, written).unwrap_or_default());
        }
        if differs {
            Comparison::Differs(differences)
        } else {
            Comparison::Equal
        }
    }

    /// The normal forms of one frame, one per parity check.
    fn forms(&mut self, stream: usize, frame: &[u8]) -> Option<Vec<Vec<u8>>> {
        let ends = [frame.len() as u32];
        self.parse(
            stream,
            PackedRef {
                text: frame,
                ends: &ends,
            },
        );
        if matches!(self.documents.state(0), RowState::Undecodable(_)) {
            return None;
        }
        let plan = &self.plan.streams[stream];
        let mut columns = vec![Packed::default(); plan.columns.len()];
        for (wanted, column) in plan.columns.iter().zip(&mut columns) {
            self.documents
                .write_column(wanted, &mut column.text, &mut column.ends);
        }
        let mut forms = Vec::new();
        let mut projected = Projected::default();
        for (parity, seat) in plan
            .parity
            .iter()
            .zip(&mut self.seats.streams[stream].parity)
        {
            let wanted: Vec<PackedRef<'_>> = parity
                .columns
                .iter()
                .map(|&i| columns[i].as_ref())
                .collect();
            seat.project(STREAM_NAMES[stream], 1, &wanted, &mut projected);
            match projected.forms.as_ref().row(0) {
                [] => return None,
                form => forms.push(form.to_vec()),
            }
        }
        Some(forms)
    }
}
