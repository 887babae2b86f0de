//! The files of the spool: what is in them, and what of it waits.

use std::path::Path;

use landfall_escape::terminal::Page;
use landfall_store::spool::{FileState, SpoolError, SpoolFile, inspect};
use landfall_store::{Reader, StoreError, view};
use serde_json::{Value, json};

/// Why the spool could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// All files, by name.
pub struct SpoolFiles {
    files: Vec<SpoolFile>,
}

/// Looks into the files of a spool.
///
/// # Errors
/// The store or the spool cannot be read.
pub fn files(reader: &Reader, dir: &Path) -> Result<SpoolFiles, InspectError> {
    // In this order: a frame that is settled meanwhile is shown as waiting, and not the other way round.
    let settled = reader.settled_frames()?;
    let is_settled = |segment: u32, entry_at: u32| {
        let frames = settled.get(&segment);
        frames.is_some_and(|frames| frames.contains(&entry_at))
    };
    let files = inspect(dir, &is_settled)?;
    Ok(SpoolFiles { files })
}

impl SpoolFiles {
    /// Whether something cannot be read that was written.
    pub fn is_damaged(&self) -> bool {
        self.files.iter().any(SpoolFile::is_damaged)
    }

    /// A line for each, and their sums.
    pub fn as_text(&self) -> Page {
        let mut page = Page::default();
        for file in &self.files {
            page.line(line(file));
        }
        let sum = |of: fn(&SpoolFile) -> u64| self.files.iter().map(of).sum::<u64>();
        page.line(format_args!(
            "{} files, {} bytes: {} raw frames, of which {} wait for a verdict; {} frames of rows, of which {} are not settled; {} damaged frames",
            self.files.len(),
            sum(|file| file.bytes),
            sum(|file| file.raw_frames),
            sum(|file| file.waiting_frames),
            sum(|file| file.row_frames),
            sum(|file| file.waiting_rows),
            sum(|file| file.damaged_frames),
        ));
        page
    }

    /// An array of objects.
    pub fn as_json(&self) -> Value {
        json!(self.files)
    }
}

fn line(file: &SpoolFile) -> String {
    let head = format!("{}  {} bytes  ", file.name, file.bytes);
    let what = match file.state {
        FileState::Damaged => return head + "damaged: it is no file of frames",
        FileState::Later => return head + "made by a later version of Landfall",
        FileState::Old => return head + "made by a version whose frames cannot be restored",
        FileState::Whole => format!(
            "{} raw frames, {} wait; {} of rows, {} wait",
            file.raw_frames, file.waiting_frames, file.row_frames, file.waiting_rows
        ),
    };
    let came = match (file.first_ms, file.last_ms) {
        (Some(first_ms), Some(last_ms)) => format!(
            "  ({} – {} UTC)",
            view::utc_second(first_ms),
            view::utc_second(last_ms)
        ),
        _ => String::new(),
    };
    let mut line = head + &what + &came;
    if file.damaged_frames > 0 {
        line += &format!("  {} damaged frames", file.damaged_frames);
    }
    if file.cut_off_bytes > 0 {
        line += &format!(
            "  the last {} bytes are no whole record (it is being written, or its writer was killed)",
            file.cut_off_bytes
        );
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(state: FileState) -> SpoolFile {
        SpoolFile {
            name: "00000012.segment".into(),
            bytes: 1_000,
            state,
            raw_frames: 7,
            row_frames: 2,
            waiting_frames: 3,
            waiting_rows: 1,
            first_ms: Some(1_416_276_724_000),
            last_ms: Some(1_416_276_734_000),
            damaged_frames: 0,
            cut_off_bytes: 0,
        }
    }

    #[test]
    fn each_file_is_a_line_with_what_waits_and_what_is_damaged() {
        let whole = file(FileState::Whole);
        let torn = SpoolFile {
            damaged_frames: 1,
            cut_off_bytes: 5,
            ..whole.clone()
        };
        let files = SpoolFiles {
            files: vec![whole.clone(), torn],
        };
        assert_eq!(
            files.as_text().as_str(),
            "00000012.segment  1000 bytes  7 raw frames, 3 wait; 2 of rows, 1 wait  (2014-11-18 02:12:04 – 2014-11-18 02:12:14 UTC)\n\
             00000012.segment  1000 bytes  7 raw frames, 3 wait; 2 of rows, 1 wait  (2014-11-18 02:12:04 – 2014-11-18 02:12:14 UTC)  \
             1 damaged frames  the last 5 bytes are no whole record (it is being written, or its writer was killed)\n\
             2 files, 2000 bytes: 14 raw frames, of which 6 wait for a verdict; 4 frames of rows, of which 2 are not settled; 1 damaged frames\n"
        );
        assert!(files.is_damaged());
        assert!(!SpoolFiles { files: vec![whole] }.is_damaged());
        for (state, is_damaged) in [
            (FileState::Damaged, true),
            (FileState::Later, false),
            (FileState::Old, false),
        ] {
            let files = SpoolFiles {
                files: vec![file(state)],
            };
            assert_eq!(files.is_damaged(), is_damaged, "{state:?}");
            assert!(!files.as_text().as_str().contains("raw frames, 3 wait"));
        }
    }
}
