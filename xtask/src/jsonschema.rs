//! The pipeline's validator, Python's `jsonschema`, against which a test holds schemas.
//!
//! It is put into the build directory, in the versions that the test pins, and installed nowhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::command::program;
use crate::setup;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The variable that names its directory, to us and to the test.
pub const VARIABLE: &str = "LANDFALL_JSONSCHEMA";

/// What the test pins.
const REQUIREMENTS: &str = "host/document/tests/schema_oracle/requirements.txt";

/// Where it is; None if there is none, and the one test that wants it says that it is skipped.
pub type JsonSchema = Option<PathBuf>;

/// Finds it, or fetches it. On a CI system (`CI` is set) it has to be there.
pub fn find(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<JsonSchema> {
    let requirements = workspace.root.join(REQUIREMENTS);
    let dir = match std::env::var_os(VARIABLE).filter(|dir| !dir.is_empty()) {
        Some(named) => {
            let named = PathBuf::from(named);
            if !has_validator(&named, &requirements) {
                bail!(
                    "{VARIABLE} names {}, where python3 finds no jsonschema as {REQUIREMENTS} pins it; \
                     fix or unset it",
                    named.display()
                );
            }
            return Ok(Some(named));
        }
        None => workspace.target.join("tools/jsonschema"),
    };
    if has_validator(&dir, &requirements) || fetch(workspace, steps, &dir, &requirements) {
        return Ok(Some(dir));
    }
    if std::env::var_os("CI").is_some() {
        bail!(
            "jsonschema of {REQUIREMENTS} could not be had; install python3 with pip, or name a directory \
             with it in {VARIABLE}"
        );
    }
    steps.note("no jsonschema for python3: schemas are not held against the pipeline's validator");
    Ok(None)
}

/// Whether python3 finds all that is pinned, in the very versions.
fn has_validator(dir: &Path, requirements: &Path) -> bool {
    const ASKED: &str = "import importlib.metadata as m, sys; import jsonschema; \
        lines = [line.split('==') for line in open(sys.argv[1]) if '==' in line]; \
        sys.exit(any(m.version(name) != pin.strip() for name, pin in lines))";
    let mut python = Command::new("python3");
    python
        .args(["-c", ASKED])
        .arg(requirements)
        .env("PYTHONPATH", dir);
    setup::works(&mut python)
}

fn fetch(workspace: &Workspace, steps: &mut Steps, dir: &Path, requirements: &Path) -> bool {
    // What a failed attempt or another version left would be in the way.
    let _ = std::fs::remove_dir_all(dir);
    let mut pip = program(workspace, "python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args(["--only-binary", ":all:", "--target"])
    .arg(dir)
    .arg("--requirement")
    .arg(requirements);
    steps.attempt("jsonschema", "fetch jsonschema for python3", &mut pip)
        && has_validator(dir, requirements)
}
