//! What is reported of a check's fault: the check, the kind of fault, the row, and what becomes of
//! the row. The receiver decides how much of it is shown.

use landfall_document::{Documents, Pointer};
use landfall_ledger::Stream;
use landfall_runtime::{FaultKind, InstanceFault};

/// Longest key that is kept as text, in bytes.
const KEY_BYTES_MAX: usize = 256;

/// What becomes of the rows that a check failed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultOutcome {
    /// A call failed, and all of its rows could be judged in smaller parts.
    Judged,
    /// Rows were not judged, or not projected.
    Unjudged,
    /// A codec's frames, which wait for another try.
    Waits,
    /// A codec's frames, which are given up.
    GivenUp,
    /// Altered events whose fields are not named.
    Unnamed,
}

/// The row that a fault is reported with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultedRow {
    Key(String),
    /// A window, for the fault of a window check.
    Window {
        schema: String,
        start_ms: i64,
    },
    /// No key: the frame was not read, or no single row of the call was to blame.
    Unknown,
}

/// Faults of one check and kind, of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultNote {
    pub check: String,
    pub kind: FaultKind,
    pub outcome: FaultOutcome,
    /// None if the fault is not about a stream's documents.
    pub stream: Option<Stream>,
    /// The first one.
    pub row: FaultedRow,
    pub rows: u64,
    pub message: String,
}

impl FaultNote {
    /// The note of a fault that an instance reports. `row` finds the key of a row of the batch.
    pub fn of_instance(
        check: &str,
        stream: Option<Stream>,
        fault: InstanceFault,
        row: impl FnOnce(usize) -> FaultedRow,
    ) -> Self {
        Self {
            check: check.to_owned(),
            kind: fault.kind,
            outcome: match fault.rows {
                0 => FaultOutcome::Judged,
                _ => FaultOutcome::Unjudged,
            },
            stream,
            row: fault.row.map_or(FaultedRow::Unknown, row),
            rows: fault.rows,
            message: fault.message,
        }
    }

    /// Adds the note's rows to the note of the same check, kind and outcome, or appends the note.
    /// So there is at most one note of each.
    pub fn add_to(self, notes: &mut Vec<Self>) {
        let same = |note: &&mut Self| {
            note.check == self.check && note.kind == self.kind && note.outcome == self.outcome
        };
        match notes.iter_mut().find(same) {
            Some(note) => note.rows += self.rows,
            None => notes.push(self),
        }
    }
}

/// The key of a document as text, cut if it is very long; empty if it cannot be read.
pub(super) fn key_text(documents: &Documents, row: usize, pointer: &Pointer) -> String {
    let Some(key) = documents.value(row, pointer) else {
        return String::new();
    };
    let mut text = Vec::new();
    key.write_key(&mut text);
    let mut text = String::from_utf8_lossy(&text).into_owned();
    text.truncate(text.floor_char_boundary(KEY_BYTES_MAX));
    text
}

/// The row of a batch, named by its key.
pub(super) fn row_of(documents: &Documents, row: usize, pointer: &Pointer) -> FaultedRow {
    match key_text(documents, row, pointer) {
        key if key.is_empty() => FaultedRow::Unknown,
        key => FaultedRow::Key(key),
    }
}
