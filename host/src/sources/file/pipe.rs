//! Reads from a file that may keep its reader waiting: a pipe, a terminal, a device. The read ends
//! when the program is asked to end. So nobody waits for one side of an audit when the other one
//! has failed. Knows nothing of what is read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::flow::ShutdownRequest;

/// How often a waiting read checks whether it must end.
const CHECK_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// The read was asked to end.
#[derive(Debug, thiserror::Error)]
#[error("it was not read to its end, because the program was asked to end")]
pub(super) struct Stopped;

/// An open file whose reads end when the request to shut down is set.
pub(super) struct Interruptible {
    file: File,
    stop: ShutdownRequest,
    waits: bool,
}

/// Whether reading such a file may wait for somebody else.
pub(super) fn may_wait(metadata: &Metadata) -> bool {
    let kind = metadata.file_type();
    kind.is_fifo() || kind.is_socket() || kind.is_char_device()
}

impl Interruptible {
    /// Opens a file. A pipe without a writer is open at once; the wait is in the read.
    ///
    /// # Errors
    /// The system cannot open it.
    pub fn open(path: &Path, stop: &ShutdownRequest) -> io::Result<(Self, Metadata)> {
        let mut options = OpenOptions::new();
        options.read(true);
        if std::fs::metadata(path)?.file_type().is_fifo() {
            options.custom_flags(OFlags::NONBLOCK.bits() as i32);
        }
        Self::of(options.open(path)?, stop)
    }

    /// Standard input, without the buffer of the standard library.
    ///
    /// # Errors
    /// The system cannot open it.
    pub fn standard_input(stop: &ShutdownRequest) -> io::Result<(Self, Metadata)> {
        let descriptor = io::stdin().as_fd().try_clone_to_owned()?;
        Self::of(File::from(descriptor), stop)
    }

    fn of(file: File, stop: &ShutdownRequest) -> io::Result<(Self, Metadata)> {
        let metadata = file.metadata()?;
        let interruptible = Self {
            file,
            stop: stop.clone(),
            waits: may_wait(&metadata),
        };
        Ok((interruptible, metadata))
    }

    /// Whether a read would return at once: with bytes, at the end, or with an error.
    fn is_ready(&self) -> bool {
        let mut polled = [PollFd::new(&self.file, PollFlags::IN)];
        match poll(&mut polled, Some(&CHECK_EVERY)) {
            Ok(ready) => ready > 0,
            // If the file cannot be polled, it is read, and the read may wait.
            Err(error) => error != Errno::INTR,
        }
    }
}

impl Read for Interruptible {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.is_set() {
                return Err(io::Error::other(Stopped));
            }
            if self.waits && !self.is_ready() {
                continue;
            }
            match self.file.read(buffer) {
                // Somebody else has read the bytes meanwhile.
                Err(error) if self.waits && error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::thread;

    use super::*;

    fn pipe(stop: &ShutdownRequest) -> (Interruptible, io::PipeWriter) {
        let (reader, writer) = io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(reader));
        (Interruptible::of(file, stop).unwrap().0, writer)
    }

    #[test]
    fn a_read_that_waits_ends_when_it_is_asked_to() {
        let stop = ShutdownRequest::default();
        let (mut reader, writer) = pipe(&stop);
        let reading = thread::spawn(move || reader.read(&mut [0; 1]));
        stop.set();
        let error = reading.join().unwrap().unwrap_err();
        assert!(error.get_ref().is_some_and(|cause| cause.is::<Stopped>()));
        drop(writer);
    }

    #[test]
    fn what_comes_through_a_pipe_is_read_to_its_end() {
        let (mut reader, mut writer) = pipe(&ShutdownRequest::default());
        let reading = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        for _ in 0..3 {
            writer.write_all(b"part ").unwrap();
        }
        drop(writer);
        assert_eq!(reading.join().unwrap().unwrap(), b"part part part ");
    }
}
