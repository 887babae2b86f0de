//! `cargo xtask record`: builds everything as it is shipped, and records days of its metrics anew.

use crate::command::cargo;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{command, guests, setup};

pub fn run(workspace: &Workspace, steps: &mut Steps, args: &[String]) -> anyhow::Result<()> {
    let way = setup::building(workspace, steps)?;
    guests::build(workspace, steps, &way, guests::Wanted::All)?;
    // Of the whole workspace, as the demo is built.
    let mut build = cargo(workspace, ["build", "--release", "--workspace"]);
    build.args(["--bin", "landfall", "--bin", "landfall-record"]);
    steps.run(
        "record",
        "build landfall and the recorder",
        &mut build,
        "fix what the compiler names",
    )?;
    let program = workspace.binary("release", "landfall-record");
    let mut record = command::program(workspace, program);
    record
        .env("LANDFALL_BIN", workspace.binary("release", "landfall"))
        .env("LANDFALL_GUESTS", workspace.guests())
        .env("LANDFALL_SCHEMAS", workspace.root.join("schemas"))
        .args(args);
    Err(command::become_it(record))
}
