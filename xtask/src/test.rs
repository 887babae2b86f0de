//! `cargo xtask test`: everything that has to hold before a change goes in.

use std::process::Command;

use crate::command::cargo;
use crate::setup::{self, Tools};
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{guests, promtool, tidy};

pub fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let tools = setup::run(workspace, steps)?;
    let mut format = cargo(workspace, ["fmt", "--all", "--check"]);
    steps.run("format", "format", &mut format, "run `cargo fmt --all`")?;
    steps.within("tidy", || tidy::run(workspace))?;
    guests::build(workspace, steps, &tools.way)?;
    let mut lints = cargo(
        workspace,
        [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    );
    steps.run("clippy", "lints", &mut lints, "mend what clippy names")?;
    let mut program = cargo(
        workspace,
        ["build", "--package", "landfall", "--bin", "landfall"],
    );
    steps.run(
        "landfall",
        "build landfall",
        &mut program,
        "mend what the compiler names",
    )?;
    let mut build = cargo(workspace, ["test", "--workspace", "--no-run"]);
    environment(workspace, &tools, &mut build);
    steps.run(
        "build-tests",
        "build tests",
        &mut build,
        "mend what the compiler names",
    )?;
    // The last step speaks for itself: its last lines are cargo test's own.
    let mut tests = cargo(workspace, ["test", "--workspace"]);
    environment(workspace, &tools, &mut tests);
    steps.stream(
        "tests",
        &mut tests,
        "see the failures above; `cargo test -p CRATE NAME` runs one again",
    )
}

/// Where the tests find what they test.
fn environment(workspace: &Workspace, tools: &Tools, command: &mut Command) {
    command
        .env("LANDFALL_BIN", workspace.binary("debug", "landfall"))
        .env("LANDFALL_GUESTS", workspace.guests())
        .env("LANDFALL_SCHEMAS", workspace.root.join("schemas"));
    if let Some(promtool) = &tools.promtool {
        command.env(promtool::VARIABLE, promtool);
    }
}
