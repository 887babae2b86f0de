//! Which inputs Prometheus' tool has evaluated as a whole, so that equal inputs need not be evaluated again: what it
//! says depends on nothing else. For the tests of rules, which would spend half of all their time there.
//!
//! Used by tests alone, those of the rules and those of recorded days, which are in two crates.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use sha2::{Digest, Sha256};

/// What the file begins with.
const HEAD: &str = "# Evaluated by promtool as a whole, and passed: what was evaluated, and the SHA-256 of all that the answer depends\n# on (promtool's version, the rules, the series and what is expected). Tests write it with UPDATE=1.\n";

/// The digest of all that an answer depends on.
pub fn digest(inputs: &[&str]) -> String {
    let mut sha = Sha256::new();
    for input in inputs {
        // The length makes ("ab","c") and ("a","bc") different.
        sha.update((input.len() as u64).to_le_bytes());
        sha.update(input.as_bytes());
    }
    let mut text = String::new();
    for byte in sha.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Evaluations that passed, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluations {
    digests: BTreeMap<String, String>,
}

impl Evaluations {
    /// Reads a file. One that is not there, or cannot be read, says of nothing that it was evaluated.
    pub fn read(path: &Path) -> Self {
        Self::parse(&fs::read_to_string(path).unwrap_or_default())
    }

    /// Adds to a file what passed: names and digests. Tests of one process may call it at the same time.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(path: &Path, passed: Vec<(String, String)>) -> io::Result<()> {
        static WRITING: Mutex<()> = Mutex::new(());
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Self::read(path);
        for (name, digest) in passed {
            all.passed(&name, digest);
        }
        fs::write(path, all.text())
    }

    /// Reads the text of a file. Lines that are none of it are left out: what they say was never evaluated.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let digests = lines.filter_map(|line| line.rsplit_once(' '));
        Self {
            digests: digests
                .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
                .collect(),
        }
    }

    /// Whether this was evaluated.
    pub fn has(&self, name: &str, digest: &str) -> bool {
        self.digests.get(name).is_some_and(|known| known == digest)
    }

    /// This was evaluated, and passed.
    pub fn passed(&mut self, name: &str, digest: String) {
        self.digests.insert(name.to_owned(), digest);
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (name, digest) in &self.digests {
            let _ = writeln!(text, "{name} {digest}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passed_is_known_until_anything_of_it_changes() {
        let now = digest(&["rules", "tests"]);
        assert_eq!(now.len(), 64);
        let mut evaluations = Evaluations::default();
        assert!(!evaluations.has("a day", &now));
        evaluations.passed("a day", now.clone());
        let read = Evaluations::parse(&evaluations.text());
        assert_eq!(read, evaluations);
        assert!(read.has("a day", &now));
        for other in [
            digest(&["rule", "stests"]),
            digest(&["rules", "tests", ""]),
            digest(&["rules", "Tests"]),
            String::new(),
        ] {
            assert!(!read.has("a day", &other), "{other}");
        }
        assert!(!read.has("another day", &now));
        assert_eq!(Evaluations::parse("nonsense\n\n"), Evaluations::default());
    }
}
