//! Finds the schema files of a directory, and refuses links that lead out of it. Knows names and places, not
//! what the files hold.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::error::{Problem, SchemaError};
use super::revision;

/// Levels of directories below the schema directory. A schema's name has a few parts.
const DIRECTORIES_DEPTH_MAX: usize = 16;

/// Schemas of one directory: each one has labels in metrics, and the ledger numbers them with 16 bits.
pub(super) const SCHEMAS_MAX: usize = 10_000;

/// A schema file.
pub(super) struct SchemaFile {
    /// Its path below the schema directory without `.json`: `name/revision`.
    pub label: String,
    pub path: PathBuf,
}

/// All `<name>/<revision>.json` below `root`, ordered by label.
pub(super) fn find(root: &Path) -> (Vec<SchemaFile>, Vec<SchemaError>) {
    let mut walk = DirectoryWalk {
        root: PathBuf::new(),
        visited: HashSet::new(),
        links: BTreeMap::new(),
        files: Vec::new(),
        errors: Vec::new(),
    };
    match root.canonicalize() {
        Ok(canonical) => {
            walk.root.clone_from(&canonical);
            walk.directory(root, canonical, &mut Vec::new());
            // A directory is named by its real path, by a link only if that is the only way to it.
            while let Some((path, (target, mut names))) = walk.links.pop_first() {
                walk.directory(&path, target, &mut names);
            }
        }
        Err(error) => walk.refuse(root, error.into()),
    }
    walk.files
        .sort_unstable_by(|left, right| left.label.cmp(&right.label));
    if walk.files.len() > SCHEMAS_MAX {
        walk.refuse(root, Problem::TooMany { max: SCHEMAS_MAX });
        walk.files.truncate(SCHEMAS_MAX);
    }
    (walk.files, walk.errors)
}

struct DirectoryWalk {
    root: PathBuf,
    /// Directories that were read, by their canonical paths. Each is read once, for links could lead to
    /// exponentially many.
    visited: HashSet<PathBuf>,
    /// Links to directories that are still to be followed: by path, the target, and the names of the
    /// directories to there.
    links: BTreeMap<PathBuf, (PathBuf, Vec<String>)>,
    files: Vec<SchemaFile>,
    errors: Vec<SchemaError>,
}

impl DirectoryWalk {
    fn refuse(&mut self, path: &Path, problem: Problem) {
        self.errors.push(SchemaError {
            path: path.to_owned(),
            problem,
        });
    }

    /// `canonical` is the directory's real path; `names` are the names of the directories from the
    /// root to here.
    fn directory(&mut self, directory: &Path, canonical: PathBuf, names: &mut Vec<String>) {
        if !self.visited.insert(canonical) {
            return self.refuse(directory, Problem::AlreadyRead);
        }
        if names.len() > DIRECTORIES_DEPTH_MAX {
            return self.refuse(
                directory,
                Problem::TooDeep {
                    max: DIRECTORIES_DEPTH_MAX,
                },
            );
        }
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => return self.refuse(directory, error.into()),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry.path(), names),
                Err(error) => self.refuse(directory, error.into()),
            }
        }
    }

    fn entry(&mut self, path: &Path, names: &mut Vec<String>) {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with('.') {
            return;
        }
        // Follows links, so that it is the file that would be read.
        let target = match path.canonicalize() {
            Ok(target) => target,
            Err(error) => return self.refuse(path, error.into()),
        };
        if !target.starts_with(&self.root) {
            return self.refuse(path, Problem::LeavesDirectory);
        }
        if target.is_dir() {
            names.push(name);
            if path.is_symlink() {
                self.links.insert(path.to_owned(), (target, names.clone()));
            } else {
                self.directory(path, target, names);
            }
            names.pop();
        } else if let Some(revision) = name.strip_suffix(".json") {
            let label = format!("{}/{revision}", names.join("/"));
            if revision::is_label(&label) {
                self.files.push(SchemaFile {
                    label,
                    path: path.to_owned(),
                });
            } else {
                self.refuse(path, Problem::Name(label));
            }
        }
    }
}
