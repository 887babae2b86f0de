//! The interface to what a backfill publishes to: one frame at a time, exactly as it came.

use std::time::Duration;

/// A place that takes frames.
pub trait Publisher {
    /// Waits until somebody subscribes; false if nobody came within `timeout`. A frame published
    /// before that is lost without a trace.
    ///
    /// # Errors
    /// The transport failed.
    fn wait_for_listener(&mut self, timeout: Duration) -> Result<bool, PublishError>;

    /// Hands one frame to the transport. If a subscriber is slow, it waits and drops nothing. False
    /// if nobody has subscribed to the frame's prefix, so nobody gets it.
    ///
    /// # Errors
    /// The transport failed, or a subscriber took nothing for too long.
    fn publish(&mut self, frame: &[u8]) -> Result<bool, PublishError>;

    /// Sends what is still queued, and ends.
    ///
    /// # Errors
    /// Not everything left in time.
    fn finish(self: Box<Self>) -> Result<(), PublishError>;
}

/// Why a frame was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("failed to publish on {endpoint}: {cause}; {remedy}")]
    Socket {
        endpoint: String,
        cause: String,
        remedy: &'static str,
    },
    #[error(
        "failed to publish on {endpoint}: no listener took a frame within {waited_s} s; \
         it was not published, run the backfill again from there"
    )]
    Stuck { endpoint: String, waited_s: u64 },
    #[error(
        "failed to publish on {endpoint}: not all of the last frames left within {waited_s} s; \
         wait until those that arrived have landed, then run the backfill again"
    )]
    NotSent { endpoint: String, waited_s: u64 },
}
