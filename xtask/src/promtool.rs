//! Prometheus' promtool, with which a test asks Prometheus itself what it thinks of our metrics.
//!
//! It is unpacked from Debian's package into the build directory and installed nowhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::command::program;
use crate::debian;
use crate::setup;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The variable that names it, to us and to the tests.
pub const VARIABLE: &str = "LANDFALL_PROMTOOL";

/// Where it is; None if there is none, and the one test that wants it says that it skips that part.
pub type Promtool = Option<PathBuf>;

/// Finds promtool, or fetches it. On a CI system (`CI` is set) it has to be there.
pub fn find(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Promtool> {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        if !works(&path) {
            bail!(
                "{VARIABLE} names {}, which does not run; mend or unset it",
                path.display()
            );
        }
        return Ok(Some(path));
    }
    let dir = workspace.target.join("tools/prometheus");
    let unpacked = dir.join("usr/bin/promtool");
    for candidate in [Path::new("promtool"), &unpacked] {
        if works(candidate) {
            return Ok(Some(candidate.to_owned()));
        }
    }
    if fetch(workspace, steps, &dir) && works(&unpacked) {
        return Ok(Some(unpacked));
    }
    if std::env::var_os("CI").is_some() {
        bail!("promtool could not be had; install prometheus, or name promtool in {VARIABLE}");
    }
    steps
        .note("no promtool: the metrics are tested without it (install prometheus to change that)");
    Ok(None)
}

fn works(path: &Path) -> bool {
    setup::works(Command::new(path).arg("--version"))
}

/// Downloads and unpacks Debian's package, which needs no privilege.
fn fetch(workspace: &Workspace, steps: &mut Steps, dir: &Path) -> bool {
    // A name that a failed attempt left would be unpacked again.
    let _ = std::fs::remove_dir_all(dir);
    if std::fs::create_dir_all(dir).is_err() {
        return false;
    }
    if !debian::is_here(workspace) {
        return false;
    }
    if !download(workspace, steps, dir) {
        if !debian::can_install() {
            return false;
        }
        debian::update(workspace, steps);
        if !download(workspace, steps, dir) {
            return false;
        }
    }
    let Some(package) = package_in(dir) else {
        return false;
    };
    let mut unpack = program(workspace, "dpkg");
    unpack.arg("-x").arg(&package).arg(dir);
    let unpacked = steps.attempt("promtool-unpack", "unpack promtool", &mut unpack);
    // The tool alone is kept: the package is 20 MB.
    let _ = std::fs::remove_file(package);
    unpacked
}

fn download(workspace: &Workspace, steps: &mut Steps, dir: &Path) -> bool {
    let mut download = program(workspace, "apt-get");
    download.args(["download", "prometheus"]).current_dir(dir);
    steps.attempt("promtool-download", "download promtool", &mut download)
}

fn package_in(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
}
