//! `landfall backfill`: gives exactly the raw frames that did not land, byte for byte, in order of
//! arrival. A frame that a file could not give back as it is, is left out and reported.

mod frame_pacer;
mod outcome;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget};
use landfall_store::{Frame, MissingEvent, MissingFilter, Reader, StoreError, view};

use self::frame_pacer::FramePacer;
use self::outcome::{Counts, LeftOut, ensure_watched, print_result};
use super::missing::MissingSelection;
use super::print;
use super::{Global, exit};
use crate::sources::Publisher;
use crate::sources::file::framing::{Framing, Unfit, fits_line};
use crate::sources::zmq::{Attach, Envelope, ZmqPublisher};

/// How long it waits for a subscriber before anything is published.
const LISTENER_MAX: Duration = Duration::from_secs(30);

/// Options of `landfall backfill`.
#[derive(Args)]
pub struct BackfillArgs {
    #[command(flatten)]
    which: MissingSelection,
    /// Write the frames to this file (`-`: standard output).
    #[arg(long, short, value_name = "FILE", required_unless_present_any = ["publish", "dry_run"], conflicts_with = "publish")]
    output: Option<PathBuf>,
    /// How the file holds the frames; `landfall audit` reads both formats. A frame that would not
    /// read back unchanged is left out and listed.
    #[arg(long, value_enum, default_value_t = FrameFormat::Lines, conflicts_with = "publish")]
    format: FrameFormat,
    /// If a frame does not end with a newline, add one instead of leaving the frame out of a file
    /// of lines.
    #[arg(long, conflicts_with = "publish")]
    add_newline: bool,
    /// Publish the frames on ZeroMQ: tcp://host:port or ipc://path.
    #[arg(long, value_name = "ENDPOINT")]
    publish: Option<String>,
    /// Connect to the endpoint instead of binding it.
    #[arg(long, requires = "publish")]
    connect: bool,
    /// Publish messages of two parts, this topic and the frame: for publishers whose streams have
    /// envelope = "topic".
    #[arg(long, requires = "publish", value_name = "TOPIC")]
    topic: Option<String>,
    /// Frames a second at most when publishing.
    #[arg(long, default_value_t = 500.0, value_parser = rate, value_name = "PER_SECOND")]
    rate: f64,
    /// Also give the frames of events that may have landed unseen: of unconfirmed ones, and of those that were missing
    /// before a time in which Landfall did not see all that was written. If they did land, the pipeline gets them
    /// twice.
    #[arg(long)]
    unconfirmed: bool,
    /// Only show how many frames there are.
    #[arg(long)]
    dry_run: bool,
}

/// How a file holds frames.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FrameFormat {
    /// Each frame is a line, with the newline that it ends with.
    Lines,
    /// Each frame follows its length, so it may hold anything.
    Frames,
}

/// The number of refused frames that are listed; all are counted.
const NAMED_MAX: u64 = 20;

/// The slowest and the fastest rate: one frame in about a quarter of an hour, and more than any
/// machine can send.
const RATE_MIN: f64 = 0.001;
const RATE_MAX: f64 = 10_000_000.0;

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (RATE_MIN..=RATE_MAX).contains(rate))
        .ok_or_else(|| format!("expected frames a second, from {RATE_MIN} to {RATE_MAX}"))
}

pub fn run(args: &BackfillArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let config = global.load()?;
    anyhow::ensure!(
        args.publish.is_none()
            || args.topic.is_some()
            || config
                .streams
                .raw
                .source
                .zmq()
                .is_none_or(|zmq| zmq.envelope == Envelope::None),
        "raw messages are [topic, payload] (streams.raw.envelope = \"topic\"), and a frame is the \
         payload alone: name the topic to publish under, --topic TOPIC"
    );
    let reader = Reader::open(&config.store_dir())?;
    if !args.unconfirmed {
        ensure_watched(&reader)?;
    }
    let chosen = args.which.filter(&reader)?;
    let of = |certain, unconfirmed| MissingFilter {
        certain,
        unconfirmed,
        ..chosen.clone()
    };
    let filter = of((!args.unconfirmed).then_some(true), None);
    let total = reader.missing_count(&filter)?;
    let left_out = match args.unconfirmed {
        true => LeftOut::default(),
        false => LeftOut {
            unconfirmed: reader.missing_count(&of(None, Some(true)))?,
            unseen_since: reader.missing_count(&of(Some(false), Some(false)))?,
            unseen_meanwhile: 0,
        },
    };
    let bar = ProgressBar::new(total);
    if !print::is_watched() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let (counts, what) = match (&args.publish, &args.output) {
        (Some(_), _) if args.dry_run => (
            frames(&reader, &filter, &mut FramePacer::default(), |_, _| {
                Ok(FrameOutcome::Sent)
            })?,
            "would be published",
        ),
        (_, _) if args.dry_run => (
            write(args, &reader, &filter, Box::new(io::sink()), &bar)?,
            "would be written",
        ),
        (Some(endpoint), _) => (
            publish(args, &reader, &filter, endpoint, &bar)?,
            "published",
        ),
        (None, Some(path)) => {
            let out = open(path)?;
            let written = write(args, &reader, &filter, out, &bar);
            let written = written.with_context(|| format!("failed to write {}", path.display()));
            (written?, "written")
        }
        (None, None) => anyhow::bail!("name --output FILE or --publish ENDPOINT"),
    };
    bar.finish_and_clear();
    // A hole that began meanwhile made the rest doubtful.
    let left_out = LeftOut {
        unseen_meanwhile: counts.left_of(total),
        ..left_out
    };
    print_result(args, global, counts, left_out, what)?;
    Ok(if counts.is_all() && left_out.unseen_meanwhile == 0 {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

/// What became of a frame.
enum FrameOutcome {
    /// Written or published.
    Sent,
    /// Written with a newline that was added.
    WithNewline,
    /// Published, and nobody got it.
    NoSubscriber,
    Refused,
}

/// Calls `each` with every frame that is still missing. This is checked again for each event,
/// because it may have landed since it was listed.
fn frames(
    reader: &Reader,
    filter: &MissingFilter,
    pacer: &mut FramePacer,
    mut each: impl FnMut(&MissingEvent, &[u8]) -> anyhow::Result<FrameOutcome>,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    reader.missing_each(filter, None, |event| {
        std::thread::sleep(pacer.wait(Instant::now()));
        match reader.frame(event.id).map_err(BackfillError::Store)? {
            Frame::Kept(frame) => {
                let outcome = each(&event, &frame).map_err(BackfillError::Other)?;
                pacer.sent(Instant::now());
                counts.frames += u64::from(!matches!(outcome, FrameOutcome::Refused));
                match outcome {
                    FrameOutcome::Sent => {}
                    FrameOutcome::WithNewline => counts.newlines_added += 1,
                    FrameOutcome::NoSubscriber => counts.unwanted += 1,
                    FrameOutcome::Refused => counts.refused += 1,
                }
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

fn open(path: &Path) -> anyhow::Result<Box<dyn Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(print::frames()));
    }
    let file =
        private_file(path).with_context(|| format!("failed to create {}", path.display()))?;
    Ok(Box::new(file))
}

fn write(
    args: &BackfillArgs,
    reader: &Reader,
    filter: &MissingFilter,
    out: Box<dyn Write>,
    bar: &ProgressBar,
) -> anyhow::Result<Counts> {
    let mut file = FrameFile::begin(io::BufWriter::new(out), args.format, args.add_newline)?;
    let mut refused = 0;
    let counts = frames(
        reader,
        filter,
        &mut FramePacer::default(),
        |event, frame| {
            let outcome = match file.put(frame)? {
                Ok(outcome) => outcome,
                Err(why) => {
                    refused += 1;
                    if refused <= NAMED_MAX {
                        bar.suspend(|| {
                            print::note(format_args!("left out: {}: {why}", named(event)))
                        });
                    }
                    FrameOutcome::Refused
                }
            };
            bar.inc(1);
            Ok(outcome)
        },
    )?;
    if refused > NAMED_MAX {
        bar.suspend(|| print::note(format_args!("left out: and {} more", refused - NAMED_MAX)));
    }
    file.out.flush()?;
    Ok(counts)
}

/// An event by its key, its schema and its arrival.
fn named(event: &MissingEvent) -> String {
    let arrived = view::utc_second(event.arrived_ms);
    format!("{arrived}  {}  {}", event.schema, event.key)
}

/// A file of frames that reads back as it was written.
struct FrameFile<W> {
    out: W,
    framing: Framing,
    add_newline: bool,
    is_first: bool,
}

impl<W: Write> FrameFile<W> {
    fn begin(mut out: W, format: FrameFormat, add_newline: bool) -> io::Result<Self> {
        let framing = match format {
            FrameFormat::Lines => Framing::Lines,
            FrameFormat::Frames => Framing::Lengths,
        };
        out.write_all(framing.head())?;
        Ok(Self {
            out,
            framing,
            add_newline,
            is_first: true,
        })
    }

    /// Writes a frame. The inner error is the reason why it would not read back.
    fn put(&mut self, frame: &[u8]) -> io::Result<Result<FrameOutcome, Unfit>> {
        let fits = match self.framing {
            Framing::Lines => fits_line(frame, self.is_first),
            Framing::Lengths => Ok(()),
        };
        let outcome = match fits {
            Ok(()) => FrameOutcome::Sent,
            Err(Unfit::NoNewline) if self.add_newline => FrameOutcome::WithNewline,
            Err(why) => return Ok(Err(why)),
        };
        match self.framing.before(frame) {
            Ok(Some(length)) => self.out.write_all(&length)?,
            Ok(None) => {}
            Err(why) => return Ok(Err(why)),
        }
        self.out.write_all(frame)?;
        if matches!(outcome, FrameOutcome::WithNewline) {
            self.out.write_all(b"\n")?;
        }
        self.is_first = false;
        Ok(Ok(outcome))
    }
}

/// Creates a file that only its owner can read, because frames may hold personal data. An existing
/// file is not overwritten.
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
    let opened = ZmqPublisher::open(endpoint, attach, true)?;
    let mut publisher: Box<dyn Publisher> = Box::new(match &args.topic {
        Some(topic) => opened.with_topic(topic),
        None => opened,
    });
    print::note(format_args!("waiting for a subscriber at {endpoint}"));
    anyhow::ensure!(
        publisher.wait_for_listener(LISTENER_MAX)?,
        "nobody subscribed to {endpoint} within {LISTENER_MAX:?}: nothing was published"
    );
    let mut pacer = FramePacer::new(args.rate);
    let counts = frames(reader, filter, &mut pacer, |_, frame| {
        let is_wanted = publisher.publish(frame)?;
        bar.inc(1);
        Ok(if is_wanted {
            FrameOutcome::Sent
        } else {
            FrameOutcome::NoSubscriber
        })
    })?;
    publisher.finish()?;
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_makes_no_sense_is_refused() {
        for text in ["0", "-1", "1e-20", "inf", "NaN", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!(rate("0.5"), Ok(0.5));
    }
}
