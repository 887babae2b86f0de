//! Rules of the repository that can be checked.

use crate::workspace::Workspace;

pub fn run(workspace: &Workspace) -> anyhow::Result<()> {
    check(workspace)
}

pub fn check(_workspace: &Workspace) -> anyhow::Result<()> {
    Ok(())
}
