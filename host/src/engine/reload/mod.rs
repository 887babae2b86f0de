//! Watches the configuration, the checks' files and the schemas, and puts a new plan in force when
//! one of them changes. What does not load leaves the old in force, and says so.

mod watching;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use notify::RecommendedWatcher;
use tokio::sync::oneshot;

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

/// After a change, further changes are awaited this long: files are written in pieces.
const SETTLE: Duration = Duration::from_millis(200);

/// But no longer than this from the first one: a file that is written all the time must not keep
/// the others, or SIGHUP, from being heard.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// How often it looks whether it is to end, if nobody asks for a reload, as whoever ends it does.
const LOOK: Duration = Duration::from_secs(2);

/// A change waits this long for checks that have to be loaded for it, so that it mostly takes force as
/// a whole. What takes longer takes force on its own.
const LOADING: Duration = Duration::from_secs(1);

/// A reload that leads to other files is done once more, for what changed before they were watched;
/// what leads on and on is left to the next change.
const ROUNDS_MAX: u32 = 3;

/// What the reloader works with.
pub struct Reloader {
    pub planner: Planner,
    pub config_path: Option<PathBuf>,
    /// The file was named. One that was not is the one that was found, or none.
    pub is_named: bool,
    /// What is in force.
    pub config: Config,
    /// What the sources were started with.
    pub batches: BatchLimits,
    pub control: Control,
    pub clock: Clock,
    pub telemetry: Telemetry,
    /// The latch that tells what the last reload left undone.
    pub part: Part,
    pub stop: ShutdownRequest,
    pub watch: Watch,
    /// Schemas that were loaded or configured last.
    pub schemas: Vec<String>,
    /// Whether every check could say its objectives: one that could not, on a busy machine, is asked again.
    pub all_stated: bool,
    /// Checks of which it was told that they are being loaded, and still are.
    pub loading: Vec<String>,
}

/// What is watched now. To be set before the first plan is made, so that no change falls between.
pub struct Watch {
    watched: Watched,
    /// None if files cannot be watched here.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    pub fn set(config_path: Option<&Path>, config: &Config, request: &ReloadRequest) -> Self {
        let watched = Watched::of(config_path, config);
        let watcher = watched.watch(request);
        Self {
            watched,
            _watcher: watcher,
        }
    }
}

/// Asks for a reload.
#[derive(Clone)]
pub struct ReloadRequest {
    sender: Sender<()>,
    again: Arc<AtomicBool>,
    /// Who waits for what comes of it.
    asked: Arc<Mutex<Vec<oneshot::Sender<Reloaded>>>>,
}

/// So many can wait for a reload at once.
const ASKED_MAX: usize = 64;

impl ReloadRequest {
    /// Something may have changed.
    pub fn send(&self) {
        // One that waits is enough, and a reloader that has ended needs none.
        let _ = self.sender.try_send(());
    }

    /// What was refused is to be tried again, although nothing of it changed: SIGHUP.
    pub fn send_again(&self) {
        self.again.store(true, Ordering::Release);
        self.send();
    }

    /// The same, and gives what comes of it. None if too many wait for a reload already.
    pub fn ask(&self) -> Option<oneshot::Receiver<Reloaded>> {
        let (sender, receiver) = oneshot::channel();
        let mut asked = self.lock_asked();
        if asked.len() >= ASKED_MAX {
            return None;
        }
        asked.push(sender);
        drop(asked);
        self.send_again();
        Some(receiver)
    }

    fn take_asked(&self) -> Vec<oneshot::Sender<Reloaded>> {
        std::mem::take(&mut self.lock_asked())
    }

    fn lock_asked(&self) -> MutexGuard<'_, Vec<oneshot::Sender<Reloaded>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_again(&self) -> bool {
        self.again.swap(false, Ordering::AcqRel)
    }
}

/// The requests' two ends.
pub fn requests() -> (ReloadRequest, Receiver<()>) {
    let (sender, receiver) = bounded(1);
    let request = ReloadRequest {
        sender,
        again: Arc::default(),
        asked: Arc::default(),
    };
    (request, receiver)
}

impl Reloader {
    /// Runs until the process is to stop, from the plan that judges first. `wake` is also what the watcher
    /// sends to.
    pub fn run(mut self, first: Planned, wake: &Receiver<()>, request: &ReloadRequest) {
        let loaded = request.clone();
        self.planner.on_loaded(move || loaded.send());
        let stop = self.stop.clone();
        self.planner.plan_while(move || {
            // Each schema is one piece of work.
            thread_watch::busy();
            !stop.is_set()
        });
        // Not before the start: checks may take their time, and nothing but metrics waits for them.
        self.ask_objectives(&first);
        drop(first);
        while !self.stop.is_set() {
            thread_watch::idle();
            match wake.recv_timeout(LOOK) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            }
            settle(wake, &self.stop);
            // Before the files are read: who asks from here on gets another reload.
            let asked = request.take_asked();
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
                self.watch = Watch::set(self.config_path.as_deref(), &self.config, request);
                reloaded = self.reload();
                if self.watch.watched == Watched::of(self.config_path.as_deref(), &self.config) {
                    break;
                }
            }
            for sender in asked {
                // Whoever asked may have gone.
                let _ = sender.send(reloaded.clone());
            }
        }
    }

    fn ask_objectives(&mut self, planned: &Planned) {
        let stop = self.stop.clone();
        let objectives = planned.objectives(&move || {
            // Each start and each call is one piece of work.
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
        let wanted = match Config::load_again(path) {
            Ok(config) => config,
            Err(errors) => {
                let errors = errors.lines().join("; ");
                let gone = path.and_then(|path| gone(path, self.is_named));
                return self.keep(NotTaken::Refused(format!(
                    "the configuration is not reloaded: {errors}{}",
                    gone.unwrap_or_default()
                )));
            }
        };
        let (config, mut waiting) = in_force(&self.config, wanted);
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
                self.keep(NotTaken::Waiting(told(&why, &waiting)))
            }
            Err(PlanningError::Ended) => self.not_whole(vec![ENDED.to_owned()]),
            Err(error) => self.keep(NotTaken::Refused(told(&error.to_string(), &waiting))),
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
        let is_whole = problems.is_empty();
        self.apply(planned, config);
        if planned.loading().is_empty() {
            self.telemetry.reloaded(is_whole);
        }
        // What is in force judges: problems are told, and do not make Landfall unready.
        self.part.ready(planned.detail(&problems));
        let loading: Vec<String> = planned.loading().into_iter().map(str::to_owned).collect();
        Reloaded {
            generation: self.control.number(planned.plan.generation),
            whole: is_whole && loading.is_empty(),
            loading,
            problems,
        }
    }

    /// What was in force stays in force, as far as it is named here.
    fn not_whole(&self, problems: Vec<String>) -> Reloaded {
        Reloaded {
            generation: self.control.number_in_force(),
            whole: false,
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
        // Those that are gone have theirs no longer, also if the plan stays.
        if planned.changed || self.schemas != planned.schemas || !self.all_stated {
            self.ask_objectives(planned);
            self.schemas.clone_from(&planned.schemas);
        }
        self.telemetry.owners(&config.owners, planned);
        self.config = config;
    }

    /// The configuration in force stays in force; what is new in its files is taken nevertheless.
    fn keep(&mut self, not_taken: NotTaken) -> Reloaded {
        let problem = match &not_taken {
            NotTaken::Refused(problem) => {
                tracing::error!("{problem}; what was in force stays in force");
                problem.clone()
            }
            NotTaken::Waiting(problem) => {
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
            Err(PlanningError::Ended) => return self.not_whole(vec![ENDED.to_owned()]),
            Err(error) => {
                tracing::error!("{error}; its files stay as they were");
                problems.push(error.to_string());
            }
        }
        if matches!(not_taken, NotTaken::Refused(_)) {
            self.telemetry.reloaded(false);
        }
        self.part.ready(problems.join("; "));
        self.not_whole(problems)
    }
}

/// Why a configuration is not taken.
enum NotTaken {
    Refused(String),
    /// It is taken when its checks are loaded.
    Waiting(String),
}

/// What is answered if the process ends before the reload is done.
const ENDED: &str = "Landfall ends before the reload is done";

/// Waits until changes pause, but not for ever.
fn settle(wake: &Receiver<()>, stop: &ShutdownRequest) {
    let began = Instant::now();
    while began.elapsed() < SETTLE_MAX && !stop.is_set() && wake.recv_timeout(SETTLE).is_ok() {}
}

/// Deadlines that became so short that batches wait too long for them.
fn too_coarse(config: &Config, batches: &BatchLimits) -> Option<String> {
    let deadline = config.deadlines.shortest();
    let wanted = config.judge.batches(deadline);
    let now = batches.wait_max;
    (wanted.wait_max < now).then(|| {
        format!(
            "a deadline is now {deadline:?}, and batches wait for up to {now:?} until the next start: landings seem that much later"
        )
    })
}

/// A file that came to be where none was when the built-in default was taken.
fn appeared(path: Option<&Path>, found: Option<&Path>) -> Option<String> {
    let found = found.filter(|_| path.is_none())?;
    let place = std::path::absolute(found).unwrap_or_else(|_| found.to_owned());
    Some(format!(
        "{} is there now, and is not taken in place of the built-in default while this runs; restart, or remove it",
        place.display()
    ))
}

/// What the next start would take, if the file that was found then is not there.
fn gone(path: &Path, is_named: bool) -> Option<String> {
    let is_gone = !is_named && !path.exists();
    is_gone.then(|| "; the next start would take the built-in default: put it back".to_owned())
}

/// A refusal, with what else waits for a restart: it may be the reason.
fn told(error: &str, waiting: &[String]) -> String {
    let mut all = vec![error.to_owned()];
    all.extend_from_slice(waiting);
    all.join("; ")
}

/// What of a new configuration a running process takes, and what takes a restart.
///
/// `event` does above all: events that wait were keyed by the old pointer, and would never meet
/// their landings keyed by the new one. So does `streams`, codecs with it.
fn in_force(now: &Config, wanted: Config) -> (Config, Vec<String>) {
    let mut waiting = Vec::new();
    let mut note = |same: bool, field: &str| {
        if !same {
            waiting.push(format!(
                "{field} changed; it takes effect at the next start"
            ));
        }
    };
    note(now.clock == wanted.clock, "clock");
    note(now.event == wanted.event, "event");
    note(now.streams == wanted.streams, "streams");
    note(now.windows == wanted.windows, "windows");
    note(now.ledger == wanted.ledger, "ledger");
    note(now.judge == wanted.judge, "judge");
    note(now.store == wanted.store, "store");
    note(now.http == wanted.http, "http");
    note(now.log == wanted.log, "log");
    note(now.metrics == wanted.metrics, "metrics");
    note(now.redact == wanted.redact, "redact");
    let config = Config {
        schemas: wanted.schemas,
        deadlines: wanted.deadlines,
        incidents: wanted.incidents,
        guests: wanted.guests,
        compile: wanted.compile,
        checks: wanted.checks,
        owners: wanted.owners,
        ..now.clone()
    };
    (config, waiting)
}

#[cfg(test)]
mod tests;
