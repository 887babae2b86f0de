//! Where the things under test are: by environment, or in the workspace of this crate.

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

/// Where the programs under test keep compiled code, instead of the user's own directory.
pub fn caches() -> PathBuf {
    workspace().join("target/test-caches")
}

/// Landfall's metrics over whole days.
pub fn recordings() -> PathBuf {
    workspace().join("ops/prometheus/recorded")
}

/// Prometheus' own checker, if there is one: `LANDFALL_PROMTOOL`.
pub fn promtool() -> Option<PathBuf> {
    tool("LANDFALL_PROMTOOL", "prometheus/usr/bin/promtool")
}

/// Prometheus, if there is one: `LANDFALL_PROMETHEUS`.
pub fn prometheus() -> Option<PathBuf> {
    tool("LANDFALL_PROMETHEUS", "prometheus/usr/bin/prometheus")
}

/// Alertmanager, if there is one: `LANDFALL_ALERTMANAGER`.
pub fn alertmanager() -> Option<PathBuf> {
    tool(
        "LANDFALL_ALERTMANAGER",
        "prometheus-alertmanager/usr/bin/prometheus-alertmanager",
    )
}

/// Alertmanager's own checker, if there is one: `LANDFALL_AMTOOL`.
pub fn amtool() -> Option<PathBuf> {
    tool("LANDFALL_AMTOOL", "prometheus-alertmanager/usr/bin/amtool")
}

/// As the environment names it, or as `cargo xtask setup` has unpacked it. On a CI system it must be
/// there, because a test that does not run proves nothing.
#[track_caller]
fn tool(variable: &str, unpacked: &str) -> Option<PathBuf> {
    let found = from_env(variable).or_else(|| {
        let path = workspace().join("target/tools").join(unpacked);
        path.is_file().then_some(path)
    });
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "{variable} must be there on a CI system; run `cargo xtask setup`"
    );
    found
}
