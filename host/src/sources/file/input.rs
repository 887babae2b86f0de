//! Reads a file, standard input or a pipe as plain bytes: gzip and zstd are unpacked, and a UTF-8
//! mark is skipped. Any other format is refused by its name. Knows nothing of lines and frames.

use std::io::{self, BufRead, BufReader, IsTerminal as _, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use landfall_document::{FORMAT_HEAD_BYTES, Format, UTF8_MARK};

use super::gzip::Members;
use super::origin::{FileOrigin, STANDARD_INPUT};
use super::packing::Packing;
use super::pipe::{Interruptible, may_wait};
use crate::flow::ShutdownRequest;
use crate::sources::SourceError;

/// Bytes that are read at a time, from the file and from the decompressor.
pub(super) const BUFFER_BYTES: usize = 256 << 10;

/// This many bytes may be unpacked from any file: reading them takes seconds.
const UNPACKED_FREE_BYTES: u64 = 1 << 30;

/// Beyond that, the number of bytes that each packed byte may unpack to, unless the caller sets
/// another limit. Events unpack to ten or fifty. What unpacks to more was made to be long.
pub const RATIO_MAX: u64 = 500;

/// How far a file has been read. It can be read by other threads meanwhile.
#[derive(Debug)]
pub struct FileProgress {
    read_bytes: Arc<AtomicU64>,
    unpacked_bytes: Arc<AtomicU64>,
    /// Size of the file on disk; None if it is unknown (a pipe).
    pub total_bytes: Option<u64>,
    pub packing: Packing,
}

impl FileProgress {
    /// Bytes read of the file on disk.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that they were unpacked to. For a plain file the number is the same.
    pub fn unpacked_bytes(&self) -> u64 {
        match self.packing {
            Packing::Plain => self.read_bytes(),
            _ => self.unpacked_bytes.load(Ordering::Relaxed),
        }
    }
}

/// Counts the bytes that pass.
struct CountedReader<R> {
    inner: R,
    read_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for CountedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The file unpacks out of all proportion.
#[derive(Debug, thiserror::Error)]
#[error(
    "its first {packed} bytes unpack to {unpacked}, more than {ratio_max} times as many; if that is meant, \
     allow more with --ratio-max"
)]
pub(super) struct Dense {
    packed: u64,
    unpacked: u64,
    ratio_max: u64,
}

/// The output of a decompressor. It is counted, and stopped if it is out of all proportion.
struct Unpacked<R> {
    inner: R,
    read_bytes: Arc<AtomicU64>,
    unpacked_bytes: Arc<AtomicU64>,
    ratio_max: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let before = self
            .unpacked_bytes
            .fetch_add(read as u64, Ordering::Relaxed);
        let unpacked = before + read as u64;
        let packed = self.read_bytes.load(Ordering::Relaxed);
        if unpacked > UNPACKED_FREE_BYTES && unpacked > packed.saturating_mul(self.ratio_max) {
            return Err(io::Error::other(Dense {
                packed,
                unpacked,
                ratio_max: self.ratio_max,
            }));
        }
        Ok(read)
    }
}

/// The error that ended the reading of a head. It is reported once everything before it is read.
pub(super) struct Failed(pub Option<io::Error>);

impl BufRead for Failed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.take().map_or(Ok(&[]), Err)
    }

    fn consume(&mut self, _: usize) {}
}

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Passes bytes on, and keeps their beginning in the origin.
struct Keeping<R> {
    inner: R,
    origin: FileOrigin,
    has_room: bool,
}

impl<R: Read> Read for Keeping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if self.has_room && read > 0 {
            self.has_room = self.origin.keep(&buffer[..read]);
        }
        Ok(read)
    }
}

/// An open file.
pub struct Input {
    pub(super) origin: FileOrigin,
    pub(super) reader: Box<dyn BufRead + Send>,
    pub(super) progress: Arc<FileProgress>,
}

/// A hint to show before a file is opened, if reading it may wait for somebody else.
pub fn waits(path: &Path) -> Option<String> {
    if path == Path::new("-") {
        let stdin = io::stdin();
        return stdin
            .is_terminal()
            .then(|| "standard input is a terminal: it is read until its end (Ctrl-D)".to_owned());
    }
    let kind = std::fs::metadata(path).ok()?.file_type();
    let name = path.display();
    if kind.is_fifo() {
        return Some(format!(
            "{name} is a pipe: it is read until everybody who writes to it has closed it"
        ));
    }
    let waits = kind.is_char_device() && path != Path::new("/dev/null");
    waits.then(|| format!("{name} is a device: it is read until its end, which it may not have"))
}

/// Whether opening and reading a file may wait for somebody else. False for a file that does not
/// exist: that is an error.
pub fn keeps_waiting(path: &Path) -> bool {
    match path == Path::new("-") {
        true => Interruptible::standard_input(&ShutdownRequest::default())
            .is_ok_and(|(_, metadata)| may_wait(&metadata)),
        false => std::fs::metadata(path).is_ok_and(|metadata| may_wait(&metadata)),
    }
}

impl Input {
    /// Opens a file and looks at its beginning; `-` is standard input. `remedy` is the command that
    /// would read the text from a pipe: `landfall audit --raw -`. Reads end with an error once
    /// `stop` is set.
    ///
    /// # Errors
    /// The file cannot be opened or read, or has a format that is not read here.
    pub fn open(
        path: &Path,
        remedy: &str,
        ratio_max: u64,
        stop: &ShutdownRequest,
    ) -> Result<Self, SourceError> {
        let is_stdin = path == Path::new("-");
        let name = match is_stdin {
            true => STANDARD_INPUT.to_owned(),
            false => path.display().to_string(),
        };
        let fail = |source| SourceError::Open {
            path: name.clone(),
            source,
        };
        let opened = match is_stdin {
            true => Interruptible::standard_input(stop),
            false => Interruptible::open(path, stop),
        };
        let (file, metadata) = opened.map_err(fail)?;
        if metadata.is_dir() {
            return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let total_bytes = (metadata.is_file() && !is_stdin).then_some(metadata.len());
        Self::of(Box::new(file), &name, total_bytes, remedy, ratio_max)
    }

    /// Reads from any input; `name` is for messages.
    ///
    /// # Errors
    /// The bytes have a format that is not read here.
    pub fn of(
        input: Box<dyn Read + Send>,
        name: &str,
        total_bytes: Option<u64>,
        remedy: &str,
        ratio_max: u64,
    ) -> Result<Self, SourceError> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let unpacked_bytes = Arc::new(AtomicU64::new(0));
        let input = CountedReader {
            inner: input,
            read_bytes: Arc::clone(&read_bytes),
        };
        let (head, whole) = headed(Box::new(input));
        let packing = Packing::of(&head);
        let unpacked = |inner: Box<dyn Read + Send>| Unpacked {
            inner,
            read_bytes: Arc::clone(&read_bytes),
            unpacked_bytes: Arc::clone(&unpacked_bytes),
            ratio_max,
        };
        let whole = BufReader::with_capacity(BUFFER_BYTES, whole);
        let (head, whole) = match packing {
            Packing::Plain => (head, Box::new(whole) as Box<dyn Read + Send>),
            Packing::Gzip => headed(Box::new(unpacked(Box::new(Members::new(whole))))),
            Packing::Zstd => {
                let decoder = zstd::Decoder::with_buffer(whole);
                let decoder = decoder.map_err(|source| SourceError::Open {
                    path: name.to_owned(),
                    source,
                })?;
                headed(Box::new(unpacked(Box::new(decoder))))
            }
        };
        let origin = FileOrigin::new(name, packing, remedy);
        if let Some(format) = Format::of(&head) {
            return Err(origin.foreign(format));
        }
        let whole = Keeping {
            inner: whole,
            origin: origin.clone(),
            has_room: true,
        };
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, whole);
        if head.starts_with(UTF8_MARK) {
            // The mark was read with the head, so it is there.
            let mut mark = [0; UTF8_MARK.len()];
            let _ = reader.read_exact(&mut mark);
        }
        Ok(Self {
            origin,
            reader: Box::new(reader),
            progress: Arc::new(FileProgress {
                read_bytes,
                unpacked_bytes,
                total_bytes,
                packing,
            }),
        })
    }

    /// How far the input has been read.
    pub fn progress(&self) -> &Arc<FileProgress> {
        &self.progress
    }

    /// Describes the file for messages.
    pub fn origin(&self) -> &FileOrigin {
        &self.origin
    }

    /// Gives the bytes to a caller that reads them itself.
    pub fn into_reader(self) -> Box<dyn BufRead + Send> {
        self.reader
    }
}

/// The first bytes, and a reader of everything including them. If reading them fails, the reader
/// gives the error in its place.
fn headed(mut input: Box<dyn Read + Send>) -> (Vec<u8>, Box<dyn Read + Send>) {
    let mut head = Vec::with_capacity(FORMAT_HEAD_BYTES);
    // `read_to_end` on a `take`, because a pipe may give the first bytes one by one.
    let read = (&mut input)
        .take(FORMAT_HEAD_BYTES as u64)
        .read_to_end(&mut head);
    let failed = Failed(read.err());
    let whole = io::Cursor::new(head.clone()).chain(failed).chain(input);
    (head, Box::new(whole))
}
