//! The program: sources, judges, results, command line. `docs/ARCHITECTURE.md` is the map.

// Input that somebody else wrote must not end what runs unattended, and output goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc
)]

mod bug;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod engine;
pub mod flow;
pub mod http;
pub mod judge;
pub mod messages;
pub mod metrics;
pub mod planning;
pub mod queries;
pub mod results;
pub mod settings;
pub mod shutdown;
pub mod sources;
pub mod stages;
pub mod telemetry;
pub mod thread_watch;
pub mod time_policy;
