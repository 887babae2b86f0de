//! What every Rust file has to be like.

use std::collections::HashSet;

use super::Finding;
use super::files::File;
use super::rust::{code, tests};

/// A file is about one concept; one that is longer is about two.
const LINES_MAX: usize = 600;

/// What a program that runs unattended must not do where input can make it, and what is unfinished.
const NOT_OUTSIDE_TESTS: [(&str, &str); 6] = [
    (".unwrap()", "handle the error, or make the case impossible"),
    (".expect(", "handle the error, or make the case impossible"),
    (
        "panic!(",
        "return an error that says what was found and what to do",
    ),
    ("todo!(", "finish it"),
    ("unimplemented!(", "finish it"),
    ("dbg!(", "remove it"),
];

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
    for (index, line) in code(&file.text).lines().enumerate() {
        if line.contains("#[ignore") {
            let text = "a test that is ignored proves nothing; mend or remove it";
            findings.push(Finding::at(&file.path, index + 1, text));
        }
    }
    findings
}

/// In `host/`, outside tests, nothing panics by itself.
pub fn unwraps(files: &[File]) -> Vec<Finding> {
    let host: Vec<(&File, String)> = files
        .iter()
        .filter(|file| file.path.starts_with("host/") && file.path.ends_with(".rs"))
        .filter(|file| !is_test_by_place(&file.path))
        .map(|file| (file, code(&file.text)))
        .collect();
    let mut of_tests = HashSet::new();
    for (file, code) in &host {
        for module in tests(code).modules {
            of_tests.extend(files_of_module(&file.path, &module));
        }
    }
    let mut findings = Vec::new();
    for (file, code) in host
        .iter()
        .filter(|(file, _)| !of_tests.contains(&file.path))
    {
        let tests = tests(code);
        for ((index, line), _) in code
            .lines()
            .enumerate()
            .zip(tests.lines)
            .filter(|(_, is_test)| !is_test)
        {
            for (pattern, remedy) in NOT_OUTSIDE_TESTS {
                if contains_call(line, pattern) {
                    let text = format!("{pattern} outside tests; {remedy}");
                    findings.push(Finding::at(&file.path, index + 1, text));
                }
            }
        }
    }
    findings
}

/// `panic!(` is not in `no_panic!(`.
fn contains_call(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        pattern.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn is_test_by_place(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.any(|part| ["tests", "tests.rs", "benches", "examples"].contains(&part))
}

/// Where `mod name;` in this file may lie.
fn files_of_module(path: &str, name: &str) -> [String; 2] {
    let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
    let dir = match file {
        "mod.rs" | "lib.rs" | "main.rs" => dir.to_owned(),
        _ => format!("{dir}/{}", file.trim_end_matches(".rs")),
    };
    [format!("{dir}/{name}.rs"), format!("{dir}/{name}/mod.rs")]
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
    fn a_panic_is_found_in_the_host_and_not_in_its_tests() {
        let files = [
            file(
                "host/src/lib.rs",
                "//! x\n#[cfg(test)]\nmod doubles;\nfn f() {\n    a.unwrap()\n}\n",
            ),
            file(
                "host/src/doubles.rs",
                "//! x\nfn f() {\n    a.unwrap()\n}\n",
            ),
            file("host/src/queue/tests.rs", "a.unwrap()"),
            file("host/store/tests/all.rs", "a.unwrap()"),
            file("tests/src/lib.rs", "a.unwrap()"),
        ];
        let found: Vec<String> = unwraps(&files).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "host/src/lib.rs:5: .unwrap() outside tests; handle the error, or make the case impossible"
            ]
        );
    }

    #[test]
    fn a_file_says_what_it_is_for_and_is_not_endless() {
        assert!(check(&file("host/src/a.rs", "//! What it is for.\n")).is_empty());
        assert_eq!(check(&file("host/src/a.rs", "use a;\n")).len(), 1);
        assert_eq!(
            check(&file("host/src/a.rs", &"//! x\n".repeat(LINES_MAX + 1))).len(),
            1
        );
    }
}
