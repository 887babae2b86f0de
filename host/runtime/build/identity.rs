//! A digest of all that compiles a check's file: this crate's sources, and each library that it depends on, in its
//! version. So nobody has to remember which of them matter. Some of them do not: if one of these changes, code is
//! compiled once more than it would have to be.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

/// From the crate's directory.
pub const SOURCES: &str = "src";
pub const LOCK: &str = "../../Cargo.lock";

const CRATE: &str = "landfall-runtime";

/// Of the crate in this directory, as it lies there.
pub fn of(root: &Path) -> Result<String, Box<dyn Error>> {
    let lock = fs::read_to_string(root.join(LOCK))?;
    digest(&lock, &sources(&root.join(SOURCES))?)
}

/// By their paths below the directory.
pub fn sources(directory: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, Box<dyn Error>> {
    let mut files = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                left.push(entry?.path());
            }
        } else {
            files.insert(path.strip_prefix(directory)?.to_owned(), fs::read(&path)?);
        }
    }
    Ok(files)
}

/// Of a lock file and the sources.
pub fn digest(lock: &str, sources: &BTreeMap<PathBuf, Vec<u8>>) -> Result<String, Box<dyn Error>> {
    let mut sha = Sha256::new();
    let mut add = |bytes: &[u8]| {
        // Its length keeps two neighbours from running into each other.
        sha.update((bytes.len() as u64).to_le_bytes());
        sha.update(bytes);
    };
    for library in libraries(lock)? {
        add(library.as_bytes());
    }
    for (path, text) in sources {
        add(path.to_string_lossy().as_bytes());
        add(text);
    }
    let digest = sha.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Name, version and checksum of the crate and of all that it leads to.
pub fn libraries(lock: &str) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let lock: Table = lock.parse()?;
    let packages = lock.get("package").and_then(Value::as_array);
    let packages = packages.ok_or("the lock file names no package")?;
    let text = |package: &Value, key: &str| {
        let text = package.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    // A dependency is a name, with a version where there are several.
    let is_it = |package: &&Value, wanted: &str| {
        let mut words = wanted.split(' ');
        words.next() == Some(&text(package, "name"))
            && words
                .next()
                .is_none_or(|version| version == text(package, "version"))
    };
    let mut all = BTreeSet::new();
    let mut left = vec![CRATE.to_owned()];
    while let Some(wanted) = left.pop() {
        let package = packages.iter().find(|package| is_it(package, &wanted));
        let package = package.ok_or_else(|| format!("the lock file does not have {wanted}"))?;
        let [name, version, checksum] =
            ["name", "version", "checksum"].map(|key| text(package, key));
        if all.insert(format!("{name} {version} {checksum}")) {
            let dependencies = package.get("dependencies").and_then(Value::as_array);
            let names = dependencies.into_iter().flatten().filter_map(Value::as_str);
            left.extend(names.map(str::to_owned));
        }
    }
    Ok(all)
}
