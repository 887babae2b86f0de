//! Makes the spool survive a power cut: frames are on the disk before what the store says of them, and files stay until
//! the store has on the disk that they are no longer needed.
//!
//! Without a call of [`Spool::keep_until_sync`] nothing here is done: the spool then survives the end of the process,
//! and no power cut.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::segment::Segment;
use super::{Spool, SpoolError};

impl Spool {
    /// From now on, files that are no longer needed are removed by [`Spool::sync`] and not before. `wanted` is called
    /// when a writer lacks room that a sync would give back.
    pub fn keep_until_sync(&self, wanted: Box<dyn Fn() + Send + Sync>) {
        // Whoever calls it twice gets the first one.
        let _ = self.sync_wanted.set(wanted);
    }

    /// Brings all frames that were written to the disk. Then `sync_store` brings the store there, which says of which
    /// files nothing is needed. Then these files are removed.
    ///
    /// # Errors
    ///
    /// The disk fails. Nothing is removed then, and the next call tries all of it again.
    pub fn sync(&self, sync_store: impl FnOnce() -> io::Result<()>) -> Result<(), SpoolError> {
        // In this order: what is done with afterwards is not removed by this call.
        let doomed: Vec<Arc<Segment>> = self.lock().doomed.clone();
        let written: Vec<Arc<Segment>> = self.lock().live.values().cloned().collect();
        let mut any_new = false;
        for segment in written.iter().filter(|segment| !segment.is_removed()) {
            any_new |= segment.sync()?;
        }
        if any_new {
            self.sync_dir()?;
        }
        sync_store().map_err(|source| SpoolError::Io {
            doing: "bring the store's log to the disk, beside",
            path: self.dir.clone(),
            source,
        })?;
        if doomed.is_empty() {
            return Ok(());
        }
        for segment in &doomed {
            // A file that cannot be removed is left for the next start.
            let _ = std::fs::remove_file(segment.path());
        }
        self.sync_dir()?;
        let mut segments = self.lock();
        for segment in &doomed {
            segments
                .doomed
                .retain(|known| known.number() != segment.number());
            segments.live.remove(&segment.number());
            // Not before: while the file may come back, the store must know what of it is settled.
            segments.removed.push(segment.number());
            self.bytes.fetch_sub(segment.bytes(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Asks for a sync, if that would give room back.
    pub(super) fn want_sync(&self) {
        if let Some(wanted) = self.sync_wanted.get()
            && !self.lock().doomed.is_empty()
        {
            wanted();
        }
    }

    fn sync_dir(&self) -> Result<(), SpoolError> {
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| SpoolError::Io {
            doing: "bring to the disk",
            path: self.dir.clone(),
            source,
        })
    }
}

/// Brings the write-ahead log of the store in this directory to the disk: with it, all that was committed before.
///
/// # Errors
///
/// The disk fails.
pub fn sync_store_log(dir: &Path) -> io::Result<()> {
    // Not the database itself: SQLite brings that to the disk when it empties the log, and to close another descriptor
    // of it would give up SQLite's locks.
    let log = dir.join(format!("{}-wal", crate::FILE_NAME));
    match File::open(log) {
        Ok(log) => log.sync_data(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
