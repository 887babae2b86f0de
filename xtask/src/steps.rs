//! A task as steps: each says what it does and how long it took, keeps its output in a log, and
//! shows the end of it only if it fails.
//!
//! Children stay in our process group, so that Ctrl-C on the terminal reaches them all.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::command::shown;
use crate::workspace::Workspace;

/// How often a running step is looked at.
const POLL: Duration = Duration::from_millis(100);
/// Without a terminal, a long step says that it is alive this often: some CI systems end a job that
/// prints nothing for ten minutes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(120);
/// How much of a log is shown when a step fails.
const TAIL_LINES: usize = 40;
const TAIL_BYTES: u64 = 16 * 1024;
/// Columns of the progress line; the usual width of a terminal.
const PROGRESS_COLUMNS: usize = 79;

/// The steps of one task.
pub struct Steps {
    logs: PathBuf,
    root: PathBuf,
    terminal: bool,
}

impl Steps {
    #[expect(
        clippy::disallowed_methods,
        reason = "only asked whether somebody looks"
    )]
    pub fn new(workspace: &Workspace) -> Self {
        Self {
            logs: workspace.target.join("xtask"),
            root: workspace.root.clone(),
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// One line about what was found or chosen.
    pub fn note(&self, text: &str) {
        eprintln!("{:>9} {text}", "");
    }

    /// Something done by ourselves and not by a child.
    pub fn within<T>(
        &mut self,
        title: &str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let started = Instant::now();
        let result = work();
        self.end(title, started, result.is_ok());
        result
    }

    /// Runs a child with its output in a log. `name` names the log, `remedy` says what to do if it
    /// fails.
    pub fn run(
        &mut self,
        name: &str,
        title: &str,
        command: &mut Command,
        remedy: &str,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let (status, log) = self.logged(name, title, command, started)?;
        self.end(title, started, status.success());
        if status.success() {
            return Ok(());
        }
        eprintln!("{}", tail(&log, TAIL_LINES));
        let log = log.strip_prefix(&self.root).unwrap_or(&log).display();
        bail!("{title} failed ({status}); {remedy}. All of its output is in {log}");
    }

    /// Runs a child that may fail without harm, because there is another way: whether it succeeded.
    pub fn attempt(&mut self, name: &str, title: &str, command: &mut Command) -> bool {
        let started = Instant::now();
        let ended = self.logged(name, title, command, started);
        let success = ended.is_ok_and(|(status, _)| status.success());
        let word = if success {
            self.paint("32", "ok")
        } else {
            self.paint("33", "no")
        };
        self.say(&word, title, started);
        success
    }

    fn logged(
        &mut self,
        name: &str,
        title: &str,
        command: &mut Command,
        started: Instant,
    ) -> anyhow::Result<(ExitStatus, PathBuf)> {
        std::fs::create_dir_all(&self.logs)
            .with_context(|| format!("failed to make {}", self.logs.display()))?;
        let path = self.logs.join(format!("{name}.log"));
        let mut log =
            File::create(&path).with_context(|| format!("failed to write {}", path.display()))?;
        writeln!(log, "$ {}", shown(command))?;
        let child = command
            // A log is read without a terminal, whatever the user prefers on one.
            .env("CARGO_TERM_COLOR", "never")
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn()
            .with_context(|| format!("failed to start `{}`", shown(command)))?;
        Ok((self.watch(title, child, &path, started)?, path))
    }

    /// Waits for a child, and shows that it moves.
    fn watch(
        &self,
        title: &str,
        mut child: Child,
        log: &Path,
        started: Instant,
    ) -> anyhow::Result<ExitStatus> {
        let mut told = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if self.terminal {
                let line = tail(log, 1);
                let text = format!(
                    "{:>8}s {title}: {}",
                    started.elapsed().as_secs(),
                    line.trim()
                );
                let text: String = text.chars().take(PROGRESS_COLUMNS).collect();
                eprint!("\r\x1b[2K{text}");
            } else if told.elapsed() >= SIGN_OF_LIFE {
                told = Instant::now();
                eprintln!(
                    "{:>8}s {title}: {}",
                    started.elapsed().as_secs(),
                    tail(log, 1).trim()
                );
            }
            std::thread::sleep(POLL);
        }
    }

    fn end(&self, title: &str, started: Instant, success: bool) {
        let word = if success {
            self.paint("32", "ok")
        } else {
            self.paint("31", "FAILED")
        };
        self.say(&word, title, started);
    }

    fn say(&self, word: &str, title: &str, started: Instant) {
        let clear = if self.terminal { "\r\x1b[2K" } else { "" };
        eprintln!(
            "{clear}{word} {title} ({:.1} s)",
            started.elapsed().as_secs_f64()
        );
    }

    /// A word in colour, right-aligned to the column of titles.
    fn paint(&self, colour: &str, word: &str) -> String {
        let word = format!("{word:>9}");
        if self.terminal && std::env::var_os("NO_COLOR").is_none() {
            format!("\x1b[{colour}m{word}\x1b[0m")
        } else {
            word
        }
    }
}

/// The last lines of a file; what cannot be read is left out.
fn tail(path: &Path, lines: usize) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let len = file.metadata().map_or(0, |about| about.len());
        let from = SeekFrom::Start(len.saturating_sub(TAIL_BYTES));
        if file.seek(from).is_ok() {
            // What was read before an error is still worth showing.
            let _ = file.read_to_end(&mut bytes);
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
