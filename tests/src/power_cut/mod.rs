//! A power cut: what a process wrote into a directory, and had not brought to the disk, may be gone afterwards.
//!
//! A library that is loaded into the process (tests/data/power_cut/disk.c) notes what it brings to the disk. After the
//! process was killed, [`Disk::cut`] leaves of its files what a disk may have kept: all that was brought there, and any
//! part of the rest, in any order.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use fastrand::Rng;

/// A block is on the disk as a whole, or not at all.
const BLOCK_BYTES: usize = 4096;

/// SQLite makes this file anew: it is memory that processes share.
const SHARED_MEMORY: &str = "-shm";

/// The disk below one directory.
pub struct Disk {
    library: PathBuf,
    dir: PathBuf,
    notes: PathBuf,
}

/// What a cut took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Files of which something was lost, or all.
    pub files: u64,
    pub bytes: u64,
    /// Files that had been removed and are there again.
    pub came_back: u64,
}

impl Disk {
    /// Compiles the library into `work_dir` and prepares to watch `dir`, which need not exist.
    ///
    /// # Errors
    /// There is no C compiler, or a directory cannot be made.
    pub fn below(dir: &Path, work_dir: &Path) -> anyhow::Result<Self> {
        let work_dir = work_dir.canonicalize()?;
        let library = work_dir.join("disk.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/power_cut/disk.c");
        let mut compile = Command::new("cc");
        compile.args(["-O1", "-shared", "-fPIC", "-o"]);
        compile
            .arg(&library)
            .arg(&source)
            .args(["-ldl", "-lpthread"]);
        let output = compile.output().context("failed to run cc")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cc failed: {said}");
        fs::create_dir_all(dir)?;
        let disk = Self {
            library,
            dir: dir.canonicalize()?,
            notes: work_dir.join("notes"),
        };
        disk.all_is_there()?;
        Ok(disk)
    }

    /// The environment of the process whose files are watched.
    pub fn environment(&self) -> [(&'static str, &Path); 3] {
        [
            ("LD_PRELOAD", &self.library),
            ("POWER_CUT_DIR", &self.dir),
            ("POWER_CUT_NOTES", &self.notes),
        ]
    }

    /// The power was cut just when the process, which must have ended, was killed.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn cut(&self, rng: &mut Rng) -> anyhow::Result<Loss> {
        let mut loss = Loss::default();
        for (name, path) in self.files()? {
            if name.ends_with(SHARED_MEMORY) {
                fs::remove_file(&path)?;
                continue;
            }
            let current = fs::read(&path)?;
            let has_name = self.note("entries", &name).exists();
            if !has_name && rng.bool() {
                loss.files += 1;
                loss.bytes += current.len() as u64;
                fs::remove_file(&path)?;
                continue;
            }
            let synced = match fs::read(self.note("data", &name)) {
                Ok(synced) => synced,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            let kept = kept(&synced, &current, rng);
            if kept != current {
                loss.files += 1;
                loss.bytes += current.len().saturating_sub(kept.len()) as u64;
                fs::write(&path, kept)?;
            }
        }
        for entry in fs::read_dir(self.notes.join("gone"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = self.dir.join(name.replace('+', "/"));
            if rng.bool() && !path.exists() {
                fs::copy(entry.path(), path)?;
                loss.came_back += 1;
            }
        }
        self.all_is_there()?;
        Ok(loss)
    }

    /// What is in the directory now is on the disk.
    fn all_is_there(&self) -> anyhow::Result<()> {
        if self.notes.exists() {
            fs::remove_dir_all(&self.notes)?;
        }
        for kind in ["data", "entries", "gone"] {
            fs::create_dir_all(self.notes.join(kind))?;
        }
        for (name, path) in self.files()? {
            fs::copy(path, self.note("data", &name))?;
            fs::write(self.note("entries", &name), [])?;
        }
        Ok(())
    }

    fn note(&self, kind: &str, name: &str) -> PathBuf {
        self.notes.join(kind).join(name)
    }

    /// All files below the directory, by the names of their notes.
    fn files(&self) -> anyhow::Result<BTreeMap<String, PathBuf>> {
        let mut files = BTreeMap::new();
        let mut dirs = vec![self.dir.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    dirs.push(entry.path());
                } else if kind.is_file() {
                    let path = entry.path();
                    let below = path.strip_prefix(&self.dir)?.to_string_lossy();
                    files.insert(below.replace('/', "+"), path.clone());
                }
            }
        }
        Ok(files)
    }
}

/// What a disk may have of a file that holds `current` and held `synced` when it was brought there.
fn kept(synced: &[u8], current: &[u8], rng: &mut Rng) -> Vec<u8> {
    if !current.starts_with(synced) {
        return mixed(synced, current, rng);
    }
    // It only grew: to any length, and what came last may not have been written yet.
    let length = rng.usize(synced.len()..=current.len());
    let mut kept = current[..length].to_vec();
    if rng.bool() {
        let from = rng.usize(synced.len()..=length);
        kept[from..].fill(0);
    }
    kept
}

/// Each block as it was, or as it is.
fn mixed(synced: &[u8], current: &[u8], rng: &mut Rng) -> Vec<u8> {
    let length = match rng.bool() {
        true => synced.len(),
        false => current.len(),
    };
    let mut kept = vec![0; length];
    for (number, block) in kept.chunks_mut(BLOCK_BYTES).enumerate() {
        let from = number * BLOCK_BYTES;
        let source = match rng.bool() {
            true => synced,
            false => current,
        };
        let there = source.get(from..).unwrap_or_default();
        let bytes = there.len().min(block.len());
        block[..bytes].copy_from_slice(&there[..bytes]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_brought_to_the_disk_stays_and_of_the_rest_anything() {
        let mut rng = Rng::with_seed(1);
        let (synced, current) = (vec![1; 100], vec![1; 200]);
        let mut lengths = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let kept = kept(&synced, &current, &mut rng);
            assert!(kept.starts_with(&synced) && kept.len() <= 200);
            lengths.insert(kept.len());
        }
        assert!(lengths.len() > 50, "{lengths:?}");
        // Overwritten: each block is one or the other.
        let (synced, current) = (vec![1; 3 * BLOCK_BYTES], vec![2; 2 * BLOCK_BYTES + 5]);
        for _ in 0..50 {
            let kept = kept(&synced, &current, &mut rng);
            for block in kept.chunks(BLOCK_BYTES) {
                let whole = block.iter().all(|byte| *byte == block[0]);
                assert!(whole || block.ends_with(&[0]), "{block:?}");
            }
        }
    }
}
