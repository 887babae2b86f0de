//! What Landfall stores on disk: results in SQLite, and the frames of events that are not settled yet.
//!
//! The only crate that knows SQLite. It knows no clock (times are given), no ledger, no checks and
//! no sockets. docs/STORE.md describes the tables, which people may query with sqlite3.

// Input that somebody else wrote must not end what runs unattended, and output goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc
)]

mod commits;
mod connection;
mod coverage;
mod erase;
mod error;
mod files;
mod flush;
mod incidents;
mod migrate;
mod missing_filter;
mod prune;
mod reader;
mod restore;
mod retention;
mod rows;
mod samples;
pub mod spool;
mod store;
pub mod view;
mod windows;

pub use connection::FILE_NAME;
pub use erase::{Emptied, log_bytes};
pub use error::StoreError;
pub use files::available_bytes;
pub use flush::Flush;
pub use migrate::{SECRET_BYTES, VERSION};
pub use missing_filter::MissingFilter;
pub use prune::{PRUNE_ROWS_MAX, Pruned};
pub use reader::{Frame, GroupBy, MissingEvent, MissingGroup, Reader};
pub use restore::{KEY_RECORD_BYTES, Restored, SettledKeysRow};
pub use retention::Retention;
pub use rows::{
    CoverageRow, FindingRow, GenerationRow, IncidentRow, LandedRow, MissingRow, SampleRow,
    SequenceGapRow, ShareRow, UnreadRow, WindowCounts, WindowRow,
};
pub use store::{CONTROL_NAME, Leftovers, SPOOL_NAME, Store};
