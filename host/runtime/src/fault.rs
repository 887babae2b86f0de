//! How a check can fail. A fault is never a verdict: the rows that it hits are `unjudged`.

use wasmtime::Trap;

/// The kinds of fault, a closed set: they are metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FaultKind {
    /// The guest trapped: unreachable, out of bounds, division by zero, a host call misused.
    Trap,
    /// It did not answer within its time.
    Deadline,
    /// It died after a growth of its memory was refused.
    Memory,
    /// It ran out of stack.
    Stack,
    /// Its answer has a wrong length, code, offset, size or text.
    BadOutput,
    /// It answered that it could not judge the batch.
    Declined,
    /// No instance of it could be made.
    Start,
    /// It wasted too much time on faults, and is suspended for a while.
    Suspended,
    /// No fault of the check: the schema by which a row was to be validated takes too many steps on it.
    Schema,
}

impl FaultKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [FaultKind; 9] = [
        FaultKind::Trap,
        FaultKind::Deadline,
        FaultKind::Memory,
        FaultKind::Stack,
        FaultKind::BadOutput,
        FaultKind::Declined,
        FaultKind::Start,
        FaultKind::Suspended,
        FaultKind::Schema,
    ];

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultKind::Trap => "trap",
            FaultKind::Deadline => "deadline",
            FaultKind::Memory => "memory",
            FaultKind::Stack => "stack",
            FaultKind::BadOutput => "bad_output",
            FaultKind::Declined => "declined",
            FaultKind::Start => "start",
            FaultKind::Suspended => "suspended",
            FaultKind::Schema => "schema",
        }
    }
}

/// The prefix of the kind where a fault is the reason of a row. No check may have such a reason.
pub(crate) const FAULT_PREFIX: &str = "fault_";

impl FaultKind {
    /// Its name as the reason of a row: `fault_trap`.
    pub fn reason(self) -> String {
        format!("{FAULT_PREFIX}{}", self.as_str())
    }
}

/// One fault, with its cause for logs and samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    pub message: String,
}

/// Longest fault message that is kept, in bytes: a guest's `err` may be as long as its output limit.
/// `wit/check.wit` promises it.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1024;

impl Fault {
    pub(crate) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: clip(message.into(), MESSAGE_BYTES_MAX),
        }
    }

    pub(crate) fn bad_output(message: impl Into<String>) -> Self {
        Self::new(FaultKind::BadOutput, message)
    }

    /// Reads the kind off an error of a call into a guest. `is_memory_refused`: the guest was refused memory
    /// during that call.
    pub(crate) fn of_call(error: &wasmtime::Error, is_memory_refused: bool) -> Self {
        let kind = match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => FaultKind::Deadline,
            _ if is_memory_refused => FaultKind::Memory,
            Some(Trap::StackOverflow) => FaultKind::Stack,
            Some(_) => FaultKind::Trap,
            None if error.downcast_ref::<HostMisuse>().is_some() => FaultKind::Trap,
            // No trap and not our host call: the answer could not be read (UTF-8, bounds, size).
            None => FaultKind::BadOutput,
        };
        Self::new(kind, root_cause(error))
    }
}

/// Rows that a check could not judge, and why.
#[derive(Clone, Debug)]
pub struct FaultedRows {
    /// Index of the first row in its batch.
    pub first: usize,
    pub rows: usize,
    pub fault: Fault,
}

/// A guest called the host with arguments that the contract forbids.
#[derive(Debug, thiserror::Error)]
#[error("host call misused: {0}")]
pub(crate) struct HostMisuse(pub(crate) String);

fn root_cause(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}

/// Cuts `text` to at most `bytes_max` bytes, at a character boundary.
pub(crate) fn clip(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
    }
    text
}
