//! One place reads the time of day for all that runs: a replay runs by another clock, and a second reader of the
//! system's would not notice.

use super::Finding;
use super::files::File;
use super::rust::{code, tests, words};

/// Where the sidecar's clock is, and where a person's `2h ago` is read.
const READERS: [&str; 2] = ["host/src/clock.rs", "host/src/cli/times.rs"];

/// The names by which the system's time is asked for. `Instant` is none: pacing is in real time.
const QUESTIONS: [&str; 3] = ["SystemTime", "now_utc", "now_local"];

pub fn check(file: &File) -> Vec<Finding> {
    let path = file.path.as_str();
    if !path.starts_with("host/") || READERS.contains(&path) || path.contains("tests") {
        return Vec::new();
    }
    let code = code(&file.text);
    let is_test = tests(&code).lines;
    let mut findings = Vec::new();
    for (index, line) in code
        .lines()
        .enumerate()
        .filter(|(index, _)| !is_test[*index])
    {
        for question in QUESTIONS {
            if words(line, question).next().is_some() {
                let text = format!("asks for {question}; take the time from a Clock");
                findings.push(Finding::at(path, index + 1, text));
            }
        }
    }
    findings
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn the_time_of_day_is_read_in_its_place_alone() {
        let found = |path: &str, text: &str| {
            let file = File {
                path: path.into(),
                text: text.into(),
            };
            check(&file).len()
        };
        let reads = "fn f() -> SystemTime {\n    SystemTime::now()\n}\n";
        assert_eq!(found("host/src/board.rs", reads), 2);
        assert_eq!(found("host/src/clock.rs", reads), 0);
        assert_eq!(found("host/src/engine/tests.rs", reads), 0);
        assert_eq!(
            found(
                "host/src/board.rs",
                "// not SystemTime\nuse std::time::Instant;\n"
            ),
            0
        );
        assert_eq!(
            found(
                "host/src/board.rs",
                "#[cfg(test)]\nmod test {\n    use std::time::SystemTime;\n}\n"
            ),
            0
        );
    }
}
