//! What a machine needs beyond cargo and a C++ compiler, found or fetched.

use crate::promtool::Promtool;
use crate::steps::Steps;
use crate::wasm::Way;
use crate::workspace::Workspace;
use crate::{promtool, wasm};

/// What was found.
pub struct Tools {
    pub way: Way,
    pub promtool: Promtool,
}

/// Finds or installs everything, and says which way it took.
pub fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Tools> {
    let way = wasm::find(workspace, steps)?;
    let promtool = promtool::find(workspace, steps)?;
    Ok(Tools { way, promtool })
}
