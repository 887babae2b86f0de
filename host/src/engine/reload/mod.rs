//! Watches the configuration, the checks' files and the schemas, and puts a new plan in force when
//! one of them changes. If something does not load, the old version stays in force, and this is
//! reported.

mod request;
mod watching;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use notify::RecommendedWatcher;

use self::request::EndRequests;
pub use self::request::{ReloadRequest, requests};
use self::watching::Watched;
use super::Control;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::Reloaded;
use crate::flow::BatchLimits;
use crate::flow::ShutdownRequest;
use crate::http::Part;
use crate::planning::planner::{Patience, Planned, Planner, PlanningError};
use crate::telemetry::Telemetry;
use crate::thread_watch;

/// After a change, it waits this long for further changes, because files are written in pieces.
const SETTLE: Duration = Duration::from_millis(200);

/// But it waits no longer than this after the first change. A file that is written all the time
/// must not keep other changes, or SIGHUP, waiting.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// How often it checks whether the process ends, if nobody asks for a reload. Whoever ends the
/// process usually asks for one.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// A change waits this long for checks that have to be loaded for it, so that it mostly takes force
/// as a whole. What takes longer takes force on its own.
const LOADING: Duration = Duration::from_secs(1);

/// A reload that leads to other files is repeated, because they may have changed before they were
/// watched. If this goes on, the rest waits for the next change.
const ROUNDS_MAX: u32 = 3;

/// What the reloader works with.
pub struct Reloader {
    pub planner: Planner,
    pub config_path: Option<PathBuf>,
    /// Whether the file was named on the command line. If not, it is the file that was found, or
    /// None.
    pub is_named: bool,
    /// The configuration in force.
    pub config: Config,
    /// The batch limits with which the sources were started.
    pub batches: BatchLimits,
    pub control: Control,
    pub clock: Clock,
    pub telemetry: Telemetry,
    /// The part of readiness that shows what the last reload left undone.
    pub part: Part,
    pub stop: ShutdownRequest,
    pub watch: FileWatch,
    /// The schemas that were loaded or configured last.
    pub schemas: Vec<String>,
    /// Whether every check could state its objectives. A check that could not (the machine may be
    /// busy) is asked again.
    pub all_stated: bool,
    /// The checks that are being loaded, as last reported.
    pub loading: Vec<String>,
}

/// What is watched now. It must be set before the first plan is made, so that no change is lost
/// between the two.
pub struct FileWatch {
    watched: Watched,
    /// None if files cannot be watched here.
    _watcher: Option<RecommendedWatcher>,
}

impl FileWatch {
    /// Watches the configuration and what it names; each change sends `request`.
    pub fn set(config_path: Option<&Path>, config: &Config, request: &ReloadRequest) -> Self {
        let watched = Watched::of(config_path, config);
        let watcher = watched.watch(request);
        Self {
            watched,
            _watcher: watcher,
        }
    }
}

impl Reloader {
    /// Runs until the process must stop. `first` is the plan that judges first. The watcher sends
    /// to `wake` too.
    pub fn run(mut self, first: Planned, wake: &Receiver<()>, request: &ReloadRequest) {
        let _end = EndRequests(request.clone());
        let loaded = request.clone();
        self.planner.on_loaded(move || loaded.send());
        let stop = self.stop.clone();
        self.planner.plan_while(move || {
            // For the watch of threads, each schema is a separate piece of work.
            thread_watch::busy();
            !stop.is_set()
        });
        // Not before the start: checks may need time for it, and only metrics wait for it.
        self.ask_objectives(&first);
        drop(first);
        while !self.stop.is_set() {
            thread_watch::idle();
            match wake.recv_timeout(CHECK_EVERY) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            }
            settle(wake, &self.stop);
            // Before the files are read: a caller that asks from here on gets another reload.
            let asked = request.take_callers();
            if request.take_again() {
                self.planner.try_again();
            }
            let mut reloaded = Reloaded::default();
            for _ in 0..ROUNDS_MAX {
                if self.stop.is_set() {
                    return;
                }
                thread_watch::busy();
                // Before the files are read: what changes from here on is another change.
                self.watch = FileWatch::set(self.config_path.as_deref(), &self.config, request);
                reloaded = self.reload();
                if self.watch.watched == Watched::of(self.config_path.as_deref(), &self.config) {
                    break;
                }
            }
            for sender in asked {
                // The caller may be gone.
                let _ = sender.send(reloaded.clone());
            }
        }
    }

    fn ask_objectives(&mut self, planned: &Planned) {
        let stop = self.stop.clone();
        let objectives = planned.objectives(&move || {
            // For the watch of threads, each start and each call is a separate piece of work.
            thread_watch::busy();
            !stop.is_set()
        });
        if !self.stop.is_set() {
            self.telemetry.in_force(planned, &objectives.stated);
            self.all_stated = objectives.problems.is_empty();
        }
    }

    fn reload(&mut self) -> Reloaded {
        let path = self.config_path.as_deref();
        let new_config = match Config::load_again(path) {
            Ok(config) => config,
            Err(errors) => {
                let errors = errors.lines().join("; ");
                let gone = path.and_then(|path| deleted_config_problem(path, self.is_named));
                return self.keep(ConfigRejection::Refused(format!(
                    "the configuration is not reloaded: {errors}{}",
                    gone.unwrap_or_default()
                )));
            }
        };
        let (config, mut waiting) = in_force(&self.config, new_config);
        waiting.extend(appeared(path, Config::file_of_default()));
        waiting.extend(too_coarse(&config, &self.batches));
        self.planner.load_only_for(&[&self.config, &config]);
        match self.plan(&config) {
            Ok(planned) => self.put_in_force(&planned, config, waiting),
            Err(PlanningError::Loading(names)) => {
                let why = format!(
                    "the configuration waits until its new checks are loaded: {}",
                    names.join(", ")
                );
                self.keep(ConfigRejection::Waiting(with_waiting(&why, &waiting)))
            }
            Err(PlanningError::Ended) => self.incomplete(vec![ENDED.to_owned()]),
            Err(error) => self.keep(ConfigRejection::Refused(with_waiting(
                &error.to_string(),
                &waiting,
            ))),
        }
    }

    fn plan(&mut self, config: &Config) -> Result<Planned, PlanningError> {
        let now_ms = self.clock.now_ms();
        self.planner.plan(config, now_ms, Patience::For(LOADING))
    }

    fn put_in_force(
        &mut self,
        planned: &Planned,
        config: Config,
        waiting: Vec<String>,
    ) -> Reloaded {
        let mut problems = planned.problems.clone();
        problems.extend(waiting);
        for problem in &problems {
            tracing::warn!("{problem}");
        }
        let is_complete = problems.is_empty();
        self.apply(planned, config);
        if planned.loading().is_empty() {
            self.telemetry.reloaded(is_complete);
        }
        // What is in force judges. Problems are reported, and do not make Landfall unready.
        self.part.ready(planned.detail(&problems));
        let loading: Vec<String> = planned.loading().into_iter().map(str::to_owned).collect();
        Reloaded {
            generation: self.control.number(planned.plan.generation),
            complete: is_complete && loading.is_empty(),
            loading,
            problems,
        }
    }

    /// What was in force stays in force where these problems concern it.
    fn incomplete(&self, problems: Vec<String>) -> Reloaded {
        Reloaded {
            generation: self.control.number_in_force(),
            complete: false,
            loading: self.loading.clone(),
            problems,
        }
    }

    fn apply(&mut self, planned: &Planned, config: Config) {
        for note in &planned.notes {
            tracing::warn!("{note}");
        }
        let loading = planned.loading();
        for name in &loading {
            if !self.loading.iter().any(|known| known == name) {
                tracing::info!(
                    "check {name}: its file is being loaded, the version in force judges"
                );
            }
        }
        self.loading = loading.into_iter().map(str::to_owned).collect();
        let deadlines_changed =
            config.deadlines != self.config.deadlines || config.incidents != self.config.incidents;
        if planned.changed || deadlines_changed {
            self.telemetry.begin(planned);
            self.control.apply(planned, &config, self.clock.now_ms());
            tracing::info!(
                generation = self.control.number(planned.plan.generation),
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
        self.telemetry.checks(&planned.checks, &removed);
        self.telemetry.stale_schemas(planned.stale_schemas);
        // Schemas that are gone lose their objectives, even if the plan stays.
        if planned.changed || self.schemas != planned.schemas || !self.all_stated {
            self.ask_objectives(planned);
            self.schemas.clone_from(&planned.schemas);
        }
        self.telemetry.owners(&config.owners, planned);
        self.config = config;
    }

    /// The configuration in force stays in force. Changes in the files that it names are taken all
    /// the same.
    fn keep(&mut self, rejection: ConfigRejection) -> Reloaded {
        let problem = match &rejection {
            ConfigRejection::Refused(problem) => {
                tracing::error!("{problem}; what was in force stays in force");
                problem.clone()
            }
            ConfigRejection::Waiting(problem) => {
                tracing::info!("{problem}; what was in force stays in force until then");
                problem.clone()
            }
        };
        let config = self.config.clone();
        let mut problems = vec![problem];
        let now_ms = self.clock.now_ms();
        let patience = Patience::For(LOADING);
        match self.planner.plan_meanwhile(&config, now_ms, patience) {
            Ok(planned) => {
                for problem in &planned.problems {
                    tracing::warn!("{problem}");
                }
                problems.extend(planned.problems.clone());
                self.apply(&planned, config);
            }
            Err(PlanningError::Ended) => return self.incomplete(vec![ENDED.to_owned()]),
            Err(error) => {
                tracing::error!("{error}; its files stay as they were");
                problems.push(error.to_string());
            }
        }
        if matches!(rejection, ConfigRejection::Refused(_)) {
            self.telemetry.reloaded(false);
        }
        self.part.ready(problems.join("; "));
        self.incomplete(problems)
    }
}

/// Why a configuration is not taken.
enum ConfigRejection {
    Refused(String),
    /// It is taken when its checks are loaded.
    Waiting(String),
}

/// The answer if the process ends before the reload is done.
pub(crate) const ENDED: &str = "Landfall ends before the reload is done";

/// Waits until changes pause, but not for ever.
fn settle(wake: &Receiver<()>, stop: &ShutdownRequest) {
    let began = Instant::now();
    while began.elapsed() < SETTLE_MAX && !stop.is_set() && wake.recv_timeout(SETTLE).is_ok() {}
}

/// The problem with deadlines that became so short that batches wait too long for them.
fn too_coarse(config: &Config, batches: &BatchLimits) -> Option<String> {
    let deadline = config.deadlines.shortest();
    let new_limits = config.judge.batches(deadline);
    let now = batches.wait_max;
    (new_limits.wait_max < now).then(|| {
        format!(
            "a deadline is now {deadline:?}, and batches wait for up to {now:?} until the next start: landings seem that much later"
        )
    })
}

/// The problem with a configuration file that appeared after the built-in default was taken.
fn appeared(path: Option<&Path>, found: Option<&Path>) -> Option<String> {
    let found = found.filter(|_| path.is_none())?;
    let place = std::path::absolute(found).unwrap_or_else(|_| found.to_owned());
    Some(format!(
        "{} is there now, and is not taken in place of the built-in default while this runs; restart, or remove it",
        place.display()
    ))
}

/// What the next start would take, if the file is gone.
fn deleted_config_problem(path: &Path, is_named: bool) -> Option<String> {
    let is_gone = !is_named && !path.exists();
    is_gone.then(|| "; the next start would take the built-in default: put it back".to_owned())
}

/// A refusal together with what waits for a restart, because that may be the reason.
fn with_waiting(error: &str, waiting: &[String]) -> String {
    let mut all = vec![error.to_owned()];
    all.extend_from_slice(waiting);
    all.join("; ")
}

/// The part of a new configuration that a running process takes, and the parts that need a restart.
///
/// `event` needs one above all: events that wait were keyed by the old pointer, and would never
/// meet landings keyed by the new one. The same holds for `streams`, including codecs.
fn in_force(now: &Config, new_config: Config) -> (Config, Vec<String>) {
    let mut waiting = Vec::new();
    let mut note = |same: bool, field: &str| {
        if !same {
            waiting.push(format!(
                "{field} changed; it takes effect at the next start"
            ));
        }
    };
    note(now.clock == new_config.clock, "clock");
    note(now.event == new_config.event, "event");
    note(now.streams == new_config.streams, "streams");
    note(now.windows == new_config.windows, "windows");
    note(now.ledger == new_config.ledger, "ledger");
    note(now.judge == new_config.judge, "judge");
    note(now.store == new_config.store, "store");
    note(now.http == new_config.http, "http");
    note(now.log == new_config.log, "log");
    note(now.metrics == new_config.metrics, "metrics");
    note(now.redact == new_config.redact, "redact");
    let config = Config {
        schemas: new_config.schemas,
        deadlines: new_config.deadlines,
        incidents: new_config.incidents,
        guests: new_config.guests,
        compile: new_config.compile,
        checks: new_config.checks,
        owners: new_config.owners,
        ..now.clone()
    };
    (config, waiting)
}

#[cfg(test)]
mod tests;
