//! Rules for single Rust files: a head, a length, no ignored tests.

use super::Finding;
use super::files::File;
use super::rust::code;

/// A file is about one concept; one that is longer is about two.
const LINES_MAX: usize = 600;

/// A file of the program that is longer than this says why, in its head.
const LINES_WITHOUT_REASON_MAX: usize = 450;
const REASON: &str = "//! Long: ";

/// Rules for one file by itself.
pub fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.text.starts_with("//!") {
        let text = "begins without //!; say what the module is for and what it may not know";
        findings.push(Finding::at(&file.path, 1, text));
    }
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        let text = format!("has {lines} lines, more than {LINES_MAX}; give each concept a file");
        findings.push(Finding::whole(&file.path, text));
    }
    let says_why = file.text.lines().any(|line| line.starts_with(REASON));
    if lines > LINES_WITHOUT_REASON_MAX && file.path.starts_with("host/") && !says_why {
        let text = format!(
            "has {lines} lines, more than {LINES_WITHOUT_REASON_MAX}; give each concept a file, or say why in a \
             line `{REASON}`"
        );
        findings.push(Finding::whole(&file.path, text));
    }
    for (index, line) in code(&file.text).lines().enumerate() {
        if line.contains("#[ignore") {
            let text = "a test that is ignored proves nothing; fix or remove it";
            findings.push(Finding::at(&file.path, index + 1, text));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_long_file_of_the_program_says_why() {
        let found = |path: &str, text: &str| check(&file(path, text)).len();
        let lines = |count| format!("//! x\n{}", "// y\n".repeat(count));
        assert_eq!(
            found("host/src/queue.rs", &lines(LINES_WITHOUT_REASON_MAX - 1)),
            0
        );
        assert_eq!(
            found("host/src/queue.rs", &lines(LINES_WITHOUT_REASON_MAX)),
            1
        );
        assert_eq!(
            found("ops/src/queue.rs", &lines(LINES_WITHOUT_REASON_MAX)),
            0
        );
        let why = format!("//! x\n{REASON}it is a table.\n");
        let long = why + &"// y\n".repeat(LINES_WITHOUT_REASON_MAX);
        assert_eq!(found("host/src/queue.rs", &long), 0);
    }

    #[test]
    fn a_file_says_what_it_is_for_and_is_not_endless() {
        assert!(check(&file("host/src/a.rs", "//! What it is for.\n")).is_empty());
        assert_eq!(check(&file("host/src/a.rs", "use a;\n")).len(), 1);
        assert_eq!(
            check(&file("ops/src/a.rs", &"//! x\n".repeat(LINES_MAX + 1))).len(),
            1
        );
    }
}
