//! The lints that every root of the program turns on. A program that runs unattended does not panic where input
//! can make it, does not print past the place that escapes, and its functions say how they fail. A test may do
//! all of it, and cargo has no lints for some targets of a package alone.

use super::Finding;
use super::files::File;
use super::rust::{code, words};

const PROGRAM_LINTS: [&str; 6] = [
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::print_stdout",
    "clippy::print_stderr",
    "clippy::missing_errors_doc",
];

/// Lints that a root of the program does not turn on.
pub fn check(file: &File) -> Vec<Finding> {
    if !is_root_of_program(&file.path) {
        return Vec::new();
    }
    let code = code(&file.text);
    PROGRAM_LINTS
        .iter()
        .filter(|lint| words(&code, lint).next().is_none())
        .map(|lint| {
            let text = format!("does not warn of {lint}; add it to #![warn(...)]");
            Finding::whole(&file.path, text)
        })
        .collect()
}

/// Whether a file is the root of a library or a program below `host`.
fn is_root_of_program(path: &str) -> bool {
    let is_root = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
    path.starts_with("host/") && is_root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_of_the_program_turns_all_of_them_on() {
        let found = |path: &str, text: &str| {
            let (path, text) = (path.to_owned(), text.to_owned());
            check(&File { path, text }).len()
        };
        let lints = format!("//! x\n#![warn({})]\n", PROGRAM_LINTS.join(", "));
        assert_eq!(found("host/store/src/lib.rs", &lints), 0);
        assert_eq!(found("host/src/main.rs", &lints), 0);
        let one_less = lints.replace("clippy::panic, ", "");
        assert_eq!(found("host/src/lib.rs", &one_less), 1);
        assert_eq!(
            found("host/src/lib.rs", "//! clippy::panic\n"),
            PROGRAM_LINTS.len()
        );
        assert_eq!(found("host/src/queue.rs", "//! x\n"), 0);
        assert_eq!(found("xtask/src/main.rs", "//! x\n"), 0);
    }
}
