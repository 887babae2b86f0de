//! Watches the configuration, the checks' files and the schemas, and puts a new plan in force when
//! one of them changes. What does not load leaves the old in force, and says so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Control;
use super::planner::Planner;
use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::Part;
use crate::sources::Stop;

/// After a change, further changes are awaited this long: files are written in pieces.
const SETTLE: Duration = Duration::from_millis(200);

/// How often it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(200);

/// What the reloader works with.
pub struct Reloader {
    pub planner: Planner,
    pub config_path: Option<PathBuf>,
    pub config: Config,
    pub control: Control,
    pub clock: Clock,
    pub board: Board,
    /// The latch that tells what the last reload left undone.
    pub part: Part,
    pub stop: Stop,
}

/// Asks for a reload, as SIGHUP does.
#[derive(Clone)]
pub struct ReloadRequest(Sender<()>);

impl ReloadRequest {
    pub fn send(&self) {
        // A reloader that has ended needs no request.
        let _ = self.0.send(());
    }
}

/// The requests' two ends.
pub fn requests() -> (ReloadRequest, Receiver<()>) {
    let (sender, receiver) = unbounded();
    (ReloadRequest(sender), receiver)
}

impl Reloader {
    /// Runs until the process is to stop. `wake` is also what the watcher sends to.
    pub fn run(mut self, wake: &Receiver<()>, request: &ReloadRequest) {
        let mut watcher = watch(request);
        let mut watched = BTreeSet::new();
        self.follow(&mut watcher, &mut watched);
        while !self.stop.is_set() {
            match wake.recv_timeout(LOOK) {
                Ok(()) => {
                    while wake.recv_timeout(SETTLE).is_ok() {}
                    self.reload();
                    self.follow(&mut watcher, &mut watched);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn reload(&mut self) {
        let config = match Config::load(self.config_path.as_deref()) {
            Ok(config) => config,
            Err(errors) => {
                self.refuse(format!("the configuration is not reloaded: {errors}"));
                return;
            }
        };
        let fixed = fixed_changes(&self.config, &config);
        match self.planner.plan(&config, self.clock.now_ms()) {
            Ok(planned) => {
                let mut problems = planned.problems.clone();
                problems.extend(
                    fixed
                        .iter()
                        .map(|field| format!("{field} changed; it takes effect at the next start")),
                );
                for problem in &problems {
                    tracing::warn!("{problem}");
                }
                let deadlines_changed = config.deadlines != self.config.deadlines
                    || config.incidents != self.config.incidents;
                if planned.changed || deadlines_changed {
                    self.control.apply(&planned, &config);
                    tracing::info!(
                        generation = planned.plan.generation.0,
                        "a new plan is in force"
                    );
                }
                let removed: Vec<String> = self
                    .config
                    .checks
                    .iter()
                    .map(|check| check.name.clone())
                    .filter(|name| !planned.checks.iter().any(|check| check.name == *name))
                    .collect();
                self.board.checks(&planned.checks, &removed);
                self.board.reloaded(problems.is_empty());
                // What is in force judges: problems are told, and do not make Landfall unready.
                self.part.ready(if problems.is_empty() {
                    "as configured".into()
                } else {
                    problems.join("; ")
                });
                self.config = config;
            }
            Err(error) => self.refuse(error.to_string()),
        }
    }

    fn refuse(&self, problem: String) {
        tracing::error!("{problem}; what was in force stays in force");
        self.board.reloaded(false);
        self.part.ready(problem);
    }

    /// Watches the directories of all files that matter: an editor replaces a file, and a watch on
    /// the file itself would stay with the old one.
    fn follow(&self, watcher: &mut Option<RecommendedWatcher>, watched: &mut BTreeSet<PathBuf>) {
        let Some(watcher) = watcher else { return };
        let mut wanted: BTreeSet<PathBuf> = BTreeSet::new();
        wanted.extend(self.config_path.as_deref().and_then(directory));
        wanted.extend(
            self.config
                .checks
                .iter()
                .filter_map(|check| directory(&self.config.check_file(check).ok()?)),
        );
        for dir in wanted.difference(&watched.clone()) {
            match watcher.watch(dir, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(dir.clone());
                }
                Err(error) => {
                    tracing::warn!(
                        "{} is not watched: {error}; send SIGHUP after a change",
                        dir.display()
                    );
                }
            }
        }
        let schemas = self.config.schemas_dir();
        if !watched.contains(&schemas) && watcher.watch(&schemas, RecursiveMode::Recursive).is_ok()
        {
            watched.insert(schemas);
        }
    }
}

fn watch(request: &ReloadRequest) -> Option<RecommendedWatcher> {
    let request = request.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_change = event.is_ok_and(|event| {
            event.kind.is_create() || event.kind.is_modify() || event.kind.is_remove()
        });
        if is_change {
            request.send();
        }
    });
    match watcher {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!("files are not watched: {error}; send SIGHUP after a change");
            None
        }
    }
}

fn directory(file: &Path) -> Option<PathBuf> {
    let parent = file.parent()?;
    Some(if parent.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        parent.to_owned()
    })
}

/// Settings that a running process cannot change.
fn fixed_changes(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut note = |same: bool, field| {
        if !same {
            fields.push(field);
        }
    };
    note(old.clock == new.clock, "clock");
    note(old.streams == new.streams, "streams");
    note(old.windows == new.windows, "windows");
    note(old.ledger == new.ledger, "ledger");
    note(old.judge == new.judge, "judge");
    note(old.store == new.store, "store");
    note(old.http == new.http, "http");
    note(old.log == new.log, "log");
    note(old.redact == new.redact, "redact");
    fields
}
