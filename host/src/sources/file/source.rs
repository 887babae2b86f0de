//! A recorded file as a source. It is open already, or its own thread opens it, because opening a
//! pipe waits until somebody writes to it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::{FileProgress, FileReader, Input, ReadSummary};
use crate::flow::{Link, ShutdownRequest, SourceProgress, SourceStatus};
use crate::sources::{BatchWriter, Source, SourceContext, SourceError};

/// Which file to read, and how.
#[derive(Clone, Debug)]
pub struct FileSettings {
    pub path: PathBuf,
    /// The command that would read its text from a pipe, for error messages.
    pub remedy: String,
    /// How many bytes each byte of a packed file may unpack to.
    pub ratio_max: u64,
}

impl FileSettings {
    /// Opens the file.
    ///
    /// # Errors
    /// The file does not exist or cannot be read, or `stop` was set during the wait for a pipe.
    pub fn open(&self, stop: &ShutdownRequest) -> Result<Input, SourceError> {
        Input::open(&self.path, &self.remedy, self.ratio_max, stop)
    }
}

/// What is known of a file while it is read, and what was read when it is done. Each is set once.
#[derive(Debug, Default)]
pub struct FileReading {
    /// Set once the file is open.
    pub progress: OnceLock<Arc<FileProgress>>,
    /// Set once the file was read to its end, or until the request to shut down.
    pub seen: OnceLock<ReadSummary>,
}

/// A file to read.
pub struct FileSource {
    settings: FileSettings,
    opened: Option<Input>,
    stop: ShutdownRequest,
    batch_writer: BatchWriter,
    reading: Arc<FileReading>,
}

impl FileSource {
    /// If `opened` is None, its thread opens the file.
    pub fn new(settings: FileSettings, opened: Option<Input>, context: SourceContext) -> Self {
        let status = SourceStatus::new(context.stream, context.stream.as_str());
        let reading = FileReading::default();
        if let Some(input) = &opened {
            // The cell was empty, so this cannot fail.
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

    /// What is known of the file while it is read.
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
        // If the file was open before, it is the same progress.
        let _ = self.reading.progress.set(Arc::clone(input.progress()));
        let seen = FileReader::new(input).read_to_end(&mut self.batch_writer, &self.stop)?;
        // Nobody else sets it.
        let _ = self.reading.seen.set(seen);
        Ok(())
    }
}

/// When the reading ends in any way, the file no longer holds the frontier of its stream.
struct Finish(Arc<SourceProgress>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}
