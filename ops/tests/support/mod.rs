//! Programs that the tests run, such as promtool.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a program is: as the environment names it, on the path, or where `cargo xtask setup` unpacks it.
/// None: what asks it is left out, and says so. On a CI system it has to be there.
pub fn tool(name: &str, variable: &str, package: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty());
    if let Some(named) = named {
        return Some(named.into());
    }
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/tools")
        .join(package)
        .join("usr/bin")
        .join(name);
    let works = |path: &PathBuf| {
        let output = Command::new(path).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = [PathBuf::from(name), unpacked].into_iter().find(works);
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{name} must be there in CI; run `cargo xtask setup`"
        );
        eprintln!("left out: there is no {name}; {variable} names one");
    }
    found
}
