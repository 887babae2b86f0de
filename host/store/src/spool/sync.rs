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
    /// The disk fails. The next call tries again what was not done.
    pub fn sync(&self, sync_store: impl FnOnce() -> io::Result<()>) -> Result<(), SpoolError> {
        // In this order: what is done with afterwards is not removed by this call.
        let obsolete: Vec<Arc<Segment>> = self.lock().obsolete.clone();
        self.sync_segments()?;
        sync_store().map_err(|source| SpoolError::Io {
            doing: "bring the store's log to the disk, beside",
            path: self.dir.clone(),
            source,
        })?;
        self.remove_files(&obsolete);
        self.sync_dir_if_changed()?;
        self.forget_removed();
        Ok(())
    }

    /// Brings all frames that were written to the disk.
    fn sync_segments(&self) -> Result<(), SpoolError> {
        let written: Vec<Arc<Segment>> = self.lock().live.values().cloned().collect();
        for segment in written.iter().filter(|segment| !segment.is_removed()) {
            segment.sync()?;
        }
        self.sync_dir_if_changed()
    }

    /// Removes the files that are no longer needed, although the disk fails and the store may not have that there:
    /// otherwise the spool would fill up with them.
    pub fn remove_unsynced(&self) {
        let obsolete: Vec<Arc<Segment>> = self.lock().obsolete.clone();
        self.remove_files(&obsolete);
        self.forget_removed();
    }

    /// Files that cannot be removed stay for the next time.
    fn remove_files(&self, obsolete: &[Arc<Segment>]) {
        for segment in obsolete {
            let gone = match std::fs::remove_file(segment.path()) {
                Ok(()) => true,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            };
            if gone {
                self.dir_changed.store(true, Ordering::Release);
                self.lock().unlinked.push(segment.number());
            }
        }
    }

    /// Files that were removed are gone for certain. Not before: while a file may come back, the store must know what of
    /// it is settled.
    fn forget_removed(&self) {
        let mut segments = self.lock();
        for number in std::mem::take(&mut segments.unlinked) {
            segments.obsolete.retain(|known| known.number() != number);
            if let Some(segment) = segments.live.remove(&number) {
                segments.removed.push(number);
                self.bytes.fetch_sub(segment.bytes(), Ordering::Relaxed);
            }
        }
    }

    /// Asks for a sync, if that would give room back.
    pub(super) fn want_sync(&self) {
        if let Some(wanted) = self.sync_wanted.get()
            && !self.lock().obsolete.is_empty()
        {
            wanted();
        }
    }

    /// Files that were made or removed are so on the disk.
    pub(super) fn sync_dir_if_changed(&self) -> Result<(), SpoolError> {
        if !self.dir_changed.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        sync_dir(&self.dir).inspect_err(|_| self.dir_changed.store(true, Ordering::Release))
    }
}

/// Files that were made or removed in a directory are so on the disk.
pub(super) fn sync_dir(dir: &Path) -> Result<(), SpoolError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|source| SpoolError::Io {
        doing: "bring to the disk",
        path: dir.to_owned(),
        source,
    })
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
