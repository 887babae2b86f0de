//! A recorded file as a source. It is open already, or its own thread opens it: opening a pipe waits until somebody
//! writes to it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::{FileProgress, FileReader, Input, Seen};
use crate::flow::{Link, ShutdownRequest, SourceProgress, SourceStatus};
use crate::sources::{BatchWriter, Source, SourceContext, SourceError};

/// Which file it is, and how it is read.
#[derive(Clone, Debug)]
pub struct FileSettings {
    pub path: PathBuf,
    /// The command by which its text would be read from a pipe, for errors.
    pub remedy: String,
    /// How many bytes a byte of a packed file may unpack to.
    pub ratio_max: u64,
}

impl FileSettings {
    /// Opens the file.
    ///
    /// # Errors
    /// It is not there, or is nothing that can be read; or `stop` was set while a pipe was waited for.
    pub fn open(&self, stop: &ShutdownRequest) -> Result<Input, SourceError> {
        Input::open(&self.path, &self.remedy, self.ratio_max, stop)
    }
}

/// What is known of a file while it is read, and what was read when it is done. Set once each.
#[derive(Debug, Default)]
pub struct FileReading {
    /// Since it is open.
    pub progress: OnceLock<Arc<FileProgress>>,
    /// Since it was read to its end, or until it was asked to stop.
    pub seen: OnceLock<Seen>,
}

/// A file that is to be read.
pub struct FileSource {
    settings: FileSettings,
    opened: Option<Input>,
    stop: ShutdownRequest,
    batch_writer: BatchWriter,
    reading: Arc<FileReading>,
}

impl FileSource {
    /// `opened` is None if its thread is to open it.
    pub fn new(settings: FileSettings, opened: Option<Input>, context: SourceContext) -> Self {
        let status = SourceStatus::new(context.stream, context.stream.as_str());
        let reading = FileReading::default();
        if let Some(input) = &opened {
            // It was empty.
            let _ = reading.progress.set(Arc::clone(input.progress()));
        }
        Self {
            settings,
            opened,
            stop: context.stop.clone(),
            batch_writer: BatchWriter::new(context, 0, Arc::new(status)),
            reading: Arc::new(reading),
        }
    }

    pub fn reading(&self) -> &Arc<FileReading> {
        &self.reading
    }
}

impl Source for FileSource {
    fn thread_name(&self) -> String {
        format!("read-{}", self.batch_writer.stats().stream().as_str())
    }

    fn status(&self) -> Arc<SourceStatus> {
        Arc::clone(self.batch_writer.stats())
    }

    fn run(mut self: Box<Self>) -> Result<(), SourceError> {
        let status = self.status();
        status.set_link(Link::Connected);
        let _finished = Finish(Arc::clone(self.batch_writer.progress()));
        let input = match self.opened.take() {
            Some(input) => input,
            None => self.settings.open(&self.stop)?,
        };
        // It is the same one if it was open before.
        let _ = self.reading.progress.set(Arc::clone(input.progress()));
        let seen = FileReader::new(input).read_to_end(&mut self.batch_writer, &self.stop)?;
        // Nobody else sets it.
        let _ = self.reading.seen.set(seen);
        Ok(())
    }
}

/// However the reading ends, the file no longer holds the frontier of its stream.
struct Finish(Arc<SourceProgress>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}
