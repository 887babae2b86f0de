//! `cargo xtask outage` and `cargo xtask faults`: build everything as it is shipped, and hand over to the trial.

use crate::command::cargo;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{command, guests, setup};

/// Runs the program `landfall-<name>` of tests/.
pub fn run(
    workspace: &Workspace,
    steps: &mut Steps,
    name: &'static str,
    args: &[String],
) -> anyhow::Result<()> {
    let way = setup::building(workspace, steps)?;
    guests::build(workspace, steps, &way, guests::Wanted::Shipped)?;
    let program = format!("landfall-{name}");
    let mut build = cargo(workspace, ["build", "--release", "--workspace"]);
    build.args(["--bin", "landfall", "--bin", &program]);
    steps.run(
        name,
        "build landfall and the trial",
        &mut build,
        "fix what the compiler names",
    )?;
    let mut trial = command::program(workspace, workspace.binary("release", &program));
    trial
        .arg("--landfall")
        .arg(workspace.binary("release", "landfall"));
    trial.arg("--guests").arg(workspace.guests());
    trial.arg("--schemas").arg(workspace.root.join("schemas"));
    trial.args(args);
    Err(command::become_it(trial))
}
