//! `landfall audit`: the same engine over recorded streams. Times are the events' own, and at the
//! end of the files everything that waits is due.

mod answer;

use std::fs::File;
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use landfall_store::{MissingEvent, MissingFilter, Reader, Store, StoreError};

use super::{Global, compile, exit, logging, print, run::secret};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Config, LogLevel};
use crate::engine::planner::{Patience, Planner};
use crate::engine::{self, EngineParts, Mode};
use crate::queue;
use crate::results::Totals;
use crate::sources::file::{self, FileProgress, FileSource, Input, Packing, RATIO_MAX};
use crate::sources::{Flights, Refusal, SourceContext, SourceStats, Stop, StreamId};

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
    /// How many bytes a byte of a packed file may unpack to, beyond the first GiB.
    #[arg(long, value_name = "N", default_value_t = RATIO_MAX, value_parser = clap::value_parser!(u64).range(1..))]
    ratio_max: u64,
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
    match same(&args.raw, &args.written) {
        None => {}
        Some(Same::File) => print::note(
            "--raw and --written are one file: every event proves itself, and none can be missing; name what the writer says it wrote",
        ),
        Some(Same::Flow) => anyhow::bail!(
            "--raw and --written are one pipe, terminal or standard input: each of its lines would be read as one of them only; name what the writer says it wrote"
        ),
    }
    let files = open(args)?;
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
    let audited = audit(&config, dir, files)?;
    let missing = missing(dir)?;
    if global.json {
        print::json(&answer::as_json(&audited, &missing))?;
    } else {
        print::page(&answer::as_text(&audited, &missing))?;
    }
    Ok(if audited.is_clean() {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

/// Opens both files, side by side: a pipe keeps whoever opens it waiting until somebody writes to it,
/// and nobody can know which of two is written to first.
fn open(args: &AuditArgs) -> anyhow::Result<[FileSource; 2]> {
    let paths = [&args.raw, &args.written];
    for (stream, path) in StreamId::ALL.into_iter().zip(paths) {
        if let Some(waits) = file::waits(path) {
            print::note(format_args!("{}: {waits}", stream.as_str()));
        }
    }
    let (opened, opening) = std::sync::mpsc::channel();
    for (stream, path) in StreamId::ALL.into_iter().zip(paths) {
        let (path, opened, ratio_max) = (path.clone(), opened.clone(), args.ratio_max);
        std::thread::spawn(move || {
            let remedy = format!("landfall audit --{} -", stream.as_str());
            // Nobody listens once the other one has failed.
            let _ = opened.send((stream, Input::open(&path, &remedy, ratio_max)));
        });
    }
    drop(opened);
    let mut files = [None, None];
    // The first that fails is told at once, although the other one may wait for long.
    for (stream, file) in opening {
        files[stream.index()] = Some(FileSource::new(file?));
    }
    let [Some(raw), Some(written)] = files else {
        anyhow::bail!("a thread that opens a file died");
    };
    let files = [raw, written];
    for ((stream, path), file) in StreamId::ALL.into_iter().zip(paths).zip(&files) {
        if file.progress().total_bytes == Some(0) {
            let (stream, path) = (stream.as_str(), path.display());
            print::note(format_args!("{stream}: {path} is empty"));
        }
    }
    Ok(files)
}

/// What both lead to, by whatever names: links, `-`, `/dev/stdin`, `/dev/fd/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Same {
    /// A file that each reads from its beginning.
    File,
    /// What can be read once only.
    Flow,
}

fn same(one: &Path, other: &Path) -> Option<Same> {
    let is_stdin = |path: &Path| path == Path::new("-");
    let identity = |path: &Path| {
        if is_stdin(path) {
            let stdin = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
            File::from(stdin).metadata().ok()
        } else {
            std::fs::metadata(path).ok()
        }
    };
    if is_stdin(one) && is_stdin(other) {
        // Even of a file: both would read on where the other one is.
        return Some(Same::Flow);
    }
    let (first, second) = (identity(one)?, identity(other)?);
    let kind = first.file_type();
    if kind.is_char_device() {
        // By its number: it may have several names. Nothing can be read from the null device.
        let is_null = std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == first.rdev());
        let is_same = second.file_type().is_char_device() && first.rdev() == second.rdev();
        return (is_same && !is_null).then_some(Same::Flow);
    }
    if (first.dev(), first.ino()) != (second.dev(), second.ino()) {
        return None;
    }
    Some(if kind.is_file() {
        Same::File
    } else {
        Same::Flow
    })
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
        standing: Arc::default(),
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
                let bar = bars.add(bar(stream, file.progress()));
                let stop = &stop;
                scope.spawn(move || {
                    let refused = read_file(stream, file, context, &bar, stop);
                    if refused.is_err() {
                        // There will be no answer.
                        stop.set();
                    }
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
            if progress.packing != Packing::Plain {
                let unpacked = HumanBytes(progress.unpacked_bytes());
                bar.set_message(format!("{unpacked} unpacked"));
            }
            std::thread::sleep(DRAW);
        }
        bar.finish_and_clear();
        reading
            .join()
            .map_err(|_| anyhow::anyhow!("the reader of the {} file died", stream.as_str()))
    })??;
    Ok(stats.refused(Refusal::Oversize))
}

fn bar(stream: StreamId, progress: &FileProgress) -> ProgressBar {
    let (bar, template) = match progress.total_bytes {
        Some(total) => (
            ProgressBar::new(total),
            "{prefix:>8} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}",
        ),
        // Nobody knows where it ends.
        None => (
            ProgressBar::new_spinner(),
            "{prefix:>8} {spinner} {bytes} read {bytes_per_sec} {elapsed} {msg}",
        ),
    };
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
