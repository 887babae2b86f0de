//! `landfall run`: the sidecar, from start-up to drain.

mod alive;
mod front;
mod starting;
mod subscribing;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use landfall_store::Store;

use self::alive::{Alive, OnEnd};
use self::front::Front;
use super::{Global, compile, exit, logging};
use crate::board::Board;
use crate::config::Config;
use crate::engine::planner::Planner;
use crate::engine::reload::{self, Reloader, requests};
use crate::engine::{self, EngineParts, Mode};
use crate::queue;
use crate::sources::{self, Flights, SourceContext, Stop, zmq};
use crate::standing::Standing;
use landfall_ledger::Stream;

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
    if Config::load_to_run(global.config.as_deref()).ok().as_ref() != Some(&config) {
        request.send();
    }
    let board = Board::with_latency_bounds(&config.metrics.latency_bounds_ms())?;
    board.metrics().process.follow_clock(clock.clone());
    board.owners_at_start(&config);
    board.limits(&config);
    let (engine_part, checks_part) = (
        board.readiness().part("engine"),
        board.readiness().part("checks"),
    );
    let store_dir = config.store_dir();
    let store = Store::open(&store_dir, secret()?, PROGRAM)?;
    // Or a disk would seem full until something is written.
    board.disk(&store_dir);
    // A probe is answered while checks are compiled, and a signal is heard.
    let mut front = Front::open(config.http.listen, &board, request.clone())?;
    let mut planner = Planner::new(compile::loader()?);
    let goes_on = front.goes_on();
    planner.plan_while(front.goes_on());
    let planned = starting::first_plan(&mut planner, &config, &clock, &checks_part, goes_on)?;
    let Some(planned) = planned else {
        let signal = front.asked().unwrap_or_default();
        tracing::info!(
            signal,
            "ended before its checks were loaded: nothing was received"
        );
        return Ok(exit::CLEAN.into());
    };
    for problem in planned.problems.iter().chain(&planned.notes) {
        tracing::warn!("{problem}");
    }
    board.checks(&planned.checks, &[]);
    board.stale_schemas(planned.stale_schemas);
    board.begin(&planned);
    board.in_force(&planned, &[]);
    board.owners(&config.owners, &planned);
    checks_part.ready(planned.detail(&planned.problems));

    let (senders, batches) = queue::channel(&[config.judge.queue(); Stream::ALL.len()]);
    let flights = Flights::default();
    let stop = Stop::default();
    let standing: Arc<Standing> = Arc::default();
    let sockets = zmq::Sockets::watched(Arc::clone(&standing));
    let limits = config.judge.batches(config.deadlines.shortest());
    let sources = subscribing::in_order(|stream| {
        let settings = config.streams.of(stream);
        let subscribe = |subscription| {
            let context = SourceContext {
                stream,
                clock: clock.clone(),
                flights: flights.clone(),
                queue: senders[stream.index()].clone(),
                limits,
                frame_bytes_max: settings.frame_bytes_max,
            };
            zmq::subscribe(&sockets, &subscription, context, stop.clone())
        };
        settings
            .subscriptions()
            .into_iter()
            .map(subscribe)
            .collect()
    })?;
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
    for (stream, stats) in Stream::ALL.into_iter().zip(batches.stats()) {
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
        is_named: global.config.is_some(),
        config: config.clone(),
        batches: limits,
        control: running.control.clone(),
        clock,
        board: board.clone(),
        part: checks_part,
        stop: stop.clone(),
        watch,
        schemas: planned.schemas.clone(),
        all_stated: false,
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
                reloader.run(&planned, &wake, &request);
            })?
    };
    let liveness = running.liveness();
    let alive = Alive {
        engine: Box::new(move || liveness.check()),
        sources: all_stats,
        reload_ended,
        stop: stop.clone(),
    };

    let ended = front.wait(alive);
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
    front.close();
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
