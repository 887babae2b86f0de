//! What the stages share: frames in batches, the register of batches in flight, the queue between
//! sources and judges, what a source reports about itself, and the request to shut down.
//!
//! Knows no source, no stage and no configuration. What judges, metrics and the engine's stages
//! know of sources is here.

mod batch;
mod in_flight;
pub mod queue;
mod readability;
mod refusal;
mod sequences;
mod shutdown_request;
mod source_status;
mod unread_frames;

pub use batch::{BATCH_WAIT_MAX, BYTES_CEILING, BatchLimits, FRAME_BYTES_CEILING, FrameBatch};
pub use in_flight::{InFlight, InFlightGuard, SourceProgress, Unapplied};
pub use readability::{Readability, UnreadFrame};
pub use refusal::{Refusal, Refusals, RefusedCounts};
pub use sequences::{LeftOut, NotFollowed, SequenceCounts, SequenceRow, SequenceTicket, Sequences};
pub use shutdown_request::ShutdownRequest;
pub use source_status::{Link, SourceStatus};
pub use unread_frames::UnreadFrames;
