//! `landfall audit`: the same engine over recorded streams. Times are the events' own, and at the
//! end of the files everything that waits is due.

mod answer;
mod interruption;
mod reading;
mod unreadable;

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use indicatif::{MultiProgress, ProgressDrawTarget};
use landfall_store::{MissingEvent, MissingFilter, Reader, Store, StoreError};

use self::interruption::Interruption;
use self::reading::{ReadWatch, Readers, Reads, Side};
use super::{Global, compile, exit, logging, print, run::secret};
use crate::clock::Clock;
use crate::config::{Config, LogLevel};
use crate::engine::decoding::Decoding;
use crate::engine::{self, EngineParts};
use crate::flow::ShutdownRequest;
use crate::planning::planner::{Patience, Planned, Planner};
use crate::results::Totals;
use crate::sources::SourceError;
use crate::sources::file::{self, FileSettings, FileSource, RATIO_MAX};
use crate::telemetry::Telemetry;
use crate::thread_watch::ThreadWatch;
use crate::time_policy::TimePolicy;
use landfall_ledger::{PerStream, Stream};

/// Options of `landfall audit`.
#[derive(Args)]
pub struct AuditArgs {
    /// What entered the pipeline: lines, plain, gzip or zstd; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    raw: PathBuf,
    /// What the writer reports as written.
    #[arg(long, value_name = "FILE")]
    written: PathBuf,
    /// How raw lines are decoded: `json`, or a codec of the configuration.
    #[arg(long, value_name = "CODEC")]
    raw_codec: Option<String>,
    /// How written lines are decoded, like --raw-codec.
    #[arg(long, value_name = "CODEC")]
    written_codec: Option<String>,
    /// How many bytes each byte of a packed file may unpack to, beyond the first GiB.
    #[arg(long, value_name = "N", default_value_t = RATIO_MAX, value_parser = clap::value_parser!(u64).range(1..))]
    ratio_max: u64,
    /// Keep the results in this directory, as `landfall run` does in its store; without it they are
    /// removed at the end.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

pub fn run(args: &AuditArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let mut config = global.load()?;

    // The findings are the answer. The log only has what prevents them.
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
            "--raw and --written are one file: every event proves itself, and none can be missing; name what the writer reports as written",
        ),
        Some(Same::Flow) => anyhow::bail!(
            "--raw and --written are one pipe, terminal or standard input: each of its lines would be read as one of them only; name what the writer reports as written"
        ),
    }
    let stop = ShutdownRequest::default();
    let sides = sides(args, &stop)?;
    if let Some(dir) = &args.store {
        anyhow::ensure!(
            !dir.join(landfall_store::FILE_NAME).exists(),
            "{} has the results of another run; name a new directory, so that the two are not counted together (--store)",
            dir.display()
        );
    }
    let mut planner = Planner::new(compile::loader()?);
    let clock = Clock::start(1.0, None);
    let planned = planner.plan(&config, clock.now_ms(), Patience::Whole)?;
    // Without --store the results live as long as this directory.
    let scratch = match &args.store {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("landfall-audit-")
                .tempdir()?,
        ),
    };
    let scratch_dir = scratch.as_ref().map(|scratch| scratch.path().to_owned());
    let interruption = Interruption::watch(stop.clone(), scratch_dir.clone())?;
    let Some(dir) = args.store.as_deref().or(scratch_dir.as_deref()) else {
        anyhow::bail!("no directory for the results");
    };
    let audit = Audit {
        config: &config,
        planned: &planned,
        clock,
        dir,
        stop,
        interruption,
    };
    let audited = audit.run(sides).inspect_err(|_| {
        if args.store.is_some() && dir.join(landfall_store::FILE_NAME).exists() {
            print::note(format_args!(
                "{} has the results of what was read until then: remove it before the next audit (--store)",
                dir.display()
            ));
        }
    })?;
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

/// Opens the sides that can be opened at once. Opening a pipe waits until somebody writes to it,
/// and nobody can know which of two pipes is written to first. So the thread that reads a pipe
/// opens it.
fn sides(args: &AuditArgs, stop: &ShutdownRequest) -> anyhow::Result<[Side; Stream::ALL.len()]> {
    let side = |stream: Stream, path: &PathBuf| -> anyhow::Result<Side> {
        let settings = FileSettings {
            path: path.clone(),
            remedy: format!("landfall audit --{} -", stream.as_str()),
            ratio_max: args.ratio_max,
        };
        let opened = match file::keeps_waiting(path) {
            true => None,
            false => Some(settings.open(stop)?),
        };
        if let Some(file) = &opened
            && file.progress().total_bytes == Some(0)
        {
            let (stream, path) = (stream.as_str(), path.display());
            print::note(format_args!("{stream}: {path} is empty"));
        }
        Ok(Side {
            stream,
            settings,
            opened,
        })
    };
    for (stream, path) in Stream::ALL.into_iter().zip([&args.raw, &args.written]) {
        if let Some(waits) = file::waits(path) {
            print::note(format_args!("{}: {waits}", stream.as_str()));
        }
    }
    Ok([
        side(Stream::Raw, &args.raw)?,
        side(Stream::Written, &args.written)?,
    ])
}

/// What both sides lead to if they are the same, whatever their names: links, `-`, `/dev/stdin`,
/// `/dev/fd/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Same {
    /// A file that each reads from its beginning.
    File,
    /// Something that can be read only once.
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
        // Even if it is a file: both would continue where the other one is.
        return Some(Same::Flow);
    }
    let (first, second) = (identity(one)?, identity(other)?);
    let kind = first.file_type();
    if kind.is_char_device() {
        // Compared by number, because a device may have several names. Nothing can be read from the
        // null device.
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
    /// Lines longer than `frame_bytes_max`, by stream. Nothing is known of them.
    refused: PerStream<u64>,
    /// Schemas and checks that are not in force.
    problems: Vec<String>,
}

/// The settings of an audit.
struct Audit<'a> {
    config: &'a Config,
    planned: &'a Planned,
    /// The clock only paces waits here; times are the events' own.
    clock: Clock,
    dir: &'a Path,
    stop: ShutdownRequest,
    interruption: Interruption,
}

impl Audit<'_> {
    fn run(&self, sides: [Side; Stream::ALL.len()]) -> anyhow::Result<Audited> {
        let config = self.config;
        let store = Store::open(
            self.dir,
            secret()?,
            concat!("landfall audit ", env!("CARGO_PKG_VERSION")),
        )?;
        let threads: Arc<ThreadWatch> = Arc::default();
        let telemetry = Telemetry::new()?;
        let engine = engine::build(EngineParts {
            config,
            planned: self.planned,
            store,
            store_dir: self.dir,
            telemetry: &telemetry,
            time: TimePolicy::Recorded,
            clock: &self.clock,
            stop: &self.stop,
        })?;
        // Before the engine runs: until a file is read to its end, more may come of its stream.
        let sources = sides.map(|side| {
            let context = engine.source_context(side.stream).clone();
            (
                side.stream,
                FileSource::new(side.settings, side.opened, context),
            )
        });
        let running = engine.spawn(&threads)?;
        let bars = MultiProgress::new();
        if !print::is_watched() {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        // Both at once, so that events settle while the files are read and few have to be kept.
        let mut readers = Readers::new(bars);
        for (stream, source) in sources {
            readers.start(source, stream, &threads)?;
        }
        let (decoding, liveness) = (Arc::clone(&running.decoding), running.liveness());
        let reads = readers.wait(&ReadWatch {
            stop: &self.stop,
            decoding: &decoding,
            liveness: &liveness,
        });
        let engine::Ended {
            totals,
            unaccounted,
            ..
        } = running.drain();
        if let Some(signal) = self.interruption.signal() {
            anyhow::bail!("ended by {signal} before it was done: there is no answer");
        }
        anyhow::ensure!(unaccounted.is_empty(), "{unaccounted}");
        let reads = reads?;
        self.ensure_readable(&reads, &decoding, &totals)?;
        Ok(Audited {
            totals,
            refused: reads.map(|_, read| read.map_or(0, |read| read.refused)),
            problems: self.planned.problems.clone(),
        })
    }

    /// The error of a side that has lines of which not one could be read. Such a file is no
    /// recording of its stream, and no finding may come from it.
    fn ensure_readable(
        &self,
        reads: &Reads,
        decoding: &Decoding,
        totals: &Totals,
    ) -> anyhow::Result<()> {
        let mut unreadable: Vec<SourceError> = reads
            .iter()
            .filter_map(|(stream, read)| Some((stream, read.as_ref()?)))
            .filter(|(stream, read)| read.is_unreadable(*stream, decoding))
            .map(|(stream, read)| unreadable::error(self.config, stream, read, &totals.account))
            .collect();
        let Some(last) = unreadable.pop() else {
            for (stream, read) in reads.iter() {
                if read
                    .as_ref()
                    .is_some_and(|read| read.is_keyless(stream, decoding))
                {
                    print::note(format_args!(
                        "no line of {} has a key: does event.key = \"{}\" point to the key of these events?",
                        stream.as_str(),
                        self.config.event.key
                    ));
                }
            }
            return Ok(());
        };
        for other in unreadable {
            print::note(format_args!("landfall: {other}"));
        }
        Err(last.into())
    }
}

fn missing(dir: &Path) -> Result<Vec<MissingEvent>, StoreError> {
    let mut events = Vec::new();
    Reader::open(dir)?.missing_each(&MissingFilter::default(), None, |event| {
        events.push(event);
        Ok::<(), StoreError>(())
    })?;
    Ok(events)
}
