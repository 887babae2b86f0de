//! No file speaks of the machine that it was written on.

use super::Finding;
use super::files::File;

/// Where people and machines keep their working copies. Put together here, so that this file does
/// not break its own rule.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/tm", "p/t/"),
    concat!("/ro", "ot/."),
];

pub fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for path in MACHINE_PATHS {
            if begins_somewhere(line, path) {
                let text = format!("{path} exists on one machine only; name a path of the project");
                findings.push(Finding::at(&file.path, index + 1, text));
            }
        }
    }
    findings
}

/// Whether an absolute path begins so, and not merely a part of a longer path or of an address.
fn begins_somewhere(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "/._-~}".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_where_it_begins_and_not_inside_another() {
        let path = MACHINE_PATHS[0];
        assert!(begins_somewhere(&format!("see {path}main"), path));
        assert!(begins_somewhere(&format!("\"{path}main\""), path));
        assert!(!begins_somewhere(
            &format!("https://example.org{path}main"),
            path
        ));
        assert!(!begins_somewhere(&format!("src{path}main"), path));
    }
}
