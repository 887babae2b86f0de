//! What a machine needs beyond cargo and git, found or fetched.

use std::process::{Command, Stdio};

use anyhow::bail;

use crate::command::{cargo, program};
use crate::jsonschema::JsonSchema;
use crate::prometheus::Programs;
use crate::steps::Steps;
use crate::wasm::Way;
use crate::workspace::Workspace;
use crate::{jsonschema, prometheus, wasm};

/// What was found.
pub struct Tools {
    pub way: Way,
    pub prometheus: Programs,
    pub jsonschema: JsonSchema,
}

/// Finds or installs everything, and says which way it took.
pub fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Tools> {
    let way = building(workspace, steps)?;
    for component in ["rustfmt", "clippy"] {
        lint_tool(workspace, steps, component)?;
    }
    let prometheus = prometheus::find(workspace, steps)?;
    let jsonschema = jsonschema::find(workspace, steps)?;
    Ok(Tools {
        way,
        prometheus,
        jsonschema,
    })
}

/// What it takes to build the host and the guests.
pub fn building(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Way> {
    // libzmq is built from source; what the environment names instead is the user's business.
    let named = std::env::var_os("CXX").is_some();
    if !named && !works(program(workspace, "c++").arg("--version")) {
        bail!("there is no C++ compiler; install one (on Debian: apt-get install g++)");
    }
    wasm::find(workspace, steps)
}

/// rustup's minimal profile comes without the formatter and the linter.
fn lint_tool(workspace: &Workspace, steps: &mut Steps, component: &str) -> anyhow::Result<()> {
    let subcommand = if component == "rustfmt" {
        "fmt"
    } else {
        component
    };
    let is_there = || works(&mut cargo(workspace, [subcommand, "--version"]));
    if is_there() {
        return Ok(());
    }
    let mut add = program(workspace, "rustup");
    add.args(["component", "add", component]);
    let title = format!("rustup component add {component}");
    if steps.attempt(component, &title, &mut add) && is_there() {
        return Ok(());
    }
    bail!("there is no `cargo {subcommand}`; run `rustup component add {component}`")
}

/// Whether a program is there and answers.
pub fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
