//! `landfall audit`: the same engine over recorded streams. Times are the events' own, and at the
//! end of the files everything that waits is due.

mod answer;

use std::io::IsTerminal as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use landfall_store::{MissingEvent, MissingFilter, Reader, Store, StoreError};

use super::{Global, compile, exit, logging, run::secret};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Config, LogLevel};
use crate::engine::planner::{Patience, Planner};
use crate::engine::{self, EngineParts, Mode};
use crate::queue;
use crate::results::Totals;
use crate::sources::file::FileSource;
use crate::sources::{Flights, SourceContext, SourceStats, Stop, StreamId};

/// How often progress is drawn.
const DRAW: Duration = Duration::from_millis(10);

/// Options of `landfall audit`.
#[derive(Args)]
pub struct AuditArgs {
    /// What entered the pipeline: lines, plain, gzip or zstd; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    raw: PathBuf,
    /// What the writer says it wrote.
    #[arg(long, value_name = "FILE")]
    written: PathBuf,
    /// How raw lines are decoded: `json`, or a codec of the configuration.
    #[arg(long, value_name = "CODEC")]
    raw_codec: Option<String>,
    /// The same for written lines.
    #[arg(long, value_name = "CODEC")]
    written_codec: Option<String>,
    /// Keep the results there, as `landfall run` does in its store; without it they go at the end.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

pub fn run(args: &AuditArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let mut config = global.load()?;

    // The findings are the answer; the log is for what keeps them from being found.
    config.log.level = LogLevel::Error;
    logging::init(&config.log);
    if let Some(codec) = &args.raw_codec {
        config.streams.raw.codec.clone_from(codec);
    }
    if let Some(codec) = &args.written_codec {
        config.streams.written.codec.clone_from(codec);
    }
    let both = args.raw == args.written && args.raw == Path::new("-");
    anyhow::ensure!(
        !both,
        "only one of --raw and --written can be standard input"
    );
    anyhow::ensure!(
        !is_one_file(&args.raw, &args.written),
        "--raw and --written are one file: every event would prove itself, and none be missing; name what the writer says it wrote"
    );
    let raw = FileSource::open(&args.raw)?;
    let written = FileSource::open(&args.written)?;
    // Without --store the results live as long as this directory.
    let scratch;
    let dir: &Path = match &args.store {
        Some(dir) => {
            anyhow::ensure!(
                !dir.join(landfall_store::FILE_NAME).exists(),
                "{} has the results of another run; name a new directory, so that the two are not counted together (--store)",
                dir.display()
            );
            dir
        }
        None => {
            scratch = tempfile::Builder::new()
                .prefix("landfall-audit-")
                .tempdir()?;
            scratch.path()
        }
    };
    let audited = audit(&config, dir, [raw, written])?;
    let missing = missing(dir)?;
    if global.json {
        println!("{}", answer::as_json(&audited, &missing));
    } else {
        print!("{}", answer::as_text(&audited, &missing));
    }
    Ok(if audited.is_clean() {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

/// Whether both lead to the same regular file, by whatever name.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
    };
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

/// What an audit found.
struct Audited {
    totals: Totals,
    /// Lines longer than `frame_bytes_max`, by stream: nothing is known of them.
    refused: [u64; StreamId::ALL.len()],
    /// Schemas and checks that are not in force.
    problems: Vec<String>,
}

fn audit(config: &Config, dir: &Path, files: [FileSource; 2]) -> anyhow::Result<Audited> {
    // The clock only paces waits here; times are the events' own.
    let clock = Clock::start(1.0, None);
    let store = Store::open(
        dir,
        secret()?,
        concat!("landfall audit ", env!("CARGO_PKG_VERSION")),
    )?;
    let mut planner = Planner::new(compile::loader()?);
    let planned = planner.plan(config, clock.now_ms(), Patience::Whole)?;
    let (senders, batches) = queue::channel(&[config.judge.queue(); StreamId::ALL.len()]);
    let flights = Flights::default();
    let stop = Stop::default();
    // Until a file's reader is at its end, more may come of its stream.
    let unread = StreamId::ALL.map(|stream| flights.add_source(stream, i64::MIN));
    let running = engine::start(EngineParts {
        config,
        planned: &planned,
        store,
        store_dir: dir,
        batches,
        flights: flights.clone(),
        board: Board::new()?,
        mode: Mode::Audit,
        stop: stop.clone(),
    })?;
    let bars = MultiProgress::new();
    if !std::io::stderr().is_terminal() {
        bars.set_draw_target(ProgressDrawTarget::hidden());
    }
    // Side by side, so that events settle while they are read and few have to be kept.
    let read = std::thread::scope(|scope| {
        let readers: Vec<_> = StreamId::ALL
            .into_iter()
            .zip(files)
            .zip(senders)
            .zip(&unread)
            .map(|(((stream, file), queue), unread)| {
                let context = SourceContext {
                    stream,
                    clock: clock.clone(),
                    flights: flights.clone(),
                    queue,
                    limits: config.judge.batches(config.deadlines.shortest()),
                    frame_bytes_max: config.streams.of(stream).frame_bytes_max,
                };
                let bar = bars.add(bar(stream, file.progress().total_bytes));
                let stop = &stop;
                scope.spawn(move || {
                    let refused = read_file(stream, file, context, &bar, stop);
                    unread.finish();
                    refused
                })
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| {
                reader
                    .join()
                    .unwrap_or_else(|_| Err(anyhow::anyhow!("the reader of a file died")))
            })
            .collect::<Vec<_>>()
    });
    let engine::Ended {
        totals,
        unaccounted,
    } = running.join();
    anyhow::ensure!(unaccounted.is_empty(), "{unaccounted}");
    let mut refused = [0; StreamId::ALL.len()];
    for (refused, read) in refused.iter_mut().zip(read) {
        *refused = read?;
    }
    Ok(Audited {
        totals,
        refused,
        problems: planned.problems,
    })
}

/// Reads a file to its end; how many lines were refused.
fn read_file(
    stream: StreamId,
    file: FileSource,
    context: SourceContext,
    bar: &ProgressBar,
    stop: &Stop,
) -> anyhow::Result<u64> {
    let progress = Arc::clone(file.progress());
    let stats = Arc::new(SourceStats::new(stream, stream.as_str()));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| file.run(0, context, &stats, stop));
        while !reading.is_finished() {
            bar.set_position(progress.read_bytes());
            std::thread::sleep(DRAW);
        }
        bar.finish_and_clear();
        reading
            .join()
            .map_err(|_| anyhow::anyhow!("the reader of the {} file died", stream.as_str()))
    })??;
    Ok(stats.oversize())
}

fn bar(stream: StreamId, total: Option<u64>) -> ProgressBar {
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    let template = "{prefix:>8} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(stream.as_str());
    bar
}

fn missing(dir: &Path) -> Result<Vec<MissingEvent>, StoreError> {
    let mut events = Vec::new();
    Reader::open(dir)?.missing_each(&MissingFilter::default(), None, |event| {
        events.push(event);
        Ok::<(), StoreError>(())
    })?;
    Ok(events)
}
