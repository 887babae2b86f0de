//! Recorded streams: the lines of a file or of standard input as frames, or frames with their lengths;
//! plain, gzip or zstd. Which it is, is told by the first bytes.
//!
//! A frame is a line with its newline; the last one may lack it. A frame beyond the limit is counted
//! and skipped without ever being held whole.

pub mod framing;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use self::framing::{Framing, HEAD_BYTES, LENGTH_BYTES};
use super::{Link, Outlet, SourceContext, SourceError, SourceStats, Stop};

/// Read from the file, and from the decompressor, this many bytes at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Gzip members begin with this, and zstd frames with that (RFC 1952, RFC 8878).
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How the bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// Of a file that begins like this.
    fn of(head: &[u8]) -> Self {
        match head {
            head if head.starts_with(GZIP_MAGIC) => Packing::Gzip,
            head if head == ZSTD_MAGIC => Packing::Zstd,
            _ => Packing::Plain,
        }
    }
}

/// How far a file has been read; readable while it is.
#[derive(Debug)]
pub struct FileProgress {
    read_bytes: Arc<AtomicU64>,
    /// Size of the file as it lies on disk; None if that is unknown (a pipe).
    pub total_bytes: Option<u64>,
}

impl FileProgress {
    /// Bytes read of the file as it lies on disk.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

/// Counts the bytes that pass.
struct Counted<R> {
    inner: R,
    read_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The lines of one file.
pub struct FileSource {
    name: String,
    packing: Packing,
    reader: Box<dyn BufRead + Send>,
    progress: Arc<FileProgress>,
    lines: u64,
}

impl FileSource {
    /// Opens a file; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let fail = |source| SourceError::Open {
            path: name.clone(),
            source,
        };
        if path == Path::new("-") {
            return Self::of(Box::new(io::stdin()), "standard input", None);
        }
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let total_bytes = metadata.is_file().then_some(metadata.len());
        Self::of(Box::new(file), &name, total_bytes)
    }

    /// Reads lines from anything; `name` is for messages.
    pub fn of(
        input: Box<dyn Read + Send>,
        name: &str,
        total_bytes: Option<u64>,
    ) -> Result<Self, SourceError> {
        let fail = |source| SourceError::Open {
            path: name.to_owned(),
            source,
        };
        let read_bytes = Arc::new(AtomicU64::new(0));
        let mut input = Counted {
            inner: input,
            read_bytes: Arc::clone(&read_bytes),
        };
        let mut head = Vec::with_capacity(ZSTD_MAGIC.len());
        // `read_to_end` on a `take`: a pipe may give the first bytes one by one.
        (&mut input)
            .take(ZSTD_MAGIC.len() as u64)
            .read_to_end(&mut head)
            .map_err(fail)?;
        let packing = Packing::of(&head);
        let whole = BufReader::with_capacity(BUFFER_BYTES, io::Cursor::new(head).chain(input));
        let reader: Box<dyn BufRead + Send> = match packing {
            Packing::Plain => Box::new(whole),
            Packing::Gzip => Box::new(BufReader::with_capacity(
                BUFFER_BYTES,
                MultiGzDecoder::new(whole),
            )),
            Packing::Zstd => {
                let decoder = zstd::Decoder::with_buffer(whole).map_err(fail)?;
                Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
            }
        };
        let progress = Arc::new(FileProgress {
            read_bytes,
            total_bytes,
        });
        Ok(Self {
            name: name.to_owned(),
            packing,
            reader,
            progress,
            lines: 0,
        })
    }

    pub fn packing(&self) -> Packing {
        self.packing
    }

    pub fn progress(&self) -> &Arc<FileProgress> {
        &self.progress
    }

    /// Reads to the end (or until asked to stop) and hands everything on. Runs on the caller's
    /// thread. Whether it ends well or not, it no longer holds its stream's frontier afterwards.
    pub fn run(
        mut self,
        index: u16,
        context: SourceContext,
        stats: &Arc<SourceStats>,
        stop: &Stop,
    ) -> Result<(), SourceError> {
        let mut outlet = Outlet::new(context, index, Arc::clone(stats), stop.clone());
        stats.set_link(Link::Connected);
        let result = self.read_all(&mut outlet, stop);
        // Before an error is told: the lines until there were good.
        let handed_on = outlet.hand_on(|| {});
        outlet.progress().finish();
        stats.set_link(Link::Ended);
        result.and(handed_on)
    }

    fn read_all(&mut self, outlet: &mut Outlet, stop: &Stop) -> Result<(), SourceError> {
        let mut line = Vec::new();
        let framing = self.framing()?;
        while !stop.is_set() {
            let now_ms = outlet.clock().now_ms();
            let bytes_max = outlet.frame_bytes_max();
            let next = match framing {
                Framing::Lines => self.next_line(&mut line, bytes_max)?,
                Framing::Lengths => self.next_frame(&mut line, bytes_max)?,
            };
            match next {
                Line::End => break,
                Line::Oversize => drop(outlet.admits(usize::MAX)),
                Line::Whole => {
                    if outlet.push(&line, || {})? {
                        outlet.hand_on(|| {})?;
                    }
                }
            }
            outlet.progress().reach(now_ms);
        }
        Ok(())
    }

    /// How the file tells where a frame ends; of a file of lines nothing is consumed by that.
    fn framing(&mut self) -> Result<Framing, SourceError> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        let read = (&mut self.reader)
            .take(HEAD_BYTES as u64)
            .read_to_end(&mut head);
        read.map_err(|source| self.failed(source))?;
        let framing = Framing::of(&head);
        if framing == Framing::Lines {
            let rest = std::mem::replace(&mut self.reader, Box::new(io::empty()));
            self.reader = Box::new(io::Cursor::new(head).chain(rest));
        }
        Ok(framing)
    }

    /// The next frame that has its length before it, in `frame`.
    fn next_frame(&mut self, frame: &mut Vec<u8>, bytes_max: usize) -> Result<Line, SourceError> {
        frame.clear();
        let mut length = Vec::with_capacity(LENGTH_BYTES);
        let read = (&mut self.reader)
            .take(LENGTH_BYTES as u64)
            .read_to_end(&mut length);
        read.map_err(|source| self.failed(source))?;
        if length.is_empty() {
            return Ok(Line::End);
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
            Line::Oversize
        } else {
            Line::Whole
        })
    }

    /// The next line with its newline, in `line`.
    fn next_line(&mut self, line: &mut Vec<u8>, bytes_max: usize) -> Result<Line, SourceError> {
        line.clear();
        let mut oversize = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(self.failed(source)),
            };
            if buffer.is_empty() {
                return Ok(match (oversize, line.is_empty()) {
                    (true, _) => Line::Oversize,
                    (false, true) => Line::End,
                    (false, false) => Line::Whole,
                });
            }
            let newline = memchr::memchr(b'\n', buffer);
            let part = newline.map_or(buffer.len(), |at| at + 1);
            oversize |= line.len() + part > bytes_max;
            if !oversize {
                line.extend_from_slice(&buffer[..part]);
            }
            self.reader.consume(part);
            if newline.is_some() {
                self.lines += 1;
                return Ok(if oversize {
                    Line::Oversize
                } else {
                    Line::Whole
                });
            }
        }
    }

    fn failed(&self, source: io::Error) -> SourceError {
        SourceError::Read {
            path: self.name.clone(),
            offset: self.progress.read_bytes(),
            lines: self.lines,
            source,
        }
    }
}

/// What the reader found.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Whole,
    /// Longer than the limit; it has been skipped.
    Oversize,
    End,
}

#[cfg(test)]
mod tests;
