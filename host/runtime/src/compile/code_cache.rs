//! A cache of compiled code, in a directory that is private to its owner.
//!
//! wasmtime runs code as it is, so whoever can write here can do all that Landfall can. The directory and
//! each file are therefore checked after they were opened, not by name: they must belong to the user that
//! Landfall runs as, nobody else may write to them, and no link is followed. A file has the key and a digest
//! of its code, so one that is torn, damaged or renamed is found out and compiled anew. Several processes may
//! share the directory: a file comes into place as a whole, and those used least recently go first.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::fs::{fstat, futimens, open, openat, renameat, statat, unlinkat};
use sha2::{Digest as _, Sha256};

use super::CODE_BYTES_MAX;
use crate::engine::Engine;
use crate::file::Digest;

/// What a file begins with. A new layout of what follows gets a new number.
const MARK: &[u8; 16] = b"landfall code 1\n";

/// Bytes before the code: mark, key, digest of the code, its length.
const HEAD_BYTES: usize = MARK.len() + 32 + 32 + 8;

const DIR_MODE: u32 = 0o700;

/// Write permission for group and others: who has it can put code of their own into a file or directory.
const OTHERS_WRITE: u32 = 0o022;

/// The end of a file's name, and of the name of one that is being written.
const SUFFIX: &str = ".code";
const SUFFIX_NEW: &str = ".new";

/// Age in seconds from which on a file that is being written was left by a process that died.
const LEFT_AFTER_S: i64 = 3600;

/// Why a directory is not used. The message completes "code is not kept in DIRECTORY: ".
#[derive(Debug, thiserror::Error)]
pub enum CodeCacheError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is no directory; name one of its own")]
    NoDirectory,
    #[error("it is a link; name the directory that it leads to")]
    Link,
    #[error("it belongs to user {owner}, not to user {own} that this runs as; name another")]
    Foreign { owner: u32, own: u32 },
    #[error(
        "others can write to it (mode {mode:03o}), and code that is put there would run; take that away (chmod go-w), or name another"
    )]
    Writable { mode: u32 },
}

/// A digest of all that compiles a file, but for the engine's settings and this machine: the sources of this
/// crate and all libraries in their versions (`build/identity.rs`).
const COMPILED_BY: &str = env!("LANDFALL_COMPILED_BY");

/// The key of code: a file's digest, and what compiled it (engine, sources, libraries).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key of a file's code for this engine.
    pub fn of(engine: &Engine, file: &Digest) -> Self {
        let mut sha = Sha256Hasher(Sha256::new());
        sha.0.update(MARK);
        sha.0.update(COMPILED_BY);
        sha.0.update([0]);
        sha.0.update(file.0);
        std::hash::Hash::hash(&engine.wasm.precompile_compatibility_hash(), &mut sha);
        Self(sha.0.finalize().into())
    }

    fn name(self) -> String {
        use std::fmt::Write as _;
        let mut name = String::with_capacity(2 * self.0.len() + SUFFIX.len());
        for byte in self.0 {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name.push_str(SUFFIX);
        name
    }
}

/// A `Hasher` that feeds SHA-256. Nobody asks it for the 64 bits of `finish`.
struct Sha256Hasher(Sha256);

impl std::hash::Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// The cache.
#[derive(Debug)]
pub struct CodeCache {
    dir: OwnedFd,
    path: PathBuf,
    bytes_max: u64,
    /// Files that this process began to write: each gets a name of its own by it.
    written: AtomicU64,
}

impl CodeCache {
    /// Opens the directory, and makes it if it is not there. Files beyond `bytes_max` together are removed.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or is not safe to run code from.
    pub fn open(path: &Path, bytes_max: u64) -> Result<Self, CodeCacheError> {
        match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => return Err(CodeCacheError::Link),
            Ok(found) if !found.is_dir() => return Err(CodeCacheError::NoDirectory),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new()
                    .recursive(true)
                    .mode(DIR_MODE)
                    .create(path)?;
            }
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = open(path, flags, Mode::empty()).map_err(io::Error::from)?;
        refuse_others(&fstat(&dir).map_err(io::Error::from)?)?;
        Ok(Self {
            dir,
            path: path.to_owned(),
            bytes_max,
            written: AtomicU64::new(0),
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The code of a key; None if there is none. An error says why a file that is there is not used;
    /// it is removed.
    pub(crate) fn find(&self, key: Key) -> Result<Option<Vec<u8>>, String> {
        let name = key.name();
        // Opening a FIFO must not block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.dir, &name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => {
                let why = if error == rustix::io::Errno::LOOP {
                    "it is a link".to_owned()
                } else {
                    io::Error::from(error).to_string()
                };
                return Err(self.refuse(&name, &why));
            }
        };
        match read(&file, key) {
            Ok(code) => {
                let times = Timestamps {
                    last_access: nanoseconds(UTIME_OMIT),
                    last_modification: nanoseconds(UTIME_NOW),
                };
                // If it fails, only the order in which files are removed is another.
                let _ = futimens(&file, &times);
                Ok(Some(code))
            }
            Err(error) => Err(self.refuse(&name, &error.to_string())),
        }
    }

    fn refuse(&self, name: &str, why: &str) -> String {
        // A file that cannot be removed is refused again, or written over.
        let _ = unlinkat(&self.dir, name, AtFlags::empty());
        let path = self.path.join(name);
        format!(
            "kept code in {} is not used, the file is compiled anew: {why}",
            path.display()
        )
    }

    /// Adds the code of a key, and removes what was used least recently if the cache is full.
    pub(crate) fn keep(&self, key: Key, code: &[u8]) -> io::Result<()> {
        let bytes = (HEAD_BYTES + code.len()) as u64;
        if bytes > self.bytes_max || code.len() as u64 > CODE_BYTES_MAX {
            return Ok(());
        }
        let name = key.name();
        let aside = format!(
            "{name}.{}-{}{SUFFIX_NEW}",
            std::process::id(),
            self.written.fetch_add(1, Ordering::Relaxed)
        );
        let written = self.write(&aside, key, code).and_then(|()| {
            renameat(&self.dir, &aside, &self.dir, &name)?;
            Ok(())
        });
        if written.is_err() {
            let _ = unlinkat(&self.dir, &aside, AtFlags::empty());
        }
        written?;
        self.shrink(&name)
    }

    fn write(&self, name: &str, key: Key, code: &[u8]) -> io::Result<()> {
        // An earlier process of the same number may have left it.
        let _ = unlinkat(&self.dir, name, AtFlags::empty());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(MARK)?;
        file.write_all(&key.0)?;
        file.write_all(&Sha256::digest(code))?;
        file.write_all(&(code.len() as u64).to_le_bytes())?;
        file.write_all(code)
    }

    /// Removes what was used least recently until the rest fits into `bytes_max`; never `newest`.
    fn shrink(&self, newest: &str) -> io::Result<()> {
        let now_s = statat(&self.dir, newest, AtFlags::SYMLINK_NOFOLLOW)?.st_mtime;
        let mut files = Vec::new();
        for entry in Dir::read_from(&self.dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            // Another process may have removed it meanwhile.
            let Ok(stat) = statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if name.ends_with(SUFFIX_NEW) {
                if now_s.saturating_sub(stat.st_mtime) > LEFT_AFTER_S {
                    let _ = unlinkat(&self.dir, name, AtFlags::empty());
                }
            } else if name.ends_with(SUFFIX) {
                let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                files.push(((stat.st_mtime, stat.st_mtime_nsec), name.to_owned(), bytes));
            }
        }
        files.sort_unstable();
        let mut sum: u64 = files.iter().map(|(_, _, bytes)| bytes).sum();
        for (_, name, bytes) in files.iter().filter(|(_, name, _)| name != newest) {
            if sum <= self.bytes_max {
                break;
            }
            let _ = unlinkat(&self.dir, name.as_str(), AtFlags::empty());
            sum -= bytes;
        }
        Ok(())
    }
}

fn nanoseconds(tv_nsec: i64) -> Timespec {
    Timespec { tv_sec: 0, tv_nsec }
}

fn refuse_others(stat: &Stat) -> Result<(), CodeCacheError> {
    let own = rustix::process::geteuid().as_raw();
    if stat.st_uid != own {
        return Err(CodeCacheError::Foreign {
            owner: stat.st_uid,
            own,
        });
    }
    if stat.st_mode & OTHERS_WRITE != 0 {
        return Err(CodeCacheError::Writable {
            mode: stat.st_mode & 0o7777,
        });
    }
    Ok(())
}

/// Reads a file's code, if it is of that key and whole.
fn read(file: &File, key: Key) -> Result<Vec<u8>, CodeCacheError> {
    let broken = |text: &str| CodeCacheError::Io(io::Error::other(text.to_owned()));
    let stat = fstat(file).map_err(io::Error::from)?;
    if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(broken("it is no regular file"));
    }
    refuse_others(&stat)?;
    let mut head = [0; HEAD_BYTES];
    let mut from = file;
    from.read_exact(&mut head)
        .map_err(|_| broken("it is cut off"))?;
    let (mark, rest) = head.split_at(MARK.len());
    let (of, rest) = rest.split_at(32);
    let (digest, length) = rest.split_at(32);
    let length = u64::from_le_bytes(length.try_into().unwrap_or([u8::MAX; 8]));
    if mark != MARK || of != key.0 {
        return Err(broken("it is the code of something else"));
    }
    if length > CODE_BYTES_MAX || stat.st_size != (HEAD_BYTES as u64 + length) as i64 {
        return Err(broken("it is cut off, or longer than it says"));
    }
    let mut code = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    from.take(length)
        .read_to_end(&mut code)
        .map_err(CodeCacheError::Io)?;
    if Sha256::digest(&code)[..] != *digest {
        return Err(broken("it is damaged"));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key([number; 32])
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn age(path: &Path, seconds: u64) {
        let file = File::options().write(true).open(path).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        let then = now - std::time::Duration::from_secs(seconds);
        file.set_modified(then).unwrap();
    }

    #[test]
    fn code_is_found_by_its_key_and_no_part_of_it_is() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let cache = CodeCache::open(&path, 1 << 20).unwrap();
        assert_eq!(cache.find(key(1)), Ok(None));
        cache.keep(key(1), b"code of one").unwrap();
        cache.keep(key(2), b"").unwrap();
        assert_eq!(cache.find(key(1)), Ok(Some(b"code of one".to_vec())));
        assert_eq!(cache.find(key(2)), Ok(Some(Vec::new())));
        assert_eq!(cache.find(key(3)), Ok(None));
        let file = path.join(key(1).name());
        let whole = std::fs::read(&file).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&file, &whole[..length]).unwrap();
            assert!(cache.find(key(1)).is_err(), "cut to {length}");
            assert!(!file.exists(), "it is removed");
        }
        for byte in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[byte] ^= 0x80;
            std::fs::write(&file, damaged).unwrap();
            assert!(cache.find(key(1)).is_err(), "damaged at {byte}");
        }
        // Whole, and of another name: the code of one check is not run as another.
        std::fs::write(path.join(key(2).name()), &whole).unwrap();
        assert!(cache.find(key(2)).is_err());
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(cache.find(key(1)), Ok(Some(b"code of one".to_vec())));
    }

    #[test]
    fn what_was_used_least_recently_goes_when_there_is_no_room() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("code");
        let code = [7; 1000];
        let room = 3 * (HEAD_BYTES + code.len()) as u64;
        let cache = CodeCache::open(&path, room).unwrap();
        for number in 1..=3 {
            cache.keep(key(number), &code).unwrap();
            age(&path.join(key(number).name()), 1000 - u64::from(number));
        }
        assert!(cache.find(key(1)).unwrap().is_some(), "and it is used now");
        let left = path.join("x.code.1-1.new");
        std::fs::write(&left, "begun by a process that died").unwrap();
        age(&left, 2 * LEFT_AFTER_S as u64);
        std::fs::write(path.join("y.code.2-1.new"), "is being written").unwrap();
        std::fs::write(path.join("notes"), vec![0; 10_000]).unwrap();
        cache.keep(key(4), &code).unwrap();
        let mut there = vec!["notes".to_owned(), "y.code.2-1.new".to_owned()];
        there.extend([1, 3, 4].map(|number| key(number).name()));
        there.sort();
        assert_eq!(names(&path), there);
        // What has no room at all takes none from others.
        cache.keep(key(5), &vec![0; 4000]).unwrap();
        assert_eq!(names(&path), there);
    }

    #[test]
    fn the_key_hangs_on_the_file_and_on_the_engine() {
        let engine = Engine::new().unwrap();
        let of = |byte| Key::of(&engine, &Digest([byte; 32]));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
