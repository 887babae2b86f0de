//! What the tests of the runtime share: the compiled guests and one engine.

use std::path::PathBuf;
use std::sync::OnceLock;

use landfall_runtime::{Check, Engine, Limits, LoadError, LoadRequest};

/// The directory of the compiled guests; `cargo xtask guests` fills it.
pub fn guests() -> PathBuf {
    std::env::var_os("LANDFALL_GUESTS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/guests")),
        PathBuf::from,
    )
}

/// One engine for all tests of a process: each reserves a pool of address space.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new().expect("an engine"))
}

pub fn load_with(file: &str, config: &str, limits: Limits) -> Result<Check, LoadError> {
    let path = guests().join(file);
    assert!(
        path.exists(),
        "{} is not there; run `cargo xtask guests`",
        path.display()
    );
    load(path, config, limits)
}

/// Loads a check that is no file of the repository.
#[allow(dead_code, reason = "not every test makes checks")]
pub fn load_bytes(bytes: &[u8], limits: Limits) -> Result<Check, LoadError> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("check.wasm");
    std::fs::write(&path, bytes).expect("written");
    load(path, "{}", limits)
}

fn load(path: PathBuf, config: &str, limits: Limits) -> Result<Check, LoadError> {
    let request = LoadRequest {
        name: "under-test".into(),
        path,
        config: config.into(),
        limits,
    };
    Check::load(engine(), &request)
}
