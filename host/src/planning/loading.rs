//! Loads of checks that go on while the checks in force judge: one at a time for each check, and the
//! newest file wins. Knows no plan: it is asked for a file and returns the progress of its load.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use landfall_runtime::{
    Cancel, CheckFile, CodeCache, CompileLimits, Digest, Limits, LoadOutcome, LoadRequest, Loader,
    WORKER_STACK_BYTES,
};

/// The progress of a load.
pub enum Progress {
    Loaded(LoadOutcome),
    /// Why it does not load. The same file with the same settings is not tried again.
    RefusedCheck(String),
    Running,
}

/// Called whenever a load has ended, loaded or refused, unless it was cancelled.
type Wake = Arc<dyn Fn() + Send + Sync>;

/// The loads, by name of the check.
pub struct Loading {
    loader: Loader,
    jobs: BTreeMap<String, Job>,
    ended: Sender<()>,
    ends: Receiver<()>,
    wake: Option<Wake>,
}

/// Everything on which a load's outcome depends.
#[derive(PartialEq)]
struct Wanted {
    path: PathBuf,
    config: String,
    limits: Limits,
    digest: Digest,
    compile: CompileLimits,
}

struct Job {
    wanted: Wanted,
    cancel: Cancel,
    outcome: Arc<OnceLock<Result<LoadOutcome, String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Loading {
    pub fn new(loader: Loader) -> Self {
        // One unread signal is enough: all jobs are looked at then.
        let (ended, ends) = bounded(1);
        Self {
            loader,
            jobs: BTreeMap::new(),
            ended,
            ends,
            wake: None,
        }
    }

    /// Calls `wake` whenever a load that begins from now on has ended.
    pub fn on_end(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        self.wake = Some(Arc::new(wake));
    }

    /// Loads this file as this check, and ends the load of any other file. A load of this file that is
    /// under way, or has ended, stays.
    pub fn want(
        &mut self,
        request: &LoadRequest,
        file: CheckFile,
        compile: &CompileLimits,
        kept: Option<Arc<CodeCache>>,
    ) {
        let wanted = Wanted {
            path: request.path.clone(),
            config: request.config.clone(),
            limits: request.limits.clone(),
            digest: file.digest,
            compile: compile.clone(),
        };
        let known = self.jobs.get(&request.name);
        if known.is_some_and(|job| job.wanted == wanted) {
            return;
        }
        // It is cancelled when it is dropped; the new one waits for its end, which is near.
        let former = self
            .jobs
            .remove(&request.name)
            .and_then(|mut job| job.thread.take());
        let job = self.start(request.clone(), file, wanted, kept, former);
        self.jobs.insert(request.name.clone(), job);
    }

    fn start(
        &self,
        request: LoadRequest,
        file: CheckFile,
        wanted: Wanted,
        kept: Option<Arc<CodeCache>>,
        former: Option<JoinHandle<()>>,
    ) -> Job {
        let cancel = Cancel::default();
        let outcome = Arc::new(OnceLock::new());
        let loader = self.loader.clone();
        let (ended, wake) = (self.ended.clone(), self.wake.clone());
        let (limits, name) = (wanted.compile.clone(), request.name.clone());
        let (given_up, result) = (cancel.clone(), Arc::clone(&outcome));
        let run = move || {
            if let Some(former) = former {
                // A thread that died has already been reported.
                let _ = former.join();
            }
            if given_up.is_cancelled() {
                return;
            }
            let loaded = loader.load(&request, &file, &limits, kept.as_deref(), &given_up);
            if given_up.is_cancelled() {
                return;
            }
            // It is set here and nowhere else.
            let _ = result.set(loaded.map_err(|error| error.to_string()));
            let _ = ended.try_send(());
            if let Some(wake) = wake {
                wake();
            }
        };
        let thread = std::thread::Builder::new()
            .name(format!("load-{name}"))
            .stack_size(WORKER_STACK_BYTES)
            .spawn(run);
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                let why = format!("failed to start a thread: {error}; allow the process more");
                let _ = outcome.set(Err(why));
                None
            }
        };
        Job {
            wanted,
            cancel,
            outcome,
            thread,
        }
    }

    /// The progress of the load of a check; None if none is wanted.
    pub fn progress(&self, name: &str) -> Option<Progress> {
        let job = self.jobs.get(name)?;
        Some(match job.outcome.get() {
            Some(Ok(load)) => Progress::Loaded(load.clone()),
            Some(Err(why)) => Progress::RefusedCheck(why.clone()),
            None if job.thread.as_ref().is_some_and(JoinHandle::is_finished) => {
                // It may have set it between the two questions.
                match job.outcome.get() {
                    Some(Ok(load)) => Progress::Loaded(load.clone()),
                    Some(Err(why)) => Progress::RefusedCheck(why.clone()),
                    None => Progress::RefusedCheck("the thread that loads it died".into()),
                }
            }
            None => Progress::Running,
        })
    }

    /// Ends the load of a check, and forgets its outcome.
    pub fn forget(&mut self, name: &str) {
        self.jobs.remove(name);
    }

    /// Ends the loads of all other checks.
    pub fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.jobs.retain(|name, _| is_wanted(name));
    }

    /// Forgets refusals, so that these files are tried again.
    pub fn forget_refused(&mut self) {
        self.jobs
            .retain(|_, job| !matches!(job.outcome.get(), Some(Err(_))));
    }

    /// Checks of which a load is running.
    pub fn running(&self) -> Vec<&str> {
        let names = self.jobs.keys().map(String::as_str);
        names
            .filter(|name| matches!(self.progress(name), Some(Progress::Running)))
            .collect()
    }

    /// Waits until no load is running, and logs at intervals what it waits for.
    pub fn wait_for_all(&self) {
        /// Most checks load within this time; a load that takes longer is logged, again and again.
        const SOON: Duration = Duration::from_secs(5);
        const LATER: Duration = Duration::from_secs(30);
        let mut pause = SOON;
        loop {
            self.wait(Instant::now() + pause);
            let running = self.running();
            if running.is_empty() {
                return;
            }
            tracing::info!("still being compiled or started: {}", running.join(", "));
            pause = LATER;
        }
    }

    /// Waits until no load is running, or until then.
    pub fn wait(&self, until: Instant) {
        /// A thread that died sends no signal.
        const LOOK: Duration = Duration::from_millis(200);
        while !self.running().is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // Either a load has ended, or it is time for another look.
            let _ = self.ends.recv_timeout(left.min(LOOK));
        }
    }
}
