//! What checks answer for a batch, in the form that the rest of the host uses. All of it has been checked
//! (`output.rs`).

pub use crate::bindings::shapes::Tally;
use crate::fault::FaultedRows;
use crate::packed::Packed;

/// What a codec made of a batch, one entry per frame. Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Decoded {
    /// JSON text per frame; empty where the frame is malformed or the codec failed on it.
    pub documents: Packed,
    /// One per frame: 0, or n for the n-th reason of the manifest; 0 where the codec failed on it.
    pub codes: Vec<u16>,
    pub details: Vec<(usize, String)>,
    pub faulted: Vec<FaultedRows>,
}

/// What an event check answered for a batch. Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Judged {
    /// One per row: 0, or n for the n-th reason of the manifest.
    pub codes: Vec<u16>,
    pub details: Vec<(usize, String)>,
    /// Rows that it could not judge; their codes are 0 and have no meaning.
    pub faulted: Vec<FaultedRows>,
}

/// The normal forms of a batch. Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Projected {
    /// One per row; empty if the row could not be projected.
    pub forms: Packed,
    pub faulted: Vec<FaultedRows>,
}

/// One field that differs between the two sides of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub field: String,
    pub raw: String,
    pub written: String,
}

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    /// The name in metrics, answers and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What a window check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Index of the tally, from 0.
    pub tally: usize,
    /// Index of the reason in the manifest, from 0.
    pub reason: usize,
    pub severity: Severity,
    pub text: String,
}

/// What a window check answered for some tallies.
#[derive(Debug, Default)]
pub struct JudgedWindows {
    pub findings: Vec<Finding>,
    /// Tallies that it could not judge; no finding is about them.
    pub faulted: Vec<FaultedRows>,
}
