//! The programs that hold the tests: finds them, and runs several at a time.
//!
//! `cargo test` runs one after the other. Those of the end-to-end tests wait for processes, sockets and deadlines most
//! of the time, and the others compute: beside each other they take little longer than the processor needs for all.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::command::{cargo, output, program, shown};
use crate::workspace::Workspace;

/// The crate of the end-to-end tests, and the one of them that computes.
const WAITING: &str = "landfall-tests";
const COMPUTING: &str = "recorded_days";

/// What each lane takes first: one those that wait, and one those that compute. With three on two cores, tests of what
/// happens in seconds come too late.
const LANES: [usize; 2] = [WAIT, COMPUTE];
const WAIT: usize = 0;
const COMPUTE: usize = 1;

/// One program, the tests in documentation, or another command.
pub struct TestProgram {
    /// Its package and target, no two alike: `landfall-store spool`, `landfall lib`, `landfall bin landfall`.
    pub name: String,
    /// It waits more than it computes.
    waits: bool,
    command: Command,
}

/// Runs all programs that `cargo test --workspace` would run, with the variables that `environment` has. `first` are
/// run before those that compute.
///
/// # Errors
/// A program cannot be found or started, or a test failed.
pub fn run(
    workspace: &Workspace,
    environment: &Command,
    first: Vec<TestProgram>,
) -> anyhow::Result<()> {
    let logs = workspace.target.join("xtask/tests");
    std::fs::create_dir_all(&logs).with_context(|| format!("failed to make {}", logs.display()))?;
    let mut programs = list(workspace)?;
    programs.push(TestProgram::computing(
        "documentation",
        cargo(workspace, ["test", "--workspace", "--doc"]),
    ));
    for program in &mut programs {
        for (name, value) in environment.get_envs() {
            if let Some(value) = value {
                program.command.env(name, value);
            }
        }
    }
    programs.splice(0..0, first);
    let all = programs.len();
    let (waiting, computing): (VecDeque<_>, VecDeque<_>) =
        programs.into_iter().partition(|program| program.waits);
    let queues = Mutex::new([waiting, computing]);
    let failed: Mutex<Vec<String>> = Mutex::default();
    let turn = Mutex::new(());
    thread::scope(|scope| {
        for lane in LANES {
            let (queues, failed, turn, logs) = (&queues, &failed, &turn, &logs);
            scope.spawn(move || {
                while let Some(program) = next(queues, lane) {
                    let name = program.name.clone();
                    if let Err(error) = run_one(program, logs, turn) {
                        let text = format!("{name}: {error:#}");
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(text);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !failed.is_empty() {
        let (count, list) = (failed.len(), failed.join("\n  "));
        bail!("{count} of {all} programs with tests failed:\n  {list}");
    }
    Ok(())
}

/// The next program of a lane; where that lane has none, the last one of the other.
fn next(queues: &Mutex<[VecDeque<TestProgram>; 2]>, lane: usize) -> Option<TestProgram> {
    let mut queues = queues.lock().unwrap_or_else(PoisonError::into_inner);
    match queues[lane].pop_front() {
        Some(program) => Some(program),
        None => queues[1 - lane].pop_back(),
    }
}

/// Runs one with its output in a log, and then shows all of it.
fn run_one(mut program: TestProgram, logs: &Path, turn: &Mutex<()>) -> anyhow::Result<()> {
    let path = logs.join(format!("{}.log", program.name.replace(['/', ' '], "-")));
    let started = Instant::now();
    let status = logged(&mut program.command, &path)?;
    let took = started.elapsed();
    let said =
        std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    println!(
        "\n     Running {} ({:.1} s)\n{}",
        program.name,
        took.as_secs_f64(),
        String::from_utf8_lossy(&said).trim_end()
    );
    if !status.success() {
        bail!(
            "{status}, after {}; run `{}`",
            seconds(took),
            shown(&program.command)
        );
    }
    Ok(())
}

fn seconds(took: Duration) -> String {
    format!("{} s", took.as_secs())
}

fn logged(command: &mut Command, path: &Path) -> anyhow::Result<ExitStatus> {
    let log = File::create(path).with_context(|| format!("failed to write {}", path.display()))?;
    let errors = log.try_clone().context("failed to share a log")?;
    command
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(errors))
        .status()
        .with_context(|| format!("failed to start `{}`", shown(command)))
}

/// Builds all programs, and lists them.
///
/// # Errors
/// Something does not compile, or cargo says what nobody understands.
pub fn list(workspace: &Workspace) -> anyhow::Result<Vec<TestProgram>> {
    let mut build = cargo(workspace, ["test", "--workspace", "--no-run"]);
    build.arg("--message-format=json");
    let said = output(&mut build)?;
    let mut programs = Vec::new();
    for line in said.lines() {
        let message: Value =
            serde_json::from_str(line).context("cargo does not say what it built as JSON")?;
        if message["profile"]["test"] == true && message["executable"].is_string() {
            let program = TestProgram::read(workspace, &message);
            let program =
                program.with_context(|| format!("cargo names a program nobody knows: {line}"))?;
            programs.push(program);
        }
    }
    if programs.is_empty() {
        bail!("cargo names no program with tests");
    }
    Ok(programs)
}

impl TestProgram {
    /// A command that computes.
    pub fn computing(name: &str, command: Command) -> Self {
        Self {
            name: name.to_owned(),
            waits: false,
            command,
        }
    }

    /// A command that runs it once more.
    pub fn again(&self) -> Command {
        let mut command = Command::new(self.command.get_program());
        command.args(self.command.get_args()).stdin(Stdio::null());
        if let Some(dir) = self.command.get_current_dir() {
            command.current_dir(dir);
        }
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Of a message of cargo about a program with tests; None if it is of no member of the workspace.
    fn read(workspace: &Workspace, message: &Value) -> Option<Self> {
        let executable = message["executable"].as_str()?;
        let dir = PathBuf::from(message["manifest_path"].as_str()?);
        let dir = dir.parent()?;
        let package = workspace
            .members
            .iter()
            .find(|member| workspace.root.join(&member.dir) == dir)?;
        let target = message["target"]["name"].as_str()?;
        let kind = match message["target"]["kind"][0].as_str()? {
            "test" => target.to_owned(),
            "bin" => format!("bin {target}"),
            kind @ ("bench" | "example") => format!("{kind} {target}"),
            _ => "lib".to_owned(),
        };
        // Where cargo runs it, and what it says to it.
        let mut command = program(workspace, executable);
        command.current_dir(dir).env("CARGO_MANIFEST_DIR", dir);
        Some(Self {
            name: format!("{} {kind}", package.name),
            waits: package.name == WAITING && target != COMPUTING,
            command,
        })
    }
}
