//! Looks into the spool's files without changing any: also while a sidecar writes to them.

use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;

use super::SpoolError;
use super::left::{DAMAGED_EXTENSION, OLD_EXTENSION, files, number_of};
use super::record::FrameKind;
use super::segment::{self, Segment};

/// What a file of the spool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Its records can be read.
    Whole,
    /// It does not begin as a file of the spool does.
    Damaged,
    /// A later version of Landfall made it.
    Later,
    /// A version made it whose frames cannot be restored.
    Old,
}

/// A file of the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpoolFile {
    pub name: String,
    pub bytes: u64,
    pub state: FileState,
    /// Frames of raw events, and of rows.
    pub raw_frames: u64,
    pub row_frames: u64,
    /// Of the raw frames: their events have no verdict in the store, so they would be judged again after a restart.
    pub waiting_frames: u64,
    /// Of the rows: it is not stored what became of them, so they would be judged again after a restart.
    pub waiting_rows: u64,
    /// When the first and the last frame came, in milliseconds since the epoch.
    pub first_ms: Option<i64>,
    pub last_ms: Option<i64>,
    /// Frames whose bytes are not those that were written.
    pub damaged_frames: u64,
    /// Bytes behind the last whole record: it is being written just now, or its writer was killed.
    pub cut_off_bytes: u64,
}

impl SpoolFile {
    fn new(name: String, bytes: u64, state: FileState) -> Self {
        Self {
            name,
            bytes,
            state,
            raw_frames: 0,
            row_frames: 0,
            waiting_frames: 0,
            waiting_rows: 0,
            first_ms: None,
            last_ms: None,
            damaged_frames: 0,
            cut_off_bytes: 0,
        }
    }

    /// Whether something of it cannot be read that was written.
    pub fn is_damaged(&self) -> bool {
        self.state == FileState::Damaged || self.damaged_frames > 0
    }
}

/// All files of the spool, by name. `is_settled` says of a frame whether its event has a verdict in the store: the
/// number of its segment, and the position of its index entry.
///
/// # Errors
///
/// The directory or a file cannot be read.
pub fn inspect(
    dir: &Path,
    is_settled: &dyn Fn(u32, u32) -> bool,
) -> Result<Vec<SpoolFile>, SpoolError> {
    let mut inspected = Vec::new();
    let mut paths = files(dir, &[segment::EXTENSION, OLD_EXTENSION, DAMAGED_EXTENSION])?;
    paths.sort();
    for path in paths {
        let Some(name) = path.file_name() else {
            continue;
        };
        let name = name.to_string_lossy().into_owned();
        // A running sidecar removes files that it no longer needs.
        let Ok(about) = path.metadata() else {
            continue;
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let file = |state| SpoolFile::new(name.clone(), about.len(), state);
        let found = match (extension, number_of(&path)) {
            (Some(OLD_EXTENSION), _) => file(FileState::Old),
            (Some(segment::EXTENSION), Some(number)) => match Segment::reopen(&path, number) {
                Ok(left) => {
                    let mut file = file(FileState::Whole);
                    file.damaged_frames = left.damaged;
                    file.cut_off_bytes = left.cut_off_bytes;
                    for (entry_at, entry) in &left.entries {
                        let waits = u64::from(!is_settled(number, *entry_at));
                        match entry.kind {
                            FrameKind::Raw => {
                                file.raw_frames += 1;
                                file.waiting_frames += waits;
                            }
                            FrameKind::Row => {
                                file.row_frames += 1;
                                file.waiting_rows += waits;
                            }
                            FrameKind::HeldRow => file.row_frames += 1,
                        }
                        if entry.kind == FrameKind::Raw {
                            let (first, last) = (file.first_ms, file.last_ms);
                            file.first_ms = Some(
                                first.map_or(entry.arrived_ms, |first| first.min(entry.arrived_ms)),
                            );
                            file.last_ms = last.max(Some(entry.arrived_ms));
                        }
                    }
                    file
                }
                Err(SpoolError::Format { .. }) => file(FileState::Later),
                Err(SpoolError::Damaged { .. }) => file(FileState::Damaged),
                Err(SpoolError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                    continue;
                }
                Err(error) => return Err(error),
            },
            _ => file(FileState::Damaged),
        };
        inspected.push(found);
    }
    Ok(inspected)
}
