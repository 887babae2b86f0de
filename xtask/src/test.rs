//! `cargo xtask test`: everything that has to hold before a change goes in.

use std::process::Command;

use crate::command::cargo;
use crate::setup::{self, Tools};
use crate::steps::Steps;
use crate::test_programs::{self, TestProgram};
use crate::workspace::Workspace;
use crate::{guests, jsonschema, tidy};

pub fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let tools = setup::run(workspace, steps)?;
    let mut format = cargo(workspace, ["fmt", "--all", "--check"]);
    steps.run("format", "format", &mut format, "run `cargo fmt --all`")?;
    steps.within("tidy", || tidy::run(workspace))?;
    guests::build(workspace, steps, &tools.way, guests::Wanted::All)?;
    licences(workspace, steps)?;
    // Programs and tests at once: a narrower choice has other features of shared crates, and would
    // build some of them twice.
    let mut build = cargo(workspace, ["build", "--workspace", "--all-targets"]);
    steps.run(
        "build",
        "build programs and tests",
        &mut build,
        "fix what the compiler names",
    )?;
    // The last step speaks for itself: its lines are those of the tests.
    steps.within("tests", || {
        test_programs::run(workspace, &found_by(workspace, &tools), lints(workspace))
    })
}

/// Lints and documentation. They compile everything once more, so they run beside the tests that wait, each on one
/// core.
fn lints(workspace: &Workspace) -> Vec<TestProgram> {
    let mut clippy = cargo(workspace, ["clippy", "--workspace", "--all-targets"]);
    clippy.args(["--jobs", "1", "--", "-D", "warnings"]);
    let mut docs = cargo(
        workspace,
        ["doc", "--workspace", "--no-deps", "--jobs", "1"],
    );
    docs.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        TestProgram::computing("lints", clippy),
        TestProgram::computing("docs", docs),
    ]
}

/// Holds the dependencies to deny.toml, where cargo-deny is installed. Known vulnerabilities are
/// another matter: they change without us, so a change cannot be held to them.
fn licences(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    if !setup::works(&mut cargo(workspace, ["deny", "--version"])) {
        steps.note(
            "no cargo-deny: licences of dependencies are not looked at (cargo install cargo-deny)",
        );
        return Ok(());
    }
    let mut deny = cargo(workspace, ["deny", "check", "bans", "licenses", "sources"]);
    let remedy = "choose another dependency, or say in deny.toml why it may stay";
    steps.run("deny", "licences", &mut deny, remedy)
}

/// The environment in which tests find what they test.
fn found_by(workspace: &Workspace, tools: &Tools) -> Command {
    let mut command = cargo(workspace, ["test"]);
    command
        .env("LANDFALL_BIN", workspace.binary("debug", "landfall"))
        .env("LANDFALL_GUESTS", workspace.guests())
        .env("LANDFALL_SCHEMAS", workspace.root.join("schemas"));
    command.envs(tools.prometheus.iter().map(|(name, path)| (name, path)));
    if let Some(directory) = &tools.jsonschema {
        command.env(jsonschema::VARIABLE, directory);
    }
    command
}
