//! What an earlier run left in the spool's directory: finds the frames that are still needed, and removes the rest.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::SpoolError;
use super::record::FrameKind;
use super::reference::{entry_at, frame_bytes};
use super::segment::{self, Segment};

/// The extension of files before their frames could be restored.
pub(super) const OLD_EXTENSION: &str = "spool";

/// The extension of files that are damaged as a whole. They are kept for whoever looks into the disk.
pub(super) const DAMAGED_EXTENSION: &str = "damaged";

/// The frame of a raw event or a row that was not settled when the last run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftFrame {
    /// When it came, in milliseconds since the epoch.
    pub arrived_ms: i64,
    /// The earliest instant at which it can have come.
    pub earliest_ms: i64,
    /// It is a row.
    pub is_row: bool,
    /// The index of its source then.
    pub source: u16,
    /// Its place in the order of its source. 0 of a row.
    pub place: u64,
    /// Where it is.
    pub reference: u64,
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub struct LeftFrames {
    /// In the order in which they came.
    pub frames: Vec<LeftFrame>,
    /// Copies of these frames that are not needed: the number of the segment, and the position of the index entry. From
    /// now on they must be known as settled, because the copy that is kept may be removed before them.
    pub copies: Vec<(u32, u32)>,
    /// Frames whose bytes are not those that were written.
    pub damaged: u64,
    /// Files that are damaged as a whole, under their new names.
    pub put_aside: Vec<PathBuf>,
    /// Files that end in the middle of a record, as they do if a process is killed while it writes.
    pub cut_off: u64,
    /// Files of an earlier version, whose frames cannot be restored. They were removed.
    pub of_old_format: u64,
}

/// Removes the files with these extensions, and gives their number.
pub(super) fn remove_files(dir: &Path, extensions: &[&str]) -> Result<u64, SpoolError> {
    let mut removed = 0;
    for path in files(dir, extensions)? {
        std::fs::remove_file(&path).map_err(io("remove", &path))?;
        removed += 1;
    }
    Ok(removed)
}

/// Reads the segments in the directory. Gives those that have frames which are still needed, by their numbers.
pub(super) fn read(
    dir: &Path,
    is_settled: &dyn Fn(u32, u32) -> bool,
    left: &mut LeftFrames,
) -> Result<HashMap<u32, Segment>, SpoolError> {
    let mut segments = HashMap::new();
    let mut moved_from = HashMap::new();
    for path in files(dir, &[segment::EXTENSION])? {
        let Some(number) = number_of(&path) else {
            continue;
        };
        let found = match Segment::reopen(&path, number) {
            Ok(found) => found,
            Err(SpoolError::Damaged { path }) => {
                let aside = path.with_extension(DAMAGED_EXTENSION);
                std::fs::rename(&path, &aside).map_err(io("put aside", &path))?;
                left.put_aside.push(aside);
                continue;
            }
            Err(error) => return Err(error),
        };
        left.damaged += found.damaged;
        left.cut_off += u64::from(found.cut_off_bytes > 0);
        for (entry_at, entry) in &found.entries {
            if entry.kind == FrameKind::HeldRow || is_settled(number, *entry_at) {
                continue;
            }
            let reference = entry.reference(number, *entry_at);
            if entry.moved_from != 0 {
                moved_from.insert(reference, entry.moved_from);
            }
            let is_row = entry.kind == FrameKind::Row;
            let earliest_ms = match is_row {
                true => entry.place as i64,
                false => entry.arrived_ms,
            };
            left.frames.push(LeftFrame {
                arrived_ms: entry.arrived_ms,
                earliest_ms,
                is_row,
                source: entry.source,
                place: if is_row { 0 } else { entry.place },
                reference,
            });
        }
        segments.insert(number, found.segment);
    }
    left.copies = keep_one_of_moved(&moved_from, &mut left.frames);
    left.frames.sort_unstable_by_key(|frame| {
        (frame.arrived_ms, frame.source, frame.place, frame.reference)
    });
    let mut kept: HashMap<u32, (u64, u64)> = HashMap::new();
    for frame in &left.frames {
        let (rows, bytes) = kept
            .entry(super::Reference(frame.reference).segment())
            .or_default();
        *rows += 1;
        *bytes += frame_bytes(frame.reference);
    }
    let (mut needed, mut any_removed) = (HashMap::new(), false);
    for (number, segment) in segments {
        if let Some(&(rows, bytes)) = kept.get(&number) {
            segment.keep(rows, bytes);
            needed.insert(number, segment);
        } else {
            std::fs::remove_file(segment.path()).map_err(io("remove", segment.path()))?;
            any_removed = true;
        }
    }
    if any_removed {
        // The store forgets next what of these files is settled, so they should not come back. A file system that
        // cannot sync a directory is no reason not to start: each later sync reports it.
        let _ = super::sync::sync_dir(dir);
    }
    Ok(needed)
}

/// A frame that was moved is there twice, if it was not yet known as settled at its former place. Gives the copies that
/// were dropped.
fn keep_one_of_moved(
    moved_from: &HashMap<u64, u64>,
    frames: &mut Vec<LeftFrame>,
) -> Vec<(u32, u32)> {
    if moved_from.is_empty() {
        return Vec::new();
    }
    let former: HashSet<u64> = moved_from.values().copied().collect();
    let still_there: HashSet<u64> = frames
        .iter()
        .map(|frame| frame.reference)
        .filter(|reference| former.contains(reference))
        .collect();
    let mut copies = Vec::new();
    frames.retain(|frame| {
        let former = moved_from.get(&frame.reference);
        let is_kept = former.is_none_or(|former| !still_there.contains(former));
        if !is_kept {
            let reference = super::Reference(frame.reference);
            copies.push((reference.segment(), entry_at(frame.reference)));
        }
        is_kept
    });
    copies
}

pub(super) fn files(dir: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, SpoolError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io("list", dir))? {
        let path = entry.map_err(io("list", dir))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| extensions.contains(&extension)) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// The number in a segment's name.
pub(super) fn number_of(path: &Path) -> Option<u32> {
    let number = path.file_stem()?.to_str()?.parse().ok()?;
    (number < super::SEGMENTS).then_some(number)
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SpoolError {
    let path = path.to_owned();
    move |source| SpoolError::Io {
        doing,
        path,
        source,
    }
}
