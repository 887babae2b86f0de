//! Escapes text of foreign origin for where it is written: a line of the log, a terminal, a text in a file, JSON,
//! Prometheus' text format. There is a module for each destination, and all escape the same characters. Pure; knows
//! nothing of who writes what, or why.
//!
//! Foreign origins are events, checks, files, peers, libraries that quote their input, and the command line. Their
//! text must not end a line, move a cursor, turn the direction of what follows, or hide.
//!
//! Callers hand over the text as it is, and the module of the destination escapes it: once, and so that it can be
//! read back. Frames in a backfill are data and stay as they are.

// Input that somebody else wrote must not end what runs unattended, and output goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc
)]

mod chars;
mod escaper;
pub mod file;
pub mod json;
pub mod log;
pub mod metrics;
pub mod terminal;

pub use chars::is_shown;
pub use escaper::Escaped;
