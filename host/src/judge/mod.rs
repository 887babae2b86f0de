//! Turns a batch of frames into observations: decodes, parses once, runs all checks on columns,
//! projects for parity, and fingerprints the key.
//!
//! Knows the runtime, documents, batches and the ledger's inputs. Knows nothing of sockets, of the
//! ledger's state or of the store. Reads no clock: arrival times come with the frames, and the
//! caller passes the current time.

mod codec_retries;
mod describe;
mod event_time;
mod faults;
pub mod guests;
pub mod identity;
mod instances;
pub mod labels;
pub mod plan;
pub mod plan_cell;
mod report;
mod worker;

pub use describe::{CheckDifferences, Comparison, Describer};
pub use event_time::TimeDefect;
pub use faults::{FaultNote, FaultOutcome, FaultedRow};
pub use instances::CheckActivity;
pub use report::{JudgeReport, Sample, SampleKind, SchemaCount, Violation};
pub use worker::{
    HOST, Judge, JudgeOptions, Judged, ReadableFrames, SequenceReader, WrittenFrames,
};
