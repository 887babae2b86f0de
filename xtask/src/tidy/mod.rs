//! Rules of the repository that can be checked, so that nobody has to remember them.
//!
//! Each rule is a file here. What a rule needs to know of Rust is in `rust.rs`: enough to tell code
//! from comments, texts and tests, and no more.

mod dependencies;
mod dependency_rules;
mod files;
mod layers;
mod links;
mod mutants;
mod paths;
mod program_lints;
mod rust;
mod sources;

use anyhow::bail;

use self::files::File;
use crate::workspace::Workspace;

/// A place where a rule is broken, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    /// From 1; None if it is about the whole file.
    pub line: Option<usize>,
    pub text: String,
}

impl Finding {
    fn at(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(line),
            text: text.into(),
        }
    }

    fn whole(path: &str, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            text: text.into(),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

/// Checks all rules, and lists every place where one is broken.
pub fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let files = files::read(workspace)?;
    let findings = findings(workspace, &files);
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!(
        "{} places break a rule of the repository; fix the lines above",
        findings.len()
    )
}

fn findings(workspace: &Workspace, files: &[File]) -> Vec<Finding> {
    let mut findings = dependency_rules::dependencies(&workspace.members);
    for file in files {
        findings.extend(paths::check(file));
        findings.extend(mutants::check(file, &workspace.root));
        if file.path.ends_with(".rs") {
            findings.extend(sources::check(file));
            findings.extend(program_lints::check(file));
            findings.extend(dependency_rules::imports(file));
        }
        if file.path.ends_with(".md") {
            findings.extend(links::check(file, |path| {
                workspace.root.join(path).exists()
            }));
        }
        if file.path.ends_with("Cargo.toml") {
            findings.extend(dependencies::check(file));
        }
    }
    findings.extend(layers::check(files));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_its_rules() {
        let workspace = Workspace::find().expect("the workspace");
        let files = files::read(&workspace).expect("its files");
        assert!(
            files.len() > 100,
            "only {} files were looked at",
            files.len()
        );
        let findings: Vec<String> = findings(&workspace, &files)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }
}
