//! Questions to the store, and their answers as text or JSON: which incidents there are, which events
//! are missing, when nobody saw a stream, and what waits in the spool.
//!
//! Knows the store's reader, and neither the command line nor where an answer goes.

pub mod coverage;
pub mod incidents;
pub mod missing;
pub mod spool;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people. Whoever prints it escapes it.
    Text,
    /// For machines.
    Json,
}
