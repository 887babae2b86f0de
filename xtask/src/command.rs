//! Cargo and other programs as children, with an environment that does not mislead them.
//!
//! `cargo run`, which started us, leaves variables that describe *this* package. A build script
//! that looks at them would see the wrong package, or rebuild for no reason.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::workspace::Workspace;

/// What `cargo run` sets for the program that it runs, and what would put programs where we do not
/// look for them. `CARGO_HOME`, `CARGO_NET_*` and the like are the user's and stay.
const MISLEADING: [&str; 8] = [
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_BUILD_TARGET",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "OUT_DIR",
];

/// A program to be run in the workspace's root.
pub fn program(workspace: &Workspace, name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(&workspace.root).stdin(Stdio::null());
    for name in MISLEADING {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// The cargo that runs us, with arguments.
pub fn cargo<I, S>(workspace: &Workspace, args: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = program(workspace, &workspace.cargo);
    command.args(args);
    command
}

/// What a command prints, trimmed; an error if it fails.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command
        .output()
        .with_context(|| format!("failed to run `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed: {}", said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program());
    let name = name.file_name().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Hands our place over: terminal, signals and exit code are the program's from here on. Comes back
/// only if it could not be started.
#[expect(
    clippy::disallowed_methods,
    reason = "the terminal is the program's now"
)]
pub fn become_it(mut command: Command) -> anyhow::Error {
    let error = command.stdin(Stdio::inherit()).exec();
    anyhow::Error::new(error).context(format!("failed to start `{}`", shown(&command)))
}
