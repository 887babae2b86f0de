//! Both sides of an audit are read side by side, each on a thread of its own, until both are at their end or
//! something makes that pointless: an error of one of them, a side of which not one line can be read, an engine
//! that gives up or dies, a signal. Then neither waits for the other one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use crate::engine::Liveness;
use crate::engine::decoding::{Decoded, Decoding};
use crate::sources::file::{FileProgress, FileSource, Input, Packing, Seen};
use crate::sources::{Refusal, SourceContext, SourceError, SourceProgress, SourceStats, ShutdownRequest};
use landfall_ledger::{PerStream, Stream};

/// How often progress is drawn, and looked whether going on makes sense.
const LOOK: Duration = Duration::from_millis(20);

/// One side, before it is read.
pub(super) struct Side {
    pub stream: Stream,
    pub path: PathBuf,
    /// How its text would be read from a pipe.
    pub remedy: String,
    pub ratio_max: u64,
    /// None if opening it may take as long as somebody else likes: its reader opens it.
    pub opened: Option<FileSource>,
}

/// One side that was read to its end.
pub(super) struct Read {
    pub seen: Seen,
    /// Frames that were handed on.
    pub frames: u64,
    /// Lines that are longer than `frame_bytes_max`.
    pub refused: u64,
}

impl Read {
    /// Whether it holds lines, and not one of them is a document: that is no recording of this stream. Nor is
    /// a JSON document over several lines, of which one may happen to be a document too.
    pub fn is_unreadable(&self, stream: Stream, decoding: &Decoding) -> bool {
        let decoded = decoding.of(stream, self.frames);
        let is_unreadable =
            |decoded: Decoded| self.seen.is_unreadable(decoded.keyed, decoded.keyless);
        self.seen.is_whole && decoded.is_some_and(is_unreadable)
    }
}

impl Read {
    /// Whether all that it holds are documents, and none of them has a key.
    pub fn is_keyless(&self, stream: Stream, decoding: &Decoding) -> bool {
        let decoded = decoding.of(stream, self.frames);
        let is_keyless = |decoded: Decoded| {
            decoded.keyed == 0 && decoded.keyless > 0 && decoded.keyless == self.frames
        };
        decoded.is_some_and(is_keyless)
    }
}

/// What tells whether going on makes sense.
pub(super) struct Watch<'a> {
    pub stop: &'a ShutdownRequest,
    pub decoding: &'a Decoding,
    pub liveness: &'a Liveness,
}

/// How the reading of a side ended; an outer error is a thread that died.
type Ended = (Stream, thread::Result<Result<Read, SourceError>>);

/// The threads that read.
pub(super) struct Readers {
    ended: Receiver<Ended>,
    ending: Sender<Ended>,
    bars: MultiProgress,
    stop: ShutdownRequest,
}

/// Both sides, as far as they were read.
pub(super) type Reads = PerStream<Option<Read>>;

impl Readers {
    pub fn new(stop: &ShutdownRequest, bars: MultiProgress) -> Self {
        let (ending, ended) = channel();
        Self {
            ended,
            ending,
            bars,
            stop: stop.clone(),
        }
    }

    /// Reads a side on a thread of its own. `unread` holds its stream's frontier until that is done.
    pub fn start(
        &self,
        side: Side,
        context: SourceContext,
        unread: Arc<SourceProgress>,
    ) -> std::io::Result<()> {
        let stream = side.stream;
        let (ending, bars, stop) = (self.ending.clone(), self.bars.clone(), self.stop.clone());
        thread::Builder::new()
            .name(format!("read-{}", stream.as_str()))
            .spawn(move || {
                let reading = AssertUnwindSafe(|| read(side, context, &bars, &stop));
                let read = catch_unwind(reading);
                if !matches!(read, Ok(Ok(_))) {
                    // There will be no answer.
                    stop.set();
                }
                unread.finish();
                // It is waited for until all have told.
                let _ = ending.send((stream, read));
            })?;
        Ok(())
    }

    /// Waits until both sides are read. If something makes that pointless, it sets `stop`, and waits until the
    /// readers have seen it. An error is the first one.
    pub fn wait(self, watch: &Watch<'_>) -> anyhow::Result<Reads> {
        drop(self.ending);
        let mut reads = Reads::default();
        let mut failed = None;
        loop {
            let died = || {
                anyhow::anyhow!(
                    "a thread that reads a file died; this is a bug of Landfall, please report it"
                )
            };
            match self.ended.recv_timeout(LOOK) {
                Ok((stream, Ok(Ok(read)))) => reads[stream] = Some(read),
                // The engine has ended: it says why.
                Ok((_, Ok(Err(SourceError::Closed)))) => {}
                Ok((_, Ok(Err(error)))) => drop(failed.get_or_insert_with(|| error.into())),
                Ok((_, Err(_))) => drop(failed.get_or_insert_with(died)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let is_pointless = reads.iter().any(|(stream, read)| {
                let read = read.as_ref();
                read.is_some_and(|read| read.is_unreadable(stream, watch.decoding))
            });
            if is_pointless || watch.liveness.check().is_err() {
                watch.stop.set();
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(reads),
        }
    }
}

/// Opens a file, if it is not open, and reads it to its end.
fn read(
    side: Side,
    context: SourceContext,
    bars: &MultiProgress,
    stop: &ShutdownRequest,
) -> Result<Read, SourceError> {
    let Side {
        stream,
        path,
        remedy,
        ratio_max,
        opened,
    } = side;
    let file = match opened {
        Some(file) => file,
        None => FileSource::new(Input::open(&path, &remedy, ratio_max, stop)?),
    };
    let progress = Arc::clone(file.progress());
    let bar = bars.add(bar(stream, &progress));
    let stats = Arc::new(SourceStats::new(stream, stream.as_str()));
    let seen = thread::scope(|scope| {
        let reading = scope.spawn(|| file.run(0, context, &stats, stop));
        while !reading.is_finished() {
            bar.set_position(progress.read_bytes());
            if progress.packing != Packing::Plain {
                let unpacked = HumanBytes(progress.unpacked_bytes());
                bar.set_message(format!("{unpacked} unpacked"));
            }
            thread::sleep(LOOK);
        }
        bar.finish_and_clear();
        // A panic goes on: whoever waits for this thread hears that it is gone.
        reading.join().unwrap_or_else(|panic| resume_unwind(panic))
    })?;
    Ok(Read {
        seen,
        frames: stats.frames(),
        refused: stats.refused(Refusal::Oversize),
    })
}

fn bar(stream: Stream, progress: &FileProgress) -> ProgressBar {
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
