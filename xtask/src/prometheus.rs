//! Prometheus, its promtool, and Alertmanager with its amtool: with them tests ask the real programs
//! what they make of our metrics, rules and dashboards.
//!
//! They are unpacked from Debian's packages into the build directory and installed nowhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::command::program;
use crate::debian;
use crate::setup;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// One program of a package.
struct Program {
    /// Its name in the package, and on a machine that has it installed.
    name: &'static str,
    /// What others than Debian call it.
    elsewhere: &'static str,
    /// The variable that names it, to us and to the tests.
    variable: &'static str,
}

/// One of Debian's packages.
struct Package {
    name: &'static str,
    programs: [Program; 2],
}

const PACKAGES: [Package; 2] = [
    Package {
        name: "prometheus",
        programs: [
            Program {
                name: "promtool",
                elsewhere: "promtool",
                variable: "LANDFALL_PROMTOOL",
            },
            Program {
                name: "prometheus",
                elsewhere: "prometheus",
                variable: "LANDFALL_PROMETHEUS",
            },
        ],
    },
    Package {
        name: "prometheus-alertmanager",
        programs: [
            Program {
                name: "prometheus-alertmanager",
                elsewhere: "alertmanager",
                variable: "LANDFALL_ALERTMANAGER",
            },
            Program {
                name: "amtool",
                elsewhere: "amtool",
                variable: "LANDFALL_AMTOOL",
            },
        ],
    },
];

/// Where Debian's Alertmanager looks for the templates that come with it, and where it finds them once it
/// is unpacked: below the directory that it is started in. Both have the same length.
const TEMPLATES: &str = "/usr/share/prometheus/alertmanager";
const TEMPLATES_HERE: &str = "usr//share/prometheus/alertmanager";

/// Where the programs are, by the variables that name them to tests. One that could not be had is not
/// in it, and tests that want it say that they skip that part.
pub type Programs = Vec<(&'static str, PathBuf)>;

/// Finds all of them, or fetches them. On a CI system (`CI` is set) they have to be there.
pub fn find(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Programs> {
    let mut found = Programs::new();
    for package in &PACKAGES {
        let dir = workspace.target.join("tools").join(package.name);
        let mut missing = Vec::new();
        for wanted in &package.programs {
            match wanted.find(&dir)? {
                Some(path) => found.push((wanted.variable, path)),
                None => missing.push(wanted),
            }
        }
        if missing.is_empty() {
            continue;
        }
        let fetched = package.fetch(workspace, steps, &dir);
        for wanted in missing {
            let unpacked = wanted.unpacked(&dir);
            if fetched && works(&unpacked) {
                found.push((wanted.variable, unpacked));
                continue;
            }
            if std::env::var_os("CI").is_some() {
                bail!(
                    "{} could not be had; install {}, or name the program in {}",
                    wanted.elsewhere,
                    package.name,
                    wanted.variable
                );
            }
            steps.note(&format!(
                "no {}: what is tested with it is left out (install {} to change that)",
                wanted.elsewhere, package.name
            ));
        }
    }
    Ok(found)
}

impl Program {
    /// As the environment names it, installed, or unpacked before; an error if the environment is wrong.
    fn find(&self, dir: &Path) -> anyhow::Result<Option<PathBuf>> {
        let variable = self.variable;
        if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            if !works(&path) {
                bail!(
                    "{variable} names {}, which does not run; fix or unset it",
                    path.display()
                );
            }
            return Ok(Some(path));
        }
        let installed = [self.name, self.elsewhere].map(PathBuf::from);
        let mut candidates = installed.into_iter().chain([self.unpacked(dir)]);
        Ok(candidates.find(|candidate| works(candidate)))
    }

    fn unpacked(&self, dir: &Path) -> PathBuf {
        dir.join("usr/bin").join(self.name)
    }
}

impl Package {
    /// Downloads and unpacks it, which needs no privilege.
    fn fetch(&self, workspace: &Workspace, steps: &mut Steps, dir: &Path) -> bool {
        // A name that a failed attempt left would be unpacked again.
        let _ = std::fs::remove_dir_all(dir);
        if std::fs::create_dir_all(dir).is_err() {
            return false;
        }
        if !debian::is_here(workspace) {
            return false;
        }
        if !self.download(workspace, steps, dir) {
            if !debian::can_install() {
                return false;
            }
            debian::update(workspace, steps);
            if !self.download(workspace, steps, dir) {
                return false;
            }
        }
        let Some(package) = package_in(dir) else {
            return false;
        };
        let mut unpack = program(workspace, "dpkg");
        unpack.arg("-x").arg(&package).arg(dir);
        let name = self.name;
        let log = format!("{name}-unpack");
        let unpacked = steps.attempt(&log, &format!("unpack {name}"), &mut unpack);
        // What is unpacked is all that is needed, and the package is 20 MB more.
        let _ = std::fs::remove_file(package);
        unpacked
            && self
                .programs
                .iter()
                .all(|program| relocate(&program.unpacked(dir)).is_ok())
    }

    fn download(&self, workspace: &Workspace, steps: &mut Steps, dir: &Path) -> bool {
        let name = self.name;
        let mut download = program(workspace, "apt-get");
        download.args(["download", name]).current_dir(dir);
        let log = format!("{name}-download");
        steps.attempt(&log, &format!("download {name}"), &mut download)
    }
}

/// Makes an unpacked program find its files where they were unpacked. Alertmanager does not start
/// without its templates, and has no option that says where they are.
fn relocate(program: &Path) -> std::io::Result<()> {
    let mut bytes = std::fs::read(program)?;
    let (from, to) = (TEMPLATES.as_bytes(), TEMPLATES_HERE.as_bytes());
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(place, _)| place)
        .collect();
    if places.is_empty() {
        return Ok(());
    }
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
    std::fs::write(program, bytes)
}

fn works(path: &Path) -> bool {
    setup::works(Command::new(path).arg("--version"))
}

fn package_in(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_made_to_look_below_its_directory_and_keeps_its_length() {
        let path = std::env::temp_dir().join(format!("landfall-xtask-{}", std::process::id()));
        let text = |templates: &str| format!("a{templates}b{templates}/ui");
        std::fs::write(&path, text(TEMPLATES)).expect("written");
        relocate(&path).expect("relocated");
        let read = std::fs::read_to_string(&path);
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(read.ok(), Some(text(TEMPLATES_HERE)));
    }
}
