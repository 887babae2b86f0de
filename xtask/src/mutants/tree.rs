//! A copy of what the ledger's tests need: a workspace with the ledger as its only member.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::patch::{self, Patch};
use crate::workspace::Workspace;

/// The crate, as the workspace has it.
const MEMBER: &str = "host/ledger";

/// Directories of the crate that are no part of it.
const NOT_COPIED: [&str; 2] = ["mutants", "proptest-regressions"];

/// The copy. Its files are those of the moment at which it was made, whatever is edited meanwhile.
pub struct Tree {
    root: PathBuf,
    /// What each file holds without a mutation; paths are relative to the root.
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Tree {
    /// Reads the files; `restore` writes them.
    pub fn copy(workspace: &Workspace) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        read(&workspace.root, Path::new(MEMBER), &mut files)?;
        let manifest = std::fs::read_to_string(workspace.root.join("Cargo.toml"))
            .context("failed to read Cargo.toml")?;
        files.insert("Cargo.toml".into(), narrowed(&manifest).into_bytes());
        let lock = std::fs::read(workspace.root.join("Cargo.lock"))
            .context("failed to read Cargo.lock; `cargo check` makes it")?;
        let root = workspace.target.join("mutants/tree");
        // Cargo takes out of it what the ledger does not need, so it is written once.
        std::fs::create_dir_all(&root)
            .and_then(|()| std::fs::write(root.join("Cargo.lock"), lock))
            .with_context(|| format!("failed to write to {}", root.display()))?;
        let tree = Self { root, files };
        tree.remove_others(Path::new(MEMBER))?;
        Ok(tree)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of the crate.
    pub fn member(&self) -> PathBuf {
        self.root.join(MEMBER)
    }

    /// Takes back whatever a mutation changed. Other files are not touched, so that little is built.
    pub fn restore(&self) -> anyhow::Result<()> {
        for (path, bytes) in &self.files {
            let path = self.root.join(path);
            if std::fs::read(&path).is_ok_and(|there| there == *bytes) {
                continue;
            }
            let directory = path.parent().unwrap_or(&self.root);
            std::fs::create_dir_all(directory)
                .and_then(|()| std::fs::write(&path, bytes))
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
        Ok(())
    }

    pub fn apply(&self, patch: &Patch) -> anyhow::Result<()> {
        patch::apply(&self.root, patch)
    }

    /// A file that an earlier copy had and this one has not would be built too.
    fn remove_others(&self, directory: &Path) -> anyhow::Result<()> {
        let mut there = BTreeMap::new();
        if self.root.join(directory).exists() {
            read(&self.root, directory, &mut there)?;
        }
        for path in there.keys().filter(|path| !self.files.contains_key(*path)) {
            std::fs::remove_file(self.root.join(path))
                .with_context(|| format!("failed to remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// Reads a directory of `root` and what is in it.
fn read(
    root: &Path,
    directory: &Path,
    files: &mut BTreeMap<PathBuf, Vec<u8>>,
) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(root.join(directory))
        .with_context(|| format!("failed to list {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let path = directory.join(&name);
        if !entry.file_type()?.is_dir() {
            let bytes = std::fs::read(root.join(&path))
                .with_context(|| format!("failed to read {}", path.display()))?;
            files.insert(path, bytes);
        } else if !NOT_COPIED.iter().any(|not| name == *not) {
            read(root, &path, files)?;
        }
    }
    Ok(())
}

/// The workspace's manifest with one member. What the members share stays as it is.
fn narrowed(manifest: &str) -> String {
    let mut text = format!("[workspace]\nmembers = [\"{MEMBER}\"]\n");
    let mut of_workspace = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            of_workspace = line.trim() == "[workspace]";
            if of_workspace {
                continue;
            }
        }
        if !of_workspace || line.starts_with("resolver") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowed_manifest_has_one_member_and_all_that_members_share() {
        let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\n    \"host\",\n]\n\n\
                        [workspace.dependencies]\nserde = \"1\"\n\n[profile.dev]\nopt-level = 1\n";
        assert_eq!(
            narrowed(manifest),
            "[workspace]\nmembers = [\"host/ledger\"]\nresolver = \"3\"\n\
             [workspace.dependencies]\nserde = \"1\"\n\n[profile.dev]\nopt-level = 1\n"
        );
    }
}
