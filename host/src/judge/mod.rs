//! A batch of frames to observations: decode, parse once, run all checks on columns, project for
//! parity, fingerprint the key.
//!
//! Knows the runtime, documents and the ledger's inputs. Knows nothing of sockets, of the ledger's
//! state, of the store or of time: arrival times come with the frames.

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

pub use describe::{Comparison, Describer, Unlike};
pub use event_time::TimeDefect;
pub use faults::{FaultNote, FaultOutcome, FaultedRow};
pub use instances::CheckActivity;
pub use report::{JudgeReport, Sample, SampleKind, SchemaCount, Violation};
pub use worker::{HOST, Judge, JudgeOptions, Judged, Readable, WrittenFrames};
