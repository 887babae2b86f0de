//! Fixtures for tests of plans.

use std::path::Path;

use landfall_runtime::{Compiler, Engine as WasmEngine};

use super::*;

/// A planner that compiles in its own process.
pub fn planner() -> Planner {
    Planner::new(Loader::new(WasmEngine::new().unwrap(), Compiler::InProcess))
}

/// A configuration without checks, with its schemas in `dir`.
pub fn config_of(dir: &Path) -> Config {
    let mut config = Config {
        checks: Vec::new(),
        ..Config::default()
    };
    config.streams.raw.codec = "json".into();
    config.schemas.dir = dir.to_owned();
    config
}
