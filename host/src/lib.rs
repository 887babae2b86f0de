//! The program: sources, judges, results, command line. `docs/ARCHITECTURE.md` is the map.

// Input that somebody else wrote must not end what runs unattended, and what it says goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

pub mod telemetry;
pub mod cli;
pub mod clock;
pub mod config;
pub mod ending;
pub mod engine;
pub(crate) mod flush_pacer;
pub mod http;
pub mod judge;
pub mod messages;
pub mod metrics;
pub mod planning;
pub mod queue;
pub mod results;
pub mod sources;
pub mod thread_watch;
