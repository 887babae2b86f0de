//! `landfall backfill`: exactly the raw frames that did not land, byte for byte, in order of arrival.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use landfall_store::{Reader, StoreError};
use serde_json::json;

use super::missing::Which;
use super::{Global, exit};
use crate::sources::Publisher;
use crate::sources::zmq::{Attach, ZmqPublisher};

/// How long a listener is awaited before anything is published.
const LISTENER_MAX: Duration = Duration::from_secs(30);

/// Options of `landfall backfill`.
#[derive(Args)]
pub struct BackfillArgs {
    #[command(flatten)]
    which: Which,
    /// Write the frames to this file (`-`: standard output). A frame without a newline gets one.
    #[arg(long, short, value_name = "FILE", required_unless_present_any = ["publish", "dry_run"], conflicts_with = "publish")]
    output: Option<PathBuf>,
    /// Publish the frames on ZeroMQ: tcp://host:port or ipc://path.
    #[arg(long, value_name = "ENDPOINT")]
    publish: Option<String>,
    /// Connect to the endpoint instead of binding it.
    #[arg(long, requires = "publish")]
    connect: bool,
    /// Frames a second at most when publishing.
    #[arg(long, default_value_t = 500.0, value_name = "PER_SECOND")]
    rate: f64,
    /// Only say how many frames there are.
    #[arg(long)]
    dry_run: bool,
}

pub fn run(args: &BackfillArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let reader = Reader::open(&global.load()?.store_dir())?;
    let total = reader.missing_count(&args.which.filter())?;
    if args.dry_run {
        say(global, total, 0, "would be written");
        return Ok(exit::CLEAN.into());
    }
    let bar = ProgressBar::new(total);
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let (done, landed) = match (&args.publish, &args.output) {
        (Some(endpoint), _) => publish(args, &reader, endpoint, &bar)?,
        (None, Some(path)) => write(args, &reader, path, &bar)?,
        (None, None) => anyhow::bail!("name --output FILE or --publish ENDPOINT"),
    };
    bar.finish_and_clear();
    let what = if args.publish.is_some() {
        "published"
    } else {
        "written"
    };
    say(global, done, landed, what);
    Ok(exit::CLEAN.into())
}

fn say(global: &Global, frames: u64, landed: u64, what: &str) {
    if global.json {
        eprintln!(
            "{}",
            json!({"frames": frames, "landed_meanwhile": landed, "what": what})
        );
    } else {
        eprintln!("{frames} frames {what}; {landed} landed meanwhile and were left out");
    }
}

/// Calls `each` with every frame that is still missing; how many there were, and how many had landed.
fn frames(
    args: &BackfillArgs,
    reader: &Reader,
    mut each: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<(u64, u64)> {
    let (mut done, mut landed) = (0, 0);
    reader.missing_each(&args.which.filter(), None, |event| {
        // Asked anew for each: it may have landed since the list was begun.
        match reader.frame(event.id).map_err(BackfillError::Store)? {
            Some(frame) => {
                each(&frame).map_err(BackfillError::Other)?;
                done += 1;
            }
            None => landed += 1,
        }
        Ok::<(), BackfillError>(())
    })?;
    Ok((done, landed))
}

#[derive(Debug, thiserror::Error)]
enum BackfillError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Other(anyhow::Error),
}

fn write(
    args: &BackfillArgs,
    reader: &Reader,
    path: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<(u64, u64)> {
    let out: Box<dyn Write> = if path == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        Box::new(
            private_file(path).with_context(|| format!("failed to create {}", path.display()))?,
        )
    };
    let mut out = io::BufWriter::new(out);
    let counts = frames(args, reader, |frame| {
        out.write_all(frame)?;
        if !frame.ends_with(b"\n") {
            out.write_all(b"\n")?;
        }
        bar.inc(1);
        Ok(())
    })?;
    out.flush()
        .with_context(|| format!("failed to write {}", path.display()))?;
    Ok(counts)
}

/// Frames hold addresses: the file is its owner's alone. An existing file is not overwritten.
fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn publish(
    args: &BackfillArgs,
    reader: &Reader,
    endpoint: &str,
    bar: &ProgressBar,
) -> anyhow::Result<(u64, u64)> {
    anyhow::ensure!(args.rate > 0.0, "--rate must be above 0");
    let attach = if args.connect {
        Attach::Connect
    } else {
        Attach::Bind
    };
    let mut publisher: Box<dyn Publisher> = Box::new(ZmqPublisher::open(endpoint, attach, true)?);
    anyhow::ensure!(
        publisher.wait_for_listener(LISTENER_MAX)?,
        "nobody subscribed to {endpoint} within {LISTENER_MAX:?}: nothing was published"
    );
    let start = Instant::now();
    let mut sent = 0u32;
    let counts = frames(args, reader, |frame| {
        let due = Duration::from_secs_f64(f64::from(sent) / args.rate);
        if let Some(early) = due.checked_sub(start.elapsed()) {
            std::thread::sleep(early);
        }
        publisher.publish(frame)?;
        sent = sent.saturating_add(1);
        bar.inc(1);
        Ok(())
    })?;
    publisher.finish()?;
    Ok(counts)
}
