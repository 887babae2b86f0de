//! The program: sources, judges, results, command line. `docs/ARCHITECTURE.md` is the map.

pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
#[path = "http_stub.rs"]
pub mod http;
pub mod judge;
#[path = "metrics_stub.rs"]
pub mod metrics;
pub mod queue;
pub mod results;
pub mod sources;
