//! The program: sources, judges, results, command line. `docs/ARCHITECTURE.md` is the map.

pub mod clock;
pub mod config;
pub mod queue;
pub mod sources;
