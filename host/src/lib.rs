//! The program: sources, judges, results, command line. `docs/ARCHITECTURE.md` is the map.

pub mod board;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod http;
pub mod judge;
pub mod metrics;
pub mod queue;
pub mod results;
pub mod sources;
pub mod standing;
