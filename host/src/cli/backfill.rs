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
use landfall_store::{Frame, MissingFilter, Reader, StoreError};
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
    #[arg(long, default_value_t = 500.0, value_parser = rate, value_name = "PER_SECOND")]
    rate: f64,
    /// Only say how many frames there are.
    #[arg(long)]
    dry_run: bool,
}

/// Slowest and fastest rate: a frame in a quarter of an hour, and more than any machine can send.
const RATE_MIN: f64 = 0.001;
const RATE_MAX: f64 = 10_000_000.0;

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (RATE_MIN..=RATE_MAX).contains(rate))
        .ok_or_else(|| format!("expected frames a second, from {RATE_MIN} to {RATE_MAX}"))
}

/// What became of the missing events that were asked for.
#[derive(Clone, Copy, Default)]
struct Counts {
    /// Written or published.
    frames: u64,
    landed: u64,
    /// Their frames could not be read back when they went missing.
    lost: u64,
    /// Published, but nobody has subscribed to what they begin with.
    unwanted: u64,
}

pub fn run(args: &BackfillArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let reader = Reader::open(&global.load()?.store_dir())?;
    let filter = args.which.filter(&reader)?;
    let total = reader.missing_count(&filter)?;
    if args.dry_run {
        let counts = Counts {
            frames: total,
            ..Counts::default()
        };
        say(args, global, counts, "would be written");
        return Ok(exit::CLEAN.into());
    }
    let bar = ProgressBar::new(total);
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let (counts, what) = match (&args.publish, &args.output) {
        (Some(endpoint), _) => (
            publish(args, &reader, &filter, endpoint, &bar)?,
            "published",
        ),
        (None, Some(path)) => (write(&reader, &filter, path, &bar)?, "written"),
        (None, None) => anyhow::bail!("name --output FILE or --publish ENDPOINT"),
    };
    bar.finish_and_clear();
    say(args, global, counts, what);
    Ok(if counts.lost + counts.unwanted == 0 {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

/// The answer, on standard output unless the frames are there.
fn say(args: &BackfillArgs, global: &Global, counts: Counts, what: &str) {
    let Counts {
        frames,
        landed,
        lost,
        unwanted,
    } = counts;
    let text = if global.json {
        json!({
            "frames": frames, "landed_meanwhile": landed, "frames_lost": lost, "unwanted": unwanted, "what": what,
        })
        .to_string()
    } else {
        let mut text =
            format!("{frames} frames {what}; {landed} landed meanwhile and were left out");
        if lost > 0 {
            text += &format!(
                "; {lost} were left out because their frames could not be read back when they went missing"
            );
        }
        if unwanted > 0 {
            text += &format!(
                "; nobody has subscribed to what {unwanted} of them begin with, so nobody got them"
            );
        }
        text
    };
    if args.output.as_deref() == Some(Path::new("-")) || !global.json {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
}

/// Calls `each` with every frame that is still missing, asked anew when its turn comes: it may have
/// landed since it was listed.
fn frames(
    reader: &Reader,
    filter: &MissingFilter,
    pace: &mut Pace,
    mut each: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    reader.missing_each(filter, None, |event| {
        std::thread::sleep(pace.wait(Instant::now()));
        match reader.frame(event.id).map_err(BackfillError::Store)? {
            Frame::Kept(frame) => {
                each(&frame).map_err(BackfillError::Other)?;
                pace.gone(Instant::now());
                counts.frames += 1;
            }
            Frame::Landed => counts.landed += 1,
            Frame::Lost => counts.lost += 1,
        }
        Ok::<(), BackfillError>(())
    })?;
    Ok(counts)
}

#[derive(Debug, thiserror::Error)]
enum BackfillError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Other(anyhow::Error),
}

fn write(
    reader: &Reader,
    filter: &MissingFilter,
    path: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<Counts> {
    let out: Box<dyn Write> = if path == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        Box::new(
            private_file(path).with_context(|| format!("failed to create {}", path.display()))?,
        )
    };
    let mut out = io::BufWriter::new(out);
    let counts = frames(reader, filter, &mut Pace::default(), |frame| {
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
    filter: &MissingFilter,
    endpoint: &str,
    bar: &ProgressBar,
) -> anyhow::Result<Counts> {
    let attach = if args.connect {
        Attach::Connect
    } else {
        Attach::Bind
    };
    let mut publisher: Box<dyn Publisher> = Box::new(ZmqPublisher::open(endpoint, attach, true)?);
    eprintln!("waiting for a subscriber at {endpoint}");
    anyhow::ensure!(
        publisher.wait_for_listener(LISTENER_MAX)?,
        "nobody subscribed to {endpoint} within {LISTENER_MAX:?}: nothing was published"
    );
    let mut pace = Pace::new(args.rate);
    let mut unwanted = 0;
    let counts = frames(reader, filter, &mut pace, |frame| {
        if !publisher.publish(frame)? {
            unwanted += 1;
        }
        bar.inc(1);
        Ok(())
    })?;
    publisher.finish()?;
    Ok(Counts { unwanted, ..counts })
}

/// Spaces frames evenly. What a stall held up is not made up for in a burst.
#[derive(Default)]
struct Pace {
    interval: Duration,
    due: Option<Instant>,
}

impl Pace {
    fn new(rate: f64) -> Self {
        Self {
            interval: Duration::from_secs_f64(1.0 / rate.clamp(RATE_MIN, RATE_MAX)),
            due: None,
        }
    }

    /// How long the next frame has to wait.
    fn wait(&self, now: Instant) -> Duration {
        self.due
            .map_or(Duration::ZERO, |due| due.saturating_duration_since(now))
    }

    /// A frame has gone: it was due now, or it is late and the others are as much later.
    fn gone(&mut self, now: Instant) {
        self.due = Some(now + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spaced_evenly_and_a_stall_is_not_made_up_for() {
        let mut pace = Pace::new(10.0);
        let now = Instant::now();
        let ms = Duration::from_millis;
        assert_eq!(pace.wait(now), ms(0));
        pace.gone(now);
        assert_eq!(pace.wait(now + ms(30)), ms(70));
        let later = now + ms(10_000);
        assert_eq!(pace.wait(later), ms(0));
        pace.gone(later);
        assert_eq!(pace.wait(later), ms(100), "and not at once");
    }

    #[test]
    fn a_rate_that_makes_no_sense_is_refused() {
        for text in ["0", "-1", "1e-20", "inf", "NaN", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!(rate("0.5"), Ok(0.5));
    }
}
