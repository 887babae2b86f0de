//! `cargo xtask demo`: builds the programs as the tests do, and hands over to the demo.

use crate::command::cargo;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{command, guests, setup};

pub fn run(workspace: &Workspace, steps: &mut Steps, args: &[String]) -> anyhow::Result<()> {
    let way = setup::building(workspace, steps)?;
    guests::build(workspace, steps, &way, guests::Wanted::Shipped)?;
    // Not as it is shipped: the demo measures nothing, and this builds much faster. Of the whole workspace: so
    // `cargo xtask test` finds the same libraries, for a narrower choice has other features of them.
    let mut build = cargo(workspace, ["build", "--workspace"]);
    build.args(["--bin", "landfall", "--bin", "landfall-demo"]);
    steps.run(
        "demo",
        "build landfall and the demo",
        &mut build,
        "fix what the compiler names",
    )?;
    let mut demo = command::program(workspace, workspace.binary("debug", "landfall-demo"));
    demo.arg("--landfall")
        .arg(workspace.binary("debug", "landfall"));
    demo.arg("--guests").arg(workspace.guests());
    demo.arg("--schemas").arg(workspace.root.join("schemas"));
    demo.args(args);
    Err(command::become_it(demo))
}
