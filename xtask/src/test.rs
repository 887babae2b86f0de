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
    // All programs, and not the one alone: a narrower choice has other features of shared crates,
    // and would build the largest of them twice.
    let mut programs = cargo(workspace, ["build", "--workspace", "--bins"]);
    steps.run(
        "programs",
        "build landfall",
        &mut programs,
        "mend what the compiler names",
    )?;
    let mut build = tests(workspace, &tools);
    build.arg("--no-run");
    steps.run(
        "build-tests",
        "build tests",
        &mut build,
        "mend what the compiler names",
    )?;
    // The last step speaks for itself: its last lines are cargo test's own.
    let remedy = "see the failures above; `cargo test -p CRATE NAME` runs one again";
    steps.stream("tests", &mut tests(workspace, &tools), remedy)
}

/// All tests, with the environment in which they find what they test.
fn tests(workspace: &Workspace, tools: &Tools) -> Command {
    let mut command = cargo(workspace, ["test", "--workspace", "--no-fail-fast"]);
    command
        .env("LANDFALL_BIN", workspace.binary("debug", "landfall"))
        .env("LANDFALL_GUESTS", workspace.guests())
        .env("LANDFALL_SCHEMAS", workspace.root.join("schemas"));
    if let Some(promtool) = &tools.promtool {
        command.env(promtool::VARIABLE, promtool);
    }
    command
}
