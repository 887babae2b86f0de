//! The repository's text files: what git tracks, and what it would if it were added.

use anyhow::Context as _;

use crate::command::{output, program};
use crate::workspace::Workspace;

/// A text file.
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    pub text: String,
}

/// Reads all of them; what is not UTF-8 is no text.
pub fn read(workspace: &Workspace) -> anyhow::Result<Vec<File>> {
    let mut list = program(workspace, "git");
    list.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let names = output(&mut list).context("failed to list the repository's files")?;
    let mut files = Vec::new();
    for path in names.split('\0').filter(|path| !path.is_empty()) {
        // A file that was removed, but not yet from the index, is no file.
        let Ok(bytes) = std::fs::read(workspace.root.join(path)) else {
            continue;
        };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}
