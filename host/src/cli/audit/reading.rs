//! Reads both sides of an audit at once, each on its own thread, until both are at their end or
//! something makes that pointless: an error of one side, a side of which not one line can be read,
//! an engine that gives up or dies, a signal. Then neither side waits for the other one.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use crate::bug::REPORT_BUG;
use crate::engine::Liveness;
use crate::engine::decoding::{Decoded, Decoding};
use crate::flow::{Refusal, ShutdownRequest};
use crate::sources::file::{
    FileProgress, FileReading, FileSettings, FileSource, Input, Packing, ReadSummary,
};
use crate::sources::{RunningSource, SourceError};
use crate::thread_watch::ThreadWatch;
use landfall_ledger::{PerStream, Stream};

/// How often progress is drawn, and how often it is checked whether going on makes sense.
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// One side, before it is read.
pub(super) struct Side {
    pub stream: Stream,
    pub settings: FileSettings,
    /// None if opening it may wait for somebody else. Then its reader opens it.
    pub opened: Option<Input>,
}

/// One side that was read to its end.
pub(super) struct Read {
    pub seen: ReadSummary,
    /// Frames that were handed on.
    pub frames: u64,
    /// Lines that are longer than `frame_bytes_max`.
    pub refused: u64,
}

impl Read {
    /// Whether it has lines, and none of them is a document: then it is no recording of this
    /// stream. The same holds for a JSON document over several lines, of which one may happen to be
    /// a document too.
    pub fn is_unreadable(&self, stream: Stream, decoding: &Decoding) -> bool {
        let decoded = decoding.of(stream, self.frames);
        let is_unreadable =
            |decoded: Decoded| self.seen.is_unreadable(decoded.keyed, decoded.keyless);
        self.seen.is_whole && decoded.is_some_and(is_unreadable)
    }

    /// Whether all its lines are documents, and none of them has a key.
    pub fn is_keyless(&self, stream: Stream, decoding: &Decoding) -> bool {
        let decoded = decoding.of(stream, self.frames);
        let is_keyless = |decoded: Decoded| {
            decoded.keyed == 0 && decoded.keyless > 0 && decoded.keyless == self.frames
        };
        decoded.is_some_and(is_keyless)
    }
}

/// What shows whether going on makes sense.
pub(super) struct ReadWatch<'a> {
    pub stop: &'a ShutdownRequest,
    pub decoding: &'a Decoding,
    pub liveness: &'a Liveness,
}

/// The threads that read.
pub(super) struct Readers {
    sides: Vec<Reader>,
    bars: MultiProgress,
}

/// One side that is being read.
struct Reader {
    stream: Stream,
    source: RunningSource,
    reading: Arc<FileReading>,
    bar: Option<ProgressBar>,
}

/// Both sides, as far as they were read.
pub(super) type Reads = PerStream<Option<Read>>;

impl Readers {
    pub fn new(bars: MultiProgress) -> Self {
        Self {
            sides: Vec::new(),
            bars,
        }
    }

    /// Reads a side on its own thread.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn start(
        &mut self,
        source: FileSource,
        stream: Stream,
        threads: &Arc<ThreadWatch>,
    ) -> Result<(), SourceError> {
        let reading = Arc::clone(source.reading());
        self.sides.push(Reader {
            stream,
            source: RunningSource::start(Box::new(source), threads)?,
            reading,
            bar: None,
        });
        Ok(())
    }

    /// Waits until both sides are read. If something makes that pointless, it sets `stop`, and
    /// waits until the readers have ended.
    ///
    /// # Errors
    /// The first error of a reader.
    pub fn wait(mut self, watch: &ReadWatch<'_>) -> anyhow::Result<Reads> {
        let mut reads = Reads::default();
        let mut failed = None;
        while !self.sides.is_empty() {
            self.sides.iter_mut().for_each(|side| side.draw(&self.bars));
            for side in self.sides.extract_if(.., |side| side.source.has_ended()) {
                let stream = side.stream;
                match side.end() {
                    Ok(read) => reads[stream] = Some(read),
                    Err(error) => {
                        // There will be no answer.
                        watch.stop.set();
                        // An engine that has ended reports the reason itself.
                        let is_closed = matches!(error.downcast_ref(), Some(SourceError::Closed));
                        failed = failed.or((!is_closed).then_some(error));
                    }
                }
            }
            let is_pointless = reads.iter().any(|(stream, read)| {
                let read = read.as_ref();
                read.is_some_and(|read| read.is_unreadable(stream, watch.decoding))
            });
            if is_pointless || watch.liveness.check().is_err() {
                watch.stop.set();
            }
            thread::sleep(CHECK_EVERY);
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(reads),
        }
    }
}

impl Reader {
    /// Shows how far the side is read, once it is open.
    fn draw(&mut self, bars: &MultiProgress) {
        let Some(progress) = self.reading.progress.get() else {
            return;
        };
        let bar = self
            .bar
            .get_or_insert_with(|| bars.add(bar(self.stream, progress)));
        bar.set_position(progress.read_bytes());
        if progress.packing != Packing::Plain {
            let unpacked = HumanBytes(progress.unpacked_bytes());
            bar.set_message(format!("{unpacked} unpacked"));
        }
    }

    /// What it has read, once its thread has ended.
    fn end(self) -> anyhow::Result<Read> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let status = Arc::clone(&self.source.status);
        let died = || anyhow::anyhow!("a thread that reads a file died; {REPORT_BUG}");
        self.source.join().map_err(|_| died())??;
        let seen = self.reading.seen.get().cloned().ok_or_else(died)?;
        Ok(Read {
            seen,
            frames: status.frames(),
            refused: status.refused(Refusal::Oversize),
        })
    }
}

fn bar(stream: Stream, progress: &FileProgress) -> ProgressBar {
    let (bar, template) = match progress.total_bytes {
        Some(total) => (
            ProgressBar::new(total),
            "{prefix:>8} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}",
        ),
        // It is not known where the side ends.
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
