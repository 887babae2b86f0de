//! `landfall run`: the sidecar, from start-up to drain.

mod commands;
mod listeners;
mod starting;
mod thread_health;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use clap::Args;
use crossbeam_channel::Receiver;
use landfall_ledger::Stream;
use landfall_store::{Store, StoreError};

use self::listeners::Listeners;
use self::thread_health::{OnEnd, ThreadHealth};
use super::{Global, compile, exit, logging};
use crate::bug::REPORT_BUG;
use crate::clock::{Clock, LastTime};
use crate::config::Config;
use crate::engine::reload::{self, ReloadRequest, Reloader, requests};
use crate::engine::{self, Engine, EngineParts};
use crate::flow::{ShutdownRequest, SourceStatus};
use crate::http::Part;
use crate::planning::planner::{Planned, Planner};
use crate::sources::{self, RunningSource};
use crate::telemetry::{Telemetry, watchdog};
use crate::thread_watch::ThreadWatch;
use crate::time_policy::TimePolicy;

/// Options of `landfall run`.
#[derive(Args)]
pub struct RunArgs {}

pub fn run(_: &RunArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let mut start = Start::open(global)?;
    let Some(planned) = start.plan()? else {
        return Ok(exit::CLEAN.into());
    };
    let stop = ShutdownRequest::default();
    let mut sidecar = start.spawn(planned, stop, global)?;
    let ended = sidecar.wait();
    sidecar.drain(ended)
}

/// What the clock of the last run showed at its end.
fn last_time(store: &Store) -> Result<Option<LastTime>, StoreError> {
    Ok(store.known_time()?.map(|(at_ms, follows_system)| LastTime {
        at_ms,
        follows_system,
    }))
}

/// What is there before the checks are loaded: it answers probes and hears signals meanwhile.
struct Start {
    config: Config,
    clock: Clock,
    telemetry: Telemetry,
    /// Before the store: the socket for commands goes while the store's directory is locked.
    listeners: Listeners,
    store: Store,
    store_dir: PathBuf,
    planner: Planner,
    engine: Part,
    checks: Part,
    request: ReloadRequest,
    wake: Receiver<()>,
    watch: reload::FileWatch,
}

impl Start {
    /// Reads the configuration, opens the store, and serves HTTP, signals and commands.
    fn open(global: &Global) -> anyhow::Result<Self> {
        let config = Config::load_to_run(global.config.as_deref())?;
        logging::init(&config.log);
        let (request, wake) = requests();
        let watch = watch(global, &config, &request);
        let telemetry = Telemetry::with_latency_bounds(&config.metrics.latency_bounds_ms())?;
        telemetry.owners_at_start(&config);
        telemetry.limits(&config);
        // Before HTTP is served: neither is ready yet.
        let engine = telemetry.readiness().part("engine");
        let checks = telemetry.readiness().part("checks");
        let store_dir = config.store_dir();
        let store = Store::open(&store_dir, secret()?, PROGRAM)?;
        let clock = config.clock.start(last_time(&store)?);
        telemetry.metrics().process.follow_clock(clock.clone());
        // Otherwise the disk would seem full until something is written.
        telemetry.disk(&store_dir);
        let listeners =
            Listeners::open(config.http.listen, &store_dir, &telemetry, request.clone())?;
        let mut planner = Planner::new(compile::loader()?);
        planner.plan_while(listeners.is_running());
        Ok(Self {
            config,
            clock,
            telemetry,
            store,
            store_dir,
            listeners,
            planner,
            engine,
            checks,
            request,
            wake,
            watch,
        })
    }

    /// Loads checks and schemas; None if it was asked to end before they were loaded.
    fn plan(&mut self) -> anyhow::Result<Option<Planned>> {
        let is_running = self.listeners.is_running();
        let (config, clock) = (&self.config, &self.clock);
        let planned =
            starting::first_plan(&mut self.planner, config, clock, &self.checks, is_running)?;
        match &planned {
            Some(planned) => show(&self.telemetry, config, planned, &self.checks),
            None => tracing::info!(
                signal = self.listeners.shutdown_signal().unwrap_or_default(),
                "ended before its checks were loaded: nothing was received"
            ),
        }
        Ok(planned)
    }

    /// Builds the engine, starts its sources and its threads, and reloads from then on.
    fn spawn(
        self,
        planned: Planned,
        stop: ShutdownRequest,
        global: &Global,
    ) -> anyhow::Result<Sidecar> {
        let (config, clock, telemetry) = (self.config, self.clock, self.telemetry);
        let threads: Arc<ThreadWatch> = Arc::default();
        watchdog::watch(&threads, telemetry.clone())?;
        let engine = engine::build(EngineParts {
            config: &config,
            planned: &planned,
            store: self.store,
            store_dir: &self.store_dir,
            telemetry: &telemetry,
            time: TimePolicy::Live(clock.clone()),
            clock: &clock,
            stop: &stop,
        })?;
        let of = |stream| {
            let settings = &config.streams.of(stream).source;
            (settings, engine.source_context(stream))
        };
        let sources = sources::start_in_order(of, &threads)?;
        let sources_status: Vec<_> = sources
            .iter()
            .map(|source| Arc::clone(&source.status))
            .collect();
        follow(&telemetry, &sources_status, &engine, &clock);
        let running = engine.spawn(&threads)?;
        self.engine
            .ready(format!("store at {}", self.store_dir.display()));
        let reloader = Reloader {
            planner: self.planner,
            config_path: config.places.file.clone(),
            is_named: global.config.is_some(),
            batches: config.judge.batches(config.deadlines.shortest()),
            config,
            control: running.control.clone(),
            clock,
            telemetry,
            part: self.checks,
            stop: stop.clone(),
            watch: self.watch,
            schemas: planned.schemas.clone(),
            all_stated: false,
            loading: Vec::new(),
        };
        let (reloading, reload_ended) =
            start_reloading(reloader, planned, self.wake, &self.request, threads)?;
        let liveness = running.liveness();
        Ok(Sidecar {
            listeners: self.listeners,
            thread_health: Some(ThreadHealth {
                engine: Box::new(move || liveness.check()),
                sources: sources_status,
                reload_ended,
                stop: stop.clone(),
            }),
            sources,
            reloading,
            running,
            _engine: self.engine,
            request: self.request,
            stop,
        })
    }
}

/// A running sidecar.
struct Sidecar {
    listeners: Listeners,
    /// Until it is waited for.
    thread_health: Option<ThreadHealth>,
    sources: Vec<RunningSource>,
    reloading: JoinHandle<()>,
    running: engine::Running,
    /// Readiness shows the engine as ready for as long as this lives.
    _engine: Part,
    request: ReloadRequest,
    stop: ShutdownRequest,
}

impl Sidecar {
    /// Waits until something asks for the end, and logs what it was.
    fn wait(&mut self) -> anyhow::Result<()> {
        let Some(thread_health) = self.thread_health.take() else {
            return Ok(());
        };
        match self.listeners.wait(thread_health) {
            Ok(signal) => {
                tracing::info!(signal, "ending: draining what was received");
                Ok(())
            }
            Err(dead) => {
                tracing::error!("{dead:#}");
                Err(dead)
            }
        }
    }

    /// Deals with everything that was received, upstream first, and logs what could not be dealt with.
    fn drain(mut self, ended: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
        self.stop.set();
        // The reloader sleeps until somebody asks for a reload.
        self.request.send();
        let is_whole = join_sources(self.sources);
        self.running.close_queue();
        let _ = self.reloading.join();
        let engine::Ended {
            totals,
            unaccounted,
            unapplied,
        } = self.running.drain();
        self.listeners.close();
        for (stream, reason, batches) in unapplied {
            let (stream, reason) = (stream.as_str(), reason.as_str());
            tracing::warn!(
                stream,
                reason,
                batches,
                "frames of these batches were received and not applied: no event was called missing because of them"
            );
        }
        let is_cut_short = !is_whole || !unaccounted.is_empty();
        if is_cut_short {
            tracing::error!(raw = totals.counts.raw, "ended early: {unaccounted}");
        }
        ended?;
        if is_cut_short {
            return Ok(exit::CUT_SHORT.into());
        }
        tracing::info!(
            raw = totals.counts.raw,
            pending = totals.counts.pending,
            "ended: everything received is accounted for; pending events have no verdict yet"
        );
        Ok(exit::CLEAN.into())
    }
}

/// Asks for a reload whenever a file changes, from now on.
fn watch(global: &Global, config: &Config, request: &ReloadRequest) -> reload::FileWatch {
    let watch = reload::FileWatch::set(config.places.file.as_deref(), config, request);
    // A file may have changed after it was read and before it was watched.
    if Config::load_to_run(global.config.as_deref()).ok().as_ref() != Some(config) {
        request.send();
    }
    watch
}

/// Shows what is in force: in the log, in metrics and in readiness.
fn show(telemetry: &Telemetry, config: &Config, planned: &Planned, checks: &Part) {
    for problem in planned.problems.iter().chain(&planned.notes) {
        tracing::warn!("{problem}");
    }
    telemetry.checks(&planned.checks, &[]);
    telemetry.stale_schemas(planned.stale_schemas);
    telemetry.begin(planned);
    telemetry.in_force(planned, &[]);
    telemetry.owners(&config.owners, planned);
    checks.ready(planned.detail(&planned.problems));
}

/// Makes metrics and readiness ask the sources and queues for their state.
fn follow(telemetry: &Telemetry, sources: &[Arc<SourceStatus>], engine: &Engine, clock: &Clock) {
    let frames = &telemetry.metrics().frames;
    frames.follow_sources(sources.iter().cloned());
    let followed = sources.to_vec();
    telemetry
        .readiness()
        .ask("sources", move || sources::report(&followed));
    frames.follow_frontiers(engine.in_flight.clone(), clock.clone());
    for (stream, stats) in Stream::ALL.into_iter().zip(&engine.queues) {
        frames.follow_queue(stream, stats);
    }
}

/// Starts the thread of reloads. Gives the flag that is set when the thread ends.
fn start_reloading(
    reloader: Reloader,
    first: Planned,
    wake: Receiver<()>,
    request: &ReloadRequest,
    thread_watch: Arc<ThreadWatch>,
) -> std::io::Result<(JoinHandle<()>, Arc<AtomicBool>)> {
    let has_ended = Arc::new(AtomicBool::new(false));
    let request = request.clone();
    let on_end = OnEnd(Arc::clone(&has_ended));
    let thread = std::thread::Builder::new()
        .name("reload".into())
        .spawn(move || {
            let _on_end = on_end;
            thread_watch.enroll("reload");
            reloader.run(first, &wake, &request);
        })?;
    Ok((thread, has_ended))
}

/// Waits for the sources. Gives whether all that they read was handed on.
fn join_sources(sources: Vec<RunningSource>) -> bool {
    let mut is_whole = true;
    for source in sources {
        let status = Arc::clone(&source.status);
        match source.join() {
            Ok(Ok(())) => tracing::info!(
                stream = status.stream().as_str(),
                endpoint = status.endpoint(),
                frames = status.frames(),
                "the source has ended"
            ),
            Ok(Err(error)) => {
                is_whole = false;
                tracing::error!("{error}");
            }
            Err(_) => {
                is_whole = false;
                tracing::error!("a source's thread died; {REPORT_BUG}");
            }
        }
    }
    is_whole
}

const PROGRAM: &str = concat!("landfall ", env!("CARGO_PKG_VERSION"));

/// Random bytes for the fingerprints' secret of a new store.
pub(super) fn secret() -> anyhow::Result<[u8; landfall_store::SECRET_BYTES]> {
    let mut secret = [0; landfall_store::SECRET_BYTES];
    getrandom::fill(&mut secret)
        .map_err(|error| anyhow::anyhow!("no random numbers from the system: {error}"))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::sources::{Source, SourceError};

    struct Ending(fn() -> Result<(), SourceError>);

    impl Source for Ending {
        fn thread_name(&self) -> String {
            "ending".into()
        }

        fn status(&self) -> Arc<SourceStatus> {
            Arc::new(SourceStatus::new(Stream::Raw, "tcp://127.0.0.1:1"))
        }

        fn run(self: Box<Self>) -> Result<(), SourceError> {
            (self.0)()
        }
    }

    #[test]
    fn a_source_that_failed_or_died_is_no_whole_end() {
        let start = |run| RunningSource::start(Box::new(Ending(run)), &Arc::default()).unwrap();
        assert!(join_sources(vec![start(|| Ok(())), start(|| Ok(()))]));
        let failed = || Err(SourceError::Closed);
        assert!(!join_sources(vec![start(failed), start(|| Ok(()))]));
        let died = || panic!("on purpose");
        assert!(!join_sources(vec![start(died), start(|| Ok(()))]));
    }
}
