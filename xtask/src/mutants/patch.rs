//! The mutations: one patch each, with what it breaks in comment lines before it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Where they are, in the repository.
pub const DIRECTORY: &str = "host/ledger/mutants";

/// What they may change: the code of the ledger, and none of its integration tests.
const MUTABLE: &str = "host/ledger/src/";

/// One mutation.
pub struct Patch {
    pub name: String,
    /// Relative to the repository's root.
    pub path: String,
    pub text: String,
    pub breaks: String,
}

/// Reads all of them, by name.
pub fn read_all(root: &Path) -> anyhow::Result<Vec<Patch>> {
    let directory = root.join(DIRECTORY);
    let entries = std::fs::read_dir(&directory)
        .with_context(|| format!("failed to list {}", directory.display()))?;
    let mut patches = Vec::new();
    for entry in entries {
        let file = entry?.file_name();
        let file = file.to_string_lossy();
        let Some(name) = file.strip_suffix(".patch") else {
            continue;
        };
        let path = format!("{DIRECTORY}/{file}");
        let text = std::fs::read_to_string(root.join(&path))
            .with_context(|| format!("failed to read {path}"))?;
        let breaks = breaks(&text);
        patches.push(Patch {
            name: name.to_owned(),
            path,
            text,
            breaks,
        });
    }
    if patches.is_empty() {
        bail!("{DIRECTORY} has no patch; without one nothing is tried");
    }
    patches.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(patches)
}

/// The comment lines before the patch, as one text.
fn breaks(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("# "));
    lines.collect::<Vec<_>>().join(" ")
}

/// What is wrong with a patch, if anything: it must say what it breaks, change nothing but code of the
/// ledger, and apply to the tree as it is. The outer error: it could not be found out.
pub fn check(root: &Path, text: &str) -> anyhow::Result<Result<(), String>> {
    if breaks(text).is_empty() {
        let why = "it does not say what it breaks; begin it with a line `# ...`";
        return Ok(Err(why.to_owned()));
    }
    let changed = text.lines().filter_map(|line| line.strip_prefix("+++ b/"));
    let mut others = changed.filter(|file| !file.starts_with(MUTABLE));
    if let Some(file) = others.next() {
        return Ok(Err(format!("it changes {file}; mutate {MUTABLE} alone")));
    }
    git_apply(root, &["--check"], text)
}

/// Applies it to a copy of the tree.
pub fn apply(copy: &Path, patch: &Patch) -> anyhow::Result<()> {
    match git_apply(copy, &[], &patch.text)? {
        Ok(()) => Ok(()),
        Err(why) => bail!("{}: {why}", patch.path),
    }
}

/// Gives it to git, which takes the directory for what it is, not for a part of a repository around it.
fn git_apply(directory: &Path, args: &[&str], text: &str) -> anyhow::Result<Result<(), String>> {
    let mut command = Command::new("git");
    command
        .arg("apply")
        .args(args)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(above) = directory.parent() {
        command.env("GIT_CEILING_DIRECTORIES", above);
    }
    let mut child = command.spawn().context("failed to run `git apply`")?;
    if let Some(mut stdin) = child.stdin.take() {
        // If git reads no further, it says why.
        let _ = stdin.write_all(text.as_bytes());
    }
    let output = child
        .wait_with_output()
        .context("failed to run `git apply`")?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let why = said.lines().next().unwrap_or("git does not say why");
    Ok(Err(format!(
        "it does not apply ({why}); make the same mutation in the code as it is now, and renew \
         the patch by `git diff`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_patch_breaks_is_what_its_first_lines_say() {
        assert_eq!(breaks("# One.\n# Two.\n--- a/x\n# no\n"), "One. Two.");
        assert_eq!(breaks("--- a/x\n# no\n"), "");
    }

    #[test]
    fn a_patch_that_does_not_apply_or_changes_a_test_is_named_with_its_remedy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let wrong = |text: &str| {
            let checked = check(&root, text).expect("git");
            checked.expect_err("is wrong")
        };
        assert!(wrong("--- a/x\n").contains("does not say what it breaks"));
        let test = wrong("# It.\n+++ b/host/ledger/tests/copies.rs\n");
        assert!(test.contains("host/ledger/tests/copies.rs"), "{test}");
        let missing = wrong(
            "# It.\n--- a/host/ledger/src/lib.rs\n+++ b/host/ledger/src/lib.rs\n@@ -1 +1 @@\n-no\n+yes\n",
        );
        assert!(missing.contains("renew the patch"), "{missing}");
    }
}
