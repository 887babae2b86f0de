//! `landfall audit`: the same engine over recorded streams. Times are the events' own, and at the
//! end of the files everything that waits is due.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use landfall_ledger::{Counts, Verdict};
use landfall_runtime::Engine as WasmEngine;
use landfall_store::{MissingEvent, MissingFilter, Reader, Store, StoreError};
use serde_json::{Map, Value, json};

use super::{Global, exit, logging, run::secret};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Config, LogLevel};
use crate::engine::planner::Planner;
use crate::engine::{self, EngineParts, Mode};
use crate::queue::{self, Sender};
use crate::results::Totals;
use crate::sources::file::FileSource;
use crate::sources::{Flights, FrameBatch, SourceContext, SourceStats, Stop, StreamId};

/// Missing events named in the text; `--json` and the kept store have all.
const NAMED_MAX: usize = 20;

/// How often progress is drawn.
const DRAW: Duration = Duration::from_millis(100);

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
    let raw = FileSource::open(&args.raw)?;
    let written = FileSource::open(&args.written)?;
    // Without --store the results live as long as this directory.
    let scratch;
    let dir: &Path = match &args.store {
        Some(dir) => dir,
        None => {
            scratch = tempfile::Builder::new()
                .prefix("landfall-audit-")
                .tempdir()?;
            scratch.path()
        }
    };
    let totals = audit(&config, dir, [raw, written])?;
    let missing = missing(dir)?;
    if global.json {
        println!("{}", as_json(&totals, &missing));
    } else {
        print!("{}", as_text(&totals, &missing));
    }
    Ok(if is_clean(&totals) {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

fn audit(config: &Config, dir: &Path, files: [FileSource; 2]) -> anyhow::Result<Totals> {
    // The clock only paces waits here; times are the events' own.
    let clock = Clock::start(1.0, None);
    let store = Store::open(
        dir,
        secret()?,
        concat!("landfall audit ", env!("CARGO_PKG_VERSION")),
    )?;
    let mut planner = Planner::new(WasmEngine::new()?, store.next_generation()?);
    let planned = planner.plan(config, clock.now_ms())?;
    for problem in &planned.problems {
        tracing::warn!("{problem}");
    }
    let (senders, batches) = queue::channel(&[config.judge.queue(); StreamId::ALL.len()]);
    let flights = Flights::default();
    let running = engine::start(EngineParts {
        config,
        planned: &planned,
        store,
        store_dir: dir,
        batches,
        flights: flights.clone(),
        board: Board::new()?,
        mode: Mode::Audit,
    })?;
    let mut read = Ok(());
    for ((stream, file), queue) in StreamId::ALL.into_iter().zip(files).zip(senders) {
        if read.is_ok() {
            read = read_file(config, stream, file, queue, &clock, &flights);
        }
    }
    let totals = running.join();
    read?;
    Ok(totals)
}

fn read_file(
    config: &Config,
    stream: StreamId,
    file: FileSource,
    queue: Sender<FrameBatch>,
    clock: &Clock,
    flights: &Flights,
) -> anyhow::Result<()> {
    let context = SourceContext {
        stream,
        clock: clock.clone(),
        flights: flights.clone(),
        queue,
        limits: config.judge.batches(),
        frame_bytes_max: config.streams.of(stream).frame_bytes_max,
    };
    let progress = Arc::clone(file.progress());
    let bar = bar(stream, progress.total_bytes);
    let stats = Arc::new(SourceStats::new(stream, stream.as_str()));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| file.run(0, context, &stats, &Stop::default()));
        while !reading.is_finished() {
            bar.set_position(progress.read_bytes());
            std::thread::sleep(DRAW.min(Duration::from_millis(10)));
        }
        bar.finish_and_clear();
        reading
            .join()
            .map_err(|_| anyhow::anyhow!("the reader of the {} file died", stream.as_str()))
    })??;
    if stats.oversize() > 0 {
        tracing::warn!(
            stream = stream.as_str(),
            lines = stats.oversize(),
            "lines longer than frame_bytes_max were refused"
        );
    }
    Ok(())
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
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
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

fn is_clean(totals: &Totals) -> bool {
    let fine = [Verdict::Delivered, Verdict::Rejected, Verdict::Repeated];
    let counts = &totals.counts;
    Verdict::ALL
        .into_iter()
        .filter(|verdict| !fine.contains(verdict))
        .all(|verdict| counts.verdict(verdict) == 0)
        && counts.duplicate == 0
        && counts.unexpected == 0
        && counts.pending == 0
        && totals.undecodable.is_empty()
        && totals.imbalance == 0
}

fn verdicts_json(counts: &Counts) -> Value {
    let verdicts = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict.as_str().to_owned(), counts.verdict(verdict).into()));
    Value::Object(verdicts.collect::<Map<String, Value>>())
}

fn as_json(totals: &Totals, missing: &[MissingEvent]) -> Value {
    let schemas: Map<String, Value> = totals
        .by_schema
        .iter()
        .map(|(schema, counts)| {
            let value = json!({
                "raw": counts.raw, "verdicts": verdicts_json(counts),
                "duplicate": counts.duplicate, "unexpected": counts.unexpected,
            });
            (schema.clone(), value)
        })
        .collect();
    json!({
        "raw": totals.counts.raw,
        "verdicts": verdicts_json(&totals.counts),
        "duplicate": totals.counts.duplicate,
        "unexpected": totals.counts.unexpected,
        "undecodable": totals.undecodable,
        "imbalance": totals.imbalance,
        "schemas": schemas,
        "missing_keys": missing.iter().map(|event| event.key.as_str()).collect::<Vec<_>>(),
        "missing": missing,
    })
}

fn as_text(totals: &Totals, missing: &[MissingEvent]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let counts = &totals.counts;
    let _ = writeln!(text, "{:>12} raw events", counts.raw);
    for verdict in Verdict::ALL {
        let count = counts.verdict(verdict);
        if count != 0 || verdict == Verdict::Delivered || verdict == Verdict::Missing {
            let _ = writeln!(text, "{count:>12} {}", verdict.as_str());
        }
    }
    for (name, count) in [
        ("duplicate rows", counts.duplicate),
        ("unexpected rows", counts.unexpected),
    ] {
        if count != 0 {
            let _ = writeln!(text, "{count:>12} {name}");
        }
    }
    for (reason, count) in &totals.undecodable {
        let _ = writeln!(text, "{count:>12} undecodable: {reason}");
    }
    if !missing.is_empty() {
        let _ = writeln!(text, "\nmissing:");
        for event in missing.iter().take(NAMED_MAX) {
            let at = landfall_store::view::utc_second(event.arrived_ms);
            let _ = writeln!(text, "    {at}  {}  {}", event.schema, event.key);
        }
        if missing.len() > NAMED_MAX {
            let _ = writeln!(
                text,
                "    and {} more; --json lists all",
                missing.len() - NAMED_MAX
            );
        }
    }
    if totals.imbalance > 0 {
        let _ = writeln!(
            text,
            "\n{} events have no verdict: this is a bug of Landfall, please report it",
            totals.imbalance
        );
    }
    text
}
