//! Finds the directories, and the names in them, where a change of the watched files can happen.
//!
//! A watch stays with the directory that it was set on, not with its path. So every step of a path
//! is watched in the directory of that step: links, and what they lead to. A deployment that
//! changes a link, or moves a new directory into place, is noticed like a file that is written
//! again. Changes at other names, such as a log beside the configuration, are ignored. The watches
//! are set again after each change, because the steps may then lead elsewhere.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::ReloadRequest;
use crate::config::Config;

/// The most links in one path, as the system itself follows them.
const LINKS_MAX: usize = 40;

/// What is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Watched {
    /// Files and links, each by the path of its directory without links.
    names: BTreeSet<PathBuf>,
    /// Directories in which every change at any depth counts.
    trees: BTreeSet<PathBuf>,
}

impl Watched {
    /// The files of the configuration, and the files that it names.
    pub fn of(config_path: Option<&Path>, config: &Config) -> Self {
        let mut watched = Self::default();
        // With the built-in default: the file that the next start would take in its place.
        watched.file(config_path.unwrap_or(Path::new(crate::config::DEFAULT_FILE)));
        for check in &config.checks {
            // Also the places where nothing is, because something may appear there.
            config
                .check_places(check)
                .iter()
                .for_each(|place| watched.file(place));
        }
        for place in config.schemas_places() {
            watched.tree(&place);
        }
        watched
    }

    fn file(&mut self, path: &Path) {
        self.follow(path);
    }

    fn tree(&mut self, path: &Path) {
        if let Some(target) = self.follow(path) {
            self.trees.insert(target);
        }
    }

    /// Adds every step to `path`, through links. Gives what the path leads to, if that exists.
    fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        let mut steps: VecDeque<OsString> = steps(&path).collect();
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(step) = steps.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let next = at.join(step);
            self.names.insert(next.clone());
            let metadata = next.symlink_metadata().ok()?;
            if !metadata.is_symlink() {
                at = next;
                continue;
            }
            links += 1;
            let target = next.read_link().ok().filter(|_| links <= LINKS_MAX)?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            let rest = std::mem::take(&mut steps);
            steps = self::steps(&target).chain(rest).collect();
        }
        Some(at)
    }

    /// Whether something that happens at this path is a change.
    pub fn concerns(&self, path: &Path) -> bool {
        self.names.contains(path) || self.trees.iter().any(|tree| path.starts_with(tree))
    }

    /// Watches, and asks for a reload at every change. None if files cannot be watched here.
    pub fn watch(&self, request: &ReloadRequest) -> Option<RecommendedWatcher> {
        let (watched, request) = (self.clone(), request.clone());
        let on_event = move |event: notify::Result<notify::Event>| match event {
            Ok(event) if watched.is_change(&event) => request.send(),
            Ok(_) => {}
            Err(error) => tracing::warn!("watching files: {error}"),
        };
        let mut watcher = match notify::recommended_watcher(on_event) {
            Ok(watcher) => watcher,
            Err(error) => {
                tracing::warn!("files are not watched: {error}; send SIGHUP after a change");
                return None;
            }
        };
        let dirs: BTreeSet<&Path> = self.names.iter().filter_map(|name| name.parent()).collect();
        // Trees last: they are watched as a whole, and a later watch on the same directory would
        // undo that.
        let trees = self
            .trees
            .iter()
            .map(|tree| (tree.as_path(), RecursiveMode::Recursive));
        let dirs = dirs
            .into_iter()
            .map(|dir| (dir, RecursiveMode::NonRecursive));
        for (dir, mode) in dirs.chain(trees) {
            if let Err(error) = watcher.watch(dir, mode) {
                tracing::warn!(
                    "{} is not watched: {error}; send SIGHUP after a change",
                    dir.display()
                );
            }
        }
        Some(watcher)
    }

    fn is_change(&self, event: &notify::Event) -> bool {
        // The system lost events, so anything may have changed.
        if event.need_rescan() {
            return true;
        }
        let kind = event.kind;
        (kind.is_create() || kind.is_modify() || kind.is_remove())
            && event.paths.iter().any(|path| self.concerns(path))
    }
}

fn steps(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::super::requests;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn links_on_the_way_and_what_they_lead_to_are_watched() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("releases/2/checks")).unwrap();
        std::fs::write(root.join("releases/2/checks/a.wasm"), "").unwrap();
        symlink("releases/2", root.join("current")).unwrap();
        symlink("../current/./checks", root.join("releases/checks")).unwrap();
        let mut watched = Watched::default();
        watched.file(&root.join("releases/checks/a.wasm"));
        for step in [
            "releases",
            "releases/checks",
            "current",
            "releases/2",
            "releases/2/checks",
            "releases/2/checks/a.wasm",
        ] {
            assert!(watched.concerns(&root.join(step)), "{step}: {watched:?}");
        }
        for other in ["log", "releases/1", "releases/2/checks/a.wasm.new"] {
            assert!(!watched.concerns(&root.join(other)), "{other}");
        }
        // A place that does not exist is watched up to the first missing step.
        watched.file(&root.join("no/such/b.wasm"));
        assert!(watched.concerns(&root.join("no")));
        // A circle of links ends.
        symlink("round", root.join("round")).unwrap();
        watched.file(&root.join("round/c.wasm"));
    }

    #[test]
    fn a_turned_link_is_a_change_and_a_neighbour_is_none() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for release in ["1", "2"] {
            std::fs::create_dir_all(root.join(release)).unwrap();
            std::fs::write(root.join(release).join("a.wasm"), "").unwrap();
        }
        symlink("1", root.join("current")).unwrap();
        let (request, wake) = requests();
        let mut watched = Watched::default();
        watched.file(&root.join("current/a.wasm"));
        let watcher = watched.watch(&request).unwrap();
        std::fs::write(root.join("log"), "line").unwrap();
        std::fs::write(root.join("1/other"), "x").unwrap();
        symlink("2", root.join("current.new")).unwrap();
        assert!(wake.try_recv().is_err());
        std::fs::rename(root.join("current.new"), root.join("current")).unwrap();
        assert!(wake.recv_timeout(PATIENCE).is_ok(), "the link was turned");
        drop(watcher);
        // After the watches are set again, the new target is watched.
        while wake.try_recv().is_ok() {}
        let mut watched = Watched::default();
        watched.file(&root.join("current/a.wasm"));
        let _watcher = watched.watch(&request).unwrap();
        std::fs::write(root.join("2/a.wasm"), "changed").unwrap();
        assert!(wake.recv_timeout(PATIENCE).is_ok(), "the file was written");
    }
}
