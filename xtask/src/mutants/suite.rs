//! The tests of the copy: built as cargo does, then run program by program, until one test fails.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::tree::Tree;
use crate::command::{cargo, program};
use crate::workspace::Workspace;

/// What a program of tests may take of memory: a mutant may loop and fill it. The tests as they are
/// take less than a twentieth of it.
const MEMORY_MAX_KIB: u64 = 8 << 20;

/// So that a run does not depend on chance: properties are tried on the same cases each time.
const PROPTEST_SEED: &str = "20";

/// What the tests said.
pub enum Outcome {
    Passed,
    /// The first test that did not pass, or how its program ended.
    Failed(String),
}

pub struct Suite<'a> {
    workspace: &'a Workspace,
    tree: &'a Tree,
    /// What was built last.
    programs: Vec<PathBuf>,
    /// How long each took when all of its tests passed; the fastest are asked first.
    took: BTreeMap<String, Duration>,
}

impl<'a> Suite<'a> {
    pub fn new(workspace: &'a Workspace, tree: &'a Tree) -> Self {
        Self {
            workspace,
            tree,
            programs: Vec::new(),
            took: BTreeMap::new(),
        }
    }

    /// Builds the tests; or what the compiler says. The outer error: cargo could not be run.
    pub fn build(&mut self) -> anyhow::Result<Result<(), String>> {
        let mut build = cargo(
            self.workspace,
            ["test", "--no-run", "--message-format=json"],
        );
        let output = build
            .current_dir(self.tree.root())
            .env(
                "CARGO_TARGET_DIR",
                self.workspace.target.join("mutants/target"),
            )
            // Nobody looks at a backtrace of them.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .output()
            .context("failed to run `cargo test --no-run`")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let messages: Vec<Value> = said
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        if !output.status.success() {
            let is_error = |message: &&Value| message["message"]["level"] == "error";
            let error = messages.iter().find(is_error);
            let text = error.and_then(|error| error["message"]["message"].as_str());
            let cargo = String::from_utf8_lossy(&output.stderr);
            return Ok(Err(text.unwrap_or(cargo.trim()).to_owned()));
        }
        self.programs = messages
            .iter()
            .filter(|message| message["profile"]["test"] == true)
            .filter_map(|message| message["executable"].as_str())
            .map(PathBuf::from)
            .collect();
        if self.programs.is_empty() {
            bail!("`cargo test --no-run` names no program of tests");
        }
        self.programs.sort_by_key(|path| {
            let name = name(path);
            (self.took.get(&name).copied(), name)
        });
        Ok(Ok(()))
    }

    /// Runs them until one fails, or the time is over.
    pub fn run(&mut self, time_max: Duration) -> anyhow::Result<Outcome> {
        let until = Instant::now() + time_max;
        for path in &self.programs {
            let started = Instant::now();
            let mut child = self.start(path)?;
            let outcome = listen(&mut child, until);
            // It may have ended by itself.
            let _ = child.kill();
            let status = child.wait()?;
            match outcome? {
                Some(failed) => return Ok(Outcome::Failed(failed)),
                None if !status.success() => {
                    return Ok(Outcome::Failed(format!("{} ({status})", name(path))));
                }
                None => {
                    self.took.insert(name(path), started.elapsed());
                }
            }
        }
        Ok(Outcome::Passed)
    }

    fn start(&self, path: &Path) -> anyhow::Result<Child> {
        let mut command: Command = program(self.workspace, "sh");
        // Where memory cannot be bounded, time alone is.
        let script = format!("ulimit -v {MEMORY_MAX_KIB} 2>/dev/null; exec \"$0\"");
        command
            .args(["-c", &script])
            .arg(path)
            .current_dir(self.tree.member())
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
            .env("PROPTEST_RNG_SEED", PROPTEST_SEED)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("failed to start {}", path.display()))
    }
}

/// The name of a program of tests, without the hash that cargo appends.
fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let (name, _) = stem.rsplit_once('-').unwrap_or((&stem, ""));
    name.to_owned()
}

/// The first test that failed, or that time was over; None if the program ended before.
fn listen(child: &mut Child, until: Instant) -> anyhow::Result<Option<String>> {
    let Some(stdout) = child.stdout.take() else {
        bail!("a program of tests without an output");
    };
    let (lines, heard) = channel();
    // It ends with the program, whose output ends then.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    Ok(first_failed(&heard, until))
}

fn first_failed(heard: &Receiver<String>, until: Instant) -> Option<String> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match heard.recv_timeout(left) {
            Ok(line) => {
                if let Some(test) = failed(&line) {
                    return Some(test.to_owned());
                }
            }
            Err(RecvTimeoutError::Timeout) => return Some("the time limit".to_owned()),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// The test that a line says failed.
fn failed(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_failed_is_named_and_others_are_not() {
        assert_eq!(failed("test a::b ... FAILED"), Some("a::b"));
        assert_eq!(failed("test a::b ... ok"), None);
        assert_eq!(failed("test result: FAILED. 1 passed; 1 failed"), None);
    }

    #[test]
    fn the_first_that_failed_ends_a_run_and_so_does_the_time() {
        let (lines, heard) = channel();
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(
            first_failed(&heard, soon).as_deref(),
            Some("the time limit")
        );
        let later = Instant::now() + Duration::from_secs(60);
        for line in ["test a ... ok", "test b ... FAILED", "test c ... FAILED"] {
            lines.send(line.to_owned()).expect("heard");
        }
        assert_eq!(first_failed(&heard, later).as_deref(), Some("b"));
        drop(lines);
        assert_eq!(first_failed(&heard, later).as_deref(), Some("c"));
        assert_eq!(first_failed(&heard, later), None);
    }

    #[test]
    fn programs_are_known_without_their_hash() {
        assert_eq!(name(Path::new("deps/copies-713b18")), "copies");
    }
}
