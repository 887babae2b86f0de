//! `cargo xtask bench`: builds everything as it is shipped, and hands over to the bench.

use crate::command::cargo;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{command, guests, setup};

pub fn run(
    workspace: &Workspace,
    steps: &mut Steps,
    check: bool,
    args: &[String],
) -> anyhow::Result<()> {
    let way = setup::building(workspace, steps)?;
    guests::build(workspace, steps, &way, guests::Wanted::All)?;
    // Of the whole workspace: a narrower choice has other features of shared crates, and would build
    // the largest of them again after `cargo xtask demo`.
    let mut build = cargo(workspace, ["build", "--release", "--workspace"]);
    build.args(["--bin", "landfall", "--bin", "landfall-bench"]);
    steps.run(
        "bench",
        "build landfall and the bench",
        &mut build,
        "fix what the compiler names",
    )?;
    let mut bench = command::program(workspace, workspace.binary("release", "landfall-bench"));
    bench
        .arg("--landfall")
        .arg(workspace.binary("release", "landfall"));
    bench.arg("--guests").arg(workspace.guests());
    bench.arg("--out").arg(workspace.target.join("bench.json"));
    if check {
        bench.arg("--check");
    }
    bench.args(args);
    Err(command::become_it(bench))
}
