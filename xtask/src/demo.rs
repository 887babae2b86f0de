//! `cargo xtask demo`: builds everything as it is shipped, and hands over to the demo.

use crate::command::cargo;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{command, guests, setup};

pub fn run(workspace: &Workspace, steps: &mut Steps, args: &[String]) -> anyhow::Result<()> {
    let way = setup::building(workspace, steps)?;
    guests::build(workspace, steps, &way)?;
    // Of the whole workspace: a narrower choice has other features of shared crates, and would build
    // the largest of them again after `cargo xtask bench`.
    let mut build = cargo(workspace, ["build", "--release", "--workspace"]);
    build.args(["--bin", "landfall", "--bin", "landfall-demo"]);
    steps.run(
        "demo",
        "build landfall and the demo",
        &mut build,
        "mend what the compiler names",
    )?;
    let mut demo = command::program(workspace, workspace.binary("release", "landfall-demo"));
    demo.arg("--landfall")
        .arg(workspace.binary("release", "landfall"));
    demo.arg("--guests").arg(workspace.guests());
    demo.arg("--schemas").arg(workspace.root.join("schemas"));
    demo.args(args);
    Err(command::become_it(demo))
}
