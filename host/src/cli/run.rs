//! `landfall run`: the sidecar, from start-up to drain.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use landfall_store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch as channel;

use super::{Global, compile, exit, logging};
use crate::board::Board;
use crate::config::Config;
use crate::engine::planner::{Patience, Planner};
use crate::engine::reload::{self, ReloadRequest, Reloader, requests};
use crate::engine::{self, EngineParts, Mode};
use crate::http::{self, HttpState};
use crate::queue;
use crate::sources::{self, Flights, Link, SourceContext, SourceStats, Stop, StreamId, zmq};
use crate::standing::Standing;

/// Options of `landfall run`.
#[derive(Args)]
pub struct RunArgs {}

pub fn run(_: &RunArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let config = Config::load_to_run(global.config.as_deref())?;
    logging::init(&config.log);
    let config_path = config.places.file.clone();
    let clock = config.clock.start();
    let (request, wake) = requests();
    let watch = reload::Watch::set(config_path.as_deref(), &config, &request);
    // It may have changed between being read and being watched.
    if Config::load_to_run(config_path.as_deref()).ok().as_ref() != Some(&config) {
        request.send();
    }
    let board = Board::with_latency_bounds(&config.metrics.latency_bounds_ms())?;
    board.metrics().process.follow_clock(clock.clone());
    let (engine_part, checks_part) = (
        board.readiness().part("engine"),
        board.readiness().part("checks"),
    );
    let store_dir = config.store_dir();
    let store = Store::open(&store_dir, secret()?, PROGRAM)?;
    let mut planner = Planner::new(compile::loader()?);
    let planned = planner.plan(&config, clock.now_ms(), Patience::Whole)?;
    for problem in planned.problems.iter().chain(&planned.notes) {
        tracing::warn!("{problem}");
    }
    board.checks(&planned.checks, &[]);
    board.stale_schemas(planned.stale_schemas);
    board.in_force(&planned, &planned.objectives());
    board.owners(&config.owners, &planned);
    checks_part.ready(planned.detail(&planned.problems));

    let (senders, batches) = queue::channel(&[config.judge.queue(); StreamId::ALL.len()]);
    let flights = Flights::default();
    let stop = Stop::default();
    let standing: Arc<Standing> = Arc::default();
    let sockets = zmq::Sockets::watched(Arc::clone(&standing));
    let mut sources = Vec::new();
    let limits = config.judge.batches(config.deadlines.shortest());
    for (stream, queue) in StreamId::ALL.into_iter().zip(&senders) {
        let settings = config.streams.of(stream);
        for subscription in settings.subscriptions() {
            let context = SourceContext {
                stream,
                clock: clock.clone(),
                flights: flights.clone(),
                queue: queue.clone(),
                limits,
                frame_bytes_max: settings.frame_bytes_max,
            };
            sources.push(zmq::subscribe(
                &sockets,
                &subscription,
                context,
                stop.clone(),
            )?);
        }
    }
    let all_stats: Vec<_> = sources
        .iter()
        .map(|source| Arc::clone(&source.stats))
        .collect();
    let frames = &board.metrics().frames;
    frames.follow_sources(all_stats.iter().cloned());
    let followed = all_stats.clone();
    board
        .readiness()
        .ask("sources", move || sources::report(&followed));
    frames.follow_frontiers(flights.clone(), clock.clone());
    for (stream, stats) in StreamId::ALL.into_iter().zip(batches.stats()) {
        frames.follow_queue(stream, stats);
    }
    let running = engine::start(EngineParts {
        config: &config,
        planned: &planned,
        store,
        store_dir: &store_dir,
        batches,
        flights,
        board: board.clone(),
        mode: Mode::Live(clock.clone()),
        stop: stop.clone(),
        standing: Arc::clone(&standing),
    })?;
    engine_part.ready(format!("store at {}", store_dir.display()));

    let reloader = Reloader {
        planner,
        config_path: config_path.clone(),
        config: config.clone(),
        batches: limits,
        control: running.control.clone(),
        clock,
        board: board.clone(),
        part: checks_part,
        stop: stop.clone(),
        watch,
        schemas: planned.schemas.clone(),
        told_loading: Vec::new(),
    };
    let reload_ended = Arc::new(AtomicBool::new(false));
    let reloading = {
        let request = request.clone();
        let ended = OnEnd(Arc::clone(&reload_ended));
        std::thread::Builder::new()
            .name("reload".into())
            .spawn(move || {
                let _ended = ended;
                standing.enroll("reload");
                reloader.run(&wake, &request);
            })?
    };
    let liveness = running.liveness();
    let alive = Alive {
        engine: Box::new(move || liveness.check()),
        sources: all_stats,
        reload_ended,
        stop: stop.clone(),
    };

    // One worker: HTTP must not take a core from judging.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let ended = serve(&config, &board, Arc::new(alive), &request, &mut signals).await;
        // What has lost a thread may not come to its end by itself.
        let patience = ended.is_err().then_some(BROKEN_END_MAX);
        tokio::spawn(end_at_once(signals, patience));
        ended
    });
    match &ended {
        Ok(signal) => tracing::info!(signal, "ending: draining what was received"),
        Err(dead) => tracing::error!("{dead:#}"),
    }
    stop.set();
    // It sleeps until somebody asks for one.
    request.send();
    let mut is_whole = true;
    for source in sources {
        match source.thread.join() {
            Ok(Ok(())) => tracing::info!(
                stream = source.stats.stream().as_str(),
                endpoint = source.stats.endpoint(),
                frames = source.stats.frames(),
                "the source has ended"
            ),
            Ok(Err(error)) => {
                is_whole = false;
                tracing::error!("{error}");
            }
            Err(_) => tracing::error!(
                "a source's thread died; this is a bug of Landfall, please report it"
            ),
        }
    }
    drop(senders);
    let _ = reloading.join();
    let engine::Ended {
        totals,
        unaccounted,
    } = running.join();
    runtime.shutdown_background();
    ended?;
    if !is_whole || !unaccounted.is_empty() {
        tracing::error!(raw = totals.counts.raw, "ended early: {unaccounted}");
        return Ok(exit::CUT_SHORT.into());
    }
    tracing::info!(
        raw = totals.counts.raw,
        pending = totals.counts.pending,
        "ended: everything received is accounted for; pending events have no verdict yet"
    );
    Ok(exit::CLEAN.into())
}

const PROGRAM: &str = concat!("landfall ", env!("CARGO_PKG_VERSION"));

/// Random bytes for the fingerprints' secret of a new store.
pub(super) fn secret() -> anyhow::Result<[u8; landfall_store::SECRET_BYTES]> {
    let mut secret = [0; landfall_store::SECRET_BYTES];
    getrandom::fill(&mut secret)
        .map_err(|error| anyhow::anyhow!("no random numbers from the system: {error}"))?;
    Ok(secret)
}

/// Set when it is dropped: by a thread that ends, in whatever way.
struct OnEnd(Arc<AtomicBool>);

impl Drop for OnEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Whether every thread lives that ends only with the process.
struct Alive {
    engine: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    sources: Vec<Arc<SourceStats>>,
    reload_ended: Arc<AtomicBool>,
    stop: Stop,
}

impl Alive {
    /// An error names what does not live. Once all are to end, nothing is wrong with ending.
    fn check(&self) -> Result<(), String> {
        if self.stop.is_set() {
            return Ok(());
        }
        (self.engine)()?;
        let ended = self
            .sources
            .iter()
            .find(|source| source.link() == Link::Ended);
        if let Some(source) = ended {
            return Err(format!(
                "the source of {} at {} has ended",
                source.stream().as_str(),
                source.endpoint()
            ));
        }
        if self.reload_ended.load(Ordering::Acquire) {
            return Err("the thread that reloads has ended".into());
        }
        Ok(())
    }
}

/// What the process is told from outside.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// A process with a dead thread drains for at most this long, and is then to be started anew.
const BROKEN_END_MAX: Duration = Duration::from_secs(20);

/// Whoever asks a second time does not want to wait for the drain.
async fn end_at_once(mut signals: Signals, patience: Option<Duration>) {
    let patience = async {
        match patience {
            Some(patience) => tokio::time::sleep(patience).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
        () = patience => {}
    }
    tracing::error!("ending at once: what was received is not all accounted for");
    std::process::exit(exit::CUT_SHORT.code());
}

/// Serves HTTP and waits for a signal to end; its name.
async fn serve(
    config: &Config,
    board: &Board,
    alive: Arc<Alive>,
    request: &ReloadRequest,
    signals: &mut Signals,
) -> anyhow::Result<&'static str> {
    let (shutdown, closing) = channel::channel(false);
    let server = match config.http.listen {
        Some(address) => {
            let listener = tokio::net::TcpListener::bind(address)
                .await
                .with_context(|| format!("failed to listen on {address} (http.listen)"))?;
            tracing::info!(address = %listener.local_addr()?, "serving /metrics, /healthz and /readyz");
            let alive = Arc::clone(&alive);
            let state = HttpState {
                metrics: Arc::clone(board.metrics()),
                readiness: board.readiness().clone(),
                alive: Arc::new(move || alive.check()),
            };
            let mut closing = closing;
            Some(tokio::spawn(http::serve(listener, state, async move {
                // The sender is gone only when the process ends anyhow.
                let _ = closing.wait_for(|closing| *closing).await;
            })))
        }
        None => None,
    };
    let ended = wait_for_end(signals, request, &alive).await;
    let _ = shutdown.send(true);
    if let Some(server) = server {
        let _ = server.await;
    }
    ended
}

async fn wait_for_end(
    signals: &mut Signals,
    request: &ReloadRequest,
    alive: &Alive,
) -> anyhow::Result<&'static str> {
    /// How often it looks whether all threads still live.
    const LOOK: Duration = Duration::from_secs(1);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return Ok("SIGTERM"),
            _ = signals.interrupt.recv() => return Ok("SIGINT"),
            _ = signals.hangup.recv() => request.send_again(),
            () = tokio::time::sleep(LOOK) => {
                if let Err(dead) = alive.check() {
                    anyhow::bail!("{dead}; this is a bug of Landfall, please report it");
                }
                if alive.stop.is_set() {
                    return Ok("the engine");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_or_the_reloader_that_ends_early_is_named_and_an_ending_process_is_well() {
        let stats = Arc::new(SourceStats::new(StreamId::RAW, "tcp://127.0.0.1:1"));
        let alive = Alive {
            engine: Box::new(|| Ok(())),
            sources: vec![Arc::clone(&stats)],
            reload_ended: Arc::default(),
            stop: Stop::default(),
        };
        assert_eq!(alive.check(), Ok(()));
        let dying = OnEnd(Arc::clone(&alive.reload_ended));
        let died = std::thread::spawn(move || {
            let _dying = dying;
            panic!("on purpose");
        });
        assert!(died.join().is_err());
        assert_eq!(
            alive.check(),
            Err("the thread that reloads has ended".into())
        );
        stats.set_link(Link::Ended);
        assert_eq!(
            alive.check(),
            Err("the source of raw at tcp://127.0.0.1:1 has ended".into())
        );
        alive.stop.set();
        assert_eq!(alive.check(), Ok(()));
    }
}
