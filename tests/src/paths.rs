//! Where the things under test are: by environment, or in the workspace that this crate stands in.

use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn from_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The program: `LANDFALL_BIN`, or else beside the running test's own target directory, or else the
/// newest of the workspace's release and debug builds.
pub fn landfall() -> PathBuf {
    from_env("LANDFALL_BIN")
        .or_else(beside_this_program)
        .unwrap_or_else(|| {
            let target = workspace().join("target");
            let built = ["release/landfall", "debug/landfall"].map(|path| target.join(path));
            let modified = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).ok();
            built
                .iter()
                .max_by_key(|path| modified(path))
                .cloned()
                .unwrap_or_default()
        })
}

fn beside_this_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join("landfall"))
        .find(|path| path.is_file())
}

/// The built guests: `LANDFALL_GUESTS`, or `target/guests`.
pub fn guests() -> PathBuf {
    from_env("LANDFALL_GUESTS").unwrap_or_else(|| workspace().join("target/guests"))
}

/// The schemas that are shipped: `LANDFALL_SCHEMAS`, or `schemas`.
pub fn schemas() -> PathBuf {
    from_env("LANDFALL_SCHEMAS").unwrap_or_else(|| workspace().join("schemas"))
}

/// Where the programs under test keep code that they compiled, in place of the user's own directory.
pub fn caches() -> PathBuf {
    workspace().join("target/test-caches")
}

/// Prometheus' own checker, if there is one: `LANDFALL_PROMTOOL`.
pub fn promtool() -> Option<PathBuf> {
    from_env("LANDFALL_PROMTOOL")
}
