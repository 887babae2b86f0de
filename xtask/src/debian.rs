//! What Debian's packages can bring to this machine, and how to ask for it.

use std::os::unix::fs::MetadataExt as _;

use crate::command::program;
use crate::setup::works;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// This machine has Debian's way to fetch packages.
pub fn is_here(workspace: &Workspace) -> bool {
    works(program(workspace, "apt-get").arg("--version"))
}

/// Only root can install, and read the lists of packages anew.
pub fn can_install() -> bool {
    // Our own entry in /proc belongs to whom we run as.
    std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

/// Reads the lists of packages anew: a fresh machine has none, an old one those of old versions.
pub fn update(workspace: &Workspace, steps: &mut Steps) {
    let mut update = program(workspace, "apt-get");
    update.arg("update");
    // Where it fails the lists that are there may do; the installation itself tells.
    steps.attempt("apt-update", "apt-get update", &mut update);
}

/// Installs packages and nothing beside them that they do not need.
pub fn install(
    workspace: &Workspace,
    steps: &mut Steps,
    packages: &[&str],
    remedy: &str,
) -> anyhow::Result<()> {
    update(workspace, steps);
    let mut install = program(workspace, "apt-get");
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    let title = format!("install Debian's {}", packages.join(" and "));
    steps.run("apt-install", &title, &mut install, remedy)
}
