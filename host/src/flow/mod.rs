//! What every stage shares: frames in batches, the register of batches in flight, the queue between sources and
//! judges, what a source reports of itself, and the request to shut down.
//!
//! Knows no source, no stage and no configuration. So judges, metrics and the engine know of sources only what is
//! here.

mod batch;
mod in_flight;
pub mod queue;
mod refusal;
mod shutdown_request;
mod source_status;

pub use batch::{BATCH_WAIT_MAX, BYTES_CEILING, BatchLimits, FRAME_BYTES_CEILING, FrameBatch};
pub use in_flight::{InFlight, InFlightGuard, SourceProgress, Unapplied};
pub use refusal::{Refusal, Refusals, Refused};
pub use shutdown_request::ShutdownRequest;
pub use source_status::{Link, SourceStatus};
