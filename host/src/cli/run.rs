//! `landfall run`: the sidecar, from start-up to drain.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use landfall_runtime::Engine as WasmEngine;
use landfall_store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::{Global, exit, logging};
use crate::board::Board;
use crate::config::Config;
use crate::engine::planner::Planner;
use crate::engine::reload::{ReloadRequest, Reloader, requests};
use crate::engine::{self, EngineParts, Mode};
use crate::http::{self, HttpState};
use crate::queue;
use crate::sources::{Flights, SourceContext, Stop, StreamId, zmq};

/// Options of `landfall run`.
#[derive(Args)]
pub struct RunArgs {}

pub fn run(_: &RunArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let config = global.load()?;
    logging::init(&config.log);
    let config_path = config.places.file.clone();
    let clock = config.clock.start();
    let board = Board::new()?;
    board.metrics().process.follow_clock(clock.clone());
    let (sources_part, engine_part, checks_part) = (
        board.readiness().part("sources"),
        board.readiness().part("engine"),
        board.readiness().part("checks"),
    );
    let store_dir = config.store_dir();
    let store = Store::open(&store_dir, secret()?, PROGRAM)?;
    let mut planner = Planner::new(WasmEngine::new()?, store.next_generation()?);
    let planned = planner.plan(&config, clock.now_ms())?;
    for problem in &planned.problems {
        tracing::warn!("{problem}");
    }
    board.checks(&planned.checks, &[]);
    checks_part.ready(if planned.problems.is_empty() {
        "as configured".into()
    } else {
        planned.problems.join("; ")
    });

    let (senders, batches) = queue::channel(&[config.judge.queue(); StreamId::ALL.len()]);
    let flights = Flights::default();
    let stop = Stop::default();
    let sockets = zmq::Sockets::default();
    let mut sources = Vec::new();
    for (stream, queue) in StreamId::ALL.into_iter().zip(&senders) {
        let settings = config.streams.of(stream);
        for subscription in settings.subscriptions() {
            let context = SourceContext {
                stream,
                clock: clock.clone(),
                flights: flights.clone(),
                queue: queue.clone(),
                limits: config.judge.batches(),
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
    sources_part.ready(format!("{} endpoints subscribed", sources.len()));
    let frames = &board.metrics().frames;
    frames.follow_sources(sources.iter().map(|source| Arc::clone(&source.stats)));
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
    })?;
    engine_part.ready(format!("store at {}", store_dir.display()));

    let (request, wake) = requests();
    let reloader = Reloader {
        planner,
        config_path: config_path.clone(),
        config: config.clone(),
        control: running.control.clone(),
        clock,
        board: board.clone(),
        part: checks_part,
        stop: stop.clone(),
    };
    let reloading = {
        let request = request.clone();
        std::thread::Builder::new()
            .name("reload".into())
            .spawn(move || reloader.run(&wake, &request))?
    };

    let ended = serve(&config, &board, &running, &request)?;
    tracing::info!(signal = ended, "ending: draining what was received");
    stop.set();
    for source in sources {
        match source.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("{error}"),
            Err(_) => tracing::error!(
                "a source's thread died; this is a bug of Landfall, please report it"
            ),
        }
    }
    drop(senders);
    let _ = reloading.join();
    let totals = running.join();
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

/// Serves HTTP and waits for a signal to end; its name.
fn serve(
    config: &Config,
    board: &Board,
    running: &engine::Running,
    request: &ReloadRequest,
) -> anyhow::Result<&'static str> {
    // One worker: HTTP must not take a core from judging.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (shutdown, closing) = watch::channel(false);
        let server = match config.http.listen {
            Some(address) => {
                let listener = tokio::net::TcpListener::bind(address)
                    .await
                    .with_context(|| format!("failed to listen on {address} (http.listen)"))?;
                tracing::info!(address = %listener.local_addr()?, "serving /metrics, /healthz and /readyz");
                let liveness = running.liveness();
                let state = HttpState {
                    metrics: Arc::clone(board.metrics()),
                    readiness: board.readiness().clone(),
                    alive: Arc::new(move || liveness.check()),
                };
                let mut closing = closing;
                Some(tokio::spawn(http::serve(listener, state, async move {
                    // The sender is gone only when the process ends anyhow.
                    let _ = closing.wait_for(|closing| *closing).await;
                })))
            }
            None => None,
        };
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let ended = wait_for_end(&mut hangup, &mut terminate, &mut interrupt, request, running).await;
        let _ = shutdown.send(true);
        if let Some(server) = server {
            let _ = server.await;
        }
        ended
    })
}

async fn wait_for_end(
    hangup: &mut Signal,
    terminate: &mut Signal,
    interrupt: &mut Signal,
    request: &ReloadRequest,
    running: &engine::Running,
) -> anyhow::Result<&'static str> {
    /// How often it looks whether the engine still lives.
    const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok("SIGTERM"),
            _ = interrupt.recv() => return Ok("SIGINT"),
            _ = hangup.recv() => request.send(),
            () = tokio::time::sleep(LOOK) => {
                if let Err(dead) = running.liveness().check() {
                    anyhow::bail!("{dead}; this is a bug of Landfall, please report it");
                }
            }
        }
    }
}
