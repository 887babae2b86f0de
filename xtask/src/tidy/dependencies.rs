//! Every dependency says why it is there: in a comment above it, or above the group it is in.
//!
//! What is shared is explained once, in the workspace's Cargo.toml; our own crates explain
//! themselves.

use super::Finding;
use super::files::File;

pub fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_dependencies = false;
    let mut explained = false;
    for (index, line) in file.text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            in_dependencies = line.trim_matches(['[', ']']).ends_with("dependencies");
            explained = false;
        } else if line.is_empty() {
            explained = false;
        } else if line.starts_with('#') {
            explained = true;
        } else if in_dependencies && let Some((name, value)) = line.split_once('=') {
            let ours = value.contains("workspace = true") || value.contains("path = ");
            if !explained && !ours && !name.trim().ends_with(".workspace") {
                let name = name.trim();
                let text = format!("no comment above {name} says why it is there; add one");
                findings.push(Finding::at(&file.path, index + 1, text));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_needs_a_reason() {
        let text = "\
[package]
name = \"x\"

[dependencies]
ours = { path = \"../ours\" }
serde = { workspace = true }
bare = \"1\"
# For this.
with = \"1\"
and = \"1\"

alone = \"1\"

[target.'cfg(unix)'.dev-dependencies]
other = \"1\"
";
        let file = File {
            path: "Cargo.toml".into(),
            text: text.into(),
        };
        let lines: Vec<Option<usize>> = check(&file).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [Some(7), Some(12), Some(15)]);
    }
}
