//! Recorded streams: the lines of a file or of standard input as frames, or frames with their
//! lengths. The first bytes decide which of the two it is.
//!
//! In a file of lines, a frame is a line with its newline; the last one may lack it. A frame beyond
//! the limit is counted and skipped, and is never held whole in memory.

pub mod framing;

mod gzip;
mod input;
mod looks;
mod origin;
mod packing;
mod pipe;
mod source;

use std::error::Error;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

pub use self::input::{FileProgress, Input, RATIO_MAX, keeps_waiting, waits};
pub use self::origin::FileOrigin;
pub use self::packing::Packing;
pub use self::source::{FileReading, FileSettings, FileSource};

use self::framing::{Framing, HEAD_BYTES, LENGTH_BYTES};
use self::gzip::Garbage;
use self::input::{Dense, Failed};
use self::pipe::Stopped;
use super::{BatchWriter, SourceError};
use crate::flow::{Refusal, ShutdownRequest};

/// A line that is longer than this is an error: it may have no end. The longest frame that can be
/// configured is a sixteenth of it.
const LINE_SKIPPED_BYTES_MAX: u64 = 256 << 20;

/// Reads the frames of one file.
pub struct FileReader {
    origin: FileOrigin,
    reader: Box<dyn BufRead + Send>,
    progress: Arc<FileProgress>,
    lines: u64,
    filled_lines: u64,
}

/// What was read of a file.
#[derive(Clone, Debug)]
pub struct ReadSummary {
    pub origin: FileOrigin,
    /// Lines (or frames) that are not empty, including those that are too long.
    pub filled_lines: u64,
    /// Whether it was read to its end, and not ended by the request to shut down.
    pub is_whole: bool,
}

impl ReadSummary {
    /// Whether it is no recording, if so many of its lines have a key, and so many are documents
    /// without a key.
    pub fn is_unreadable(&self, keyed: u64, keyless: u64) -> bool {
        self.origin.is_unreadable(self.filled_lines, keyed, keyless)
    }
}

impl FileReader {
    /// Reads the frames of an input.
    pub fn new(input: Input) -> Self {
        let Input {
            origin,
            reader,
            progress,
        } = input;
        Self {
            origin,
            reader,
            progress,
            lines: 0,
            filled_lines: 0,
        }
    }

    /// How far the file has been read.
    pub fn progress(&self) -> &Arc<FileProgress> {
        &self.progress
    }

    /// Reads to the end (or until the request to shut down) and hands everything on.
    fn read_to_end(
        mut self,
        batch_writer: &mut BatchWriter,
        stop: &ShutdownRequest,
    ) -> Result<ReadSummary, SourceError> {
        let result = match self.read_all(batch_writer, stop) {
            Err(SourceError::Stopped) => Ok(false),
            result => result,
        };
        // The lines before the error were good, so they are handed on before it is reported.
        let handed_on = batch_writer.hand_on(|| {});
        let is_whole = result?;
        handed_on?;
        Ok(ReadSummary {
            origin: self.origin,
            filled_lines: self.filled_lines,
            is_whole,
        })
    }

    /// Reads all lines. Gives whether it came to the end.
    fn read_all(
        &mut self,
        batch_writer: &mut BatchWriter,
        stop: &ShutdownRequest,
    ) -> Result<bool, SourceError> {
        let mut line = Vec::new();
        let framing = self.framing();
        while !stop.is_set() {
            let now_ms = batch_writer.clock().now_ms();
            let bytes_max = batch_writer.frame_bytes_max();
            let next = match framing {
                Framing::Lines => self.next_line(&mut line, bytes_max)?,
                Framing::Lengths => self.next_frame(&mut line, bytes_max)?,
            };
            match next {
                ReadLine::End => return Ok(true),
                ReadLine::Oversize => {
                    self.filled_lines += 1;
                    batch_writer.stats().refuse(Refusal::Oversize);
                }
                ReadLine::Whole => {
                    self.filled_lines += u64::from(!line.trim_ascii().is_empty());
                    if batch_writer.push(&line, || {})? {
                        batch_writer.hand_on(|| {})?;
                    }
                }
            }
            batch_writer.progress().reach(now_ms);
        }
        Ok(false)
    }

    /// How the end of a frame is found in this file. In a file of lines nothing is consumed by
    /// this.
    fn framing(&mut self) -> Framing {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        let read = (&mut self.reader)
            .take(HEAD_BYTES as u64)
            .read_to_end(&mut head);
        // The error comes after the bytes that are there: the lines before it are good.
        let failed = Failed(read.err());
        let framing = Framing::of(&head);
        let rest = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        let head = match framing {
            Framing::Lines => head,
            Framing::Lengths => Vec::new(),
        };
        self.reader = Box::new(io::Cursor::new(head).chain(failed).chain(rest));
        framing
    }

    /// Reads the next frame, which follows its length, into `frame`.
    fn next_frame(
        &mut self,
        frame: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<ReadLine, SourceError> {
        frame.clear();
        let mut length = Vec::with_capacity(LENGTH_BYTES);
        let read = (&mut self.reader)
            .take(LENGTH_BYTES as u64)
            .read_to_end(&mut length);
        read.map_err(|source| self.failed(source))?;
        if length.is_empty() {
            return Ok(ReadLine::End);
        }
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let length: [u8; LENGTH_BYTES] = length.try_into().map_err(|_| self.failed(cut()))?;
        let length = u64::from(u32::from_le_bytes(length));
        let is_oversize = usize::try_from(length).map_or(true, |length| length > bytes_max);
        let mut part = (&mut self.reader).take(length);
        let read = if is_oversize {
            io::copy(&mut part, &mut io::sink())
        } else {
            part.read_to_end(frame).map(|read| read as u64)
        };
        match read {
            Ok(read) if read == length => {}
            Ok(_) => return Err(self.failed(cut())),
            Err(source) => return Err(self.failed(source)),
        }
        self.lines += 1;
        Ok(if is_oversize {
            ReadLine::Oversize
        } else {
            ReadLine::Whole
        })
    }

    /// Reads the next line with its newline into `line`.
    fn next_line(&mut self, line: &mut Vec<u8>, bytes_max: usize) -> Result<ReadLine, SourceError> {
        line.clear();
        let mut oversize = false;
        let mut skipped = 0;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(self.failed(source)),
            };
            if buffer.is_empty() {
                return Ok(match (oversize, line.is_empty()) {
                    (true, _) => ReadLine::Oversize,
                    (false, true) => ReadLine::End,
                    (false, false) => ReadLine::Whole,
                });
            }
            let newline = memchr::memchr(b'\n', buffer);
            let part = newline.map_or(buffer.len(), |at| at + 1);
            oversize |= line.len() + part > bytes_max;
            if oversize {
                skipped += part as u64;
            } else {
                line.extend_from_slice(&buffer[..part]);
            }
            self.reader.consume(part);
            if skipped > LINE_SKIPPED_BYTES_MAX {
                return Err(self.endless());
            }
            if newline.is_some() {
                self.lines += 1;
                return Ok(if oversize {
                    ReadLine::Oversize
                } else {
                    ReadLine::Whole
                });
            }
        }
    }

    /// The error for a line without an end.
    fn endless(&self) -> SourceError {
        // The beginning alone is enough for a guess at what the file is.
        let guess = (self.lines == 0).then(|| self.origin.guess()).flatten();
        SourceError::Endless {
            path: self.origin.name.clone(),
            line: self.lines + 1,
            bytes: LINE_SKIPPED_BYTES_MAX,
            advice: guess.unwrap_or_else(|| "a recording has one frame a line".to_owned()),
        }
    }

    fn failed(&self, source: io::Error) -> SourceError {
        let is_of = |kind: fn(&(dyn Error + Send + Sync + 'static)) -> bool| {
            source.get_ref().is_some_and(kind)
        };
        let path = self.origin.name.clone();
        let lines = self.lines;
        if is_of(|cause| cause.is::<Stopped>()) {
            return SourceError::Stopped;
        }
        if is_of(|cause| cause.is::<Dense>() || cause.is::<Garbage>()) {
            return SourceError::RefusedCounts {
                path,
                lines,
                source,
            };
        }
        SourceError::Read {
            path,
            offset: self.progress.read_bytes(),
            lines,
            source,
        }
    }
}

/// What the reader found.
#[derive(Debug, PartialEq, Eq)]
enum ReadLine {
    Whole,
    /// Longer than the limit; it has been skipped.
    Oversize,
    End,
}

#[cfg(test)]
mod tests;
