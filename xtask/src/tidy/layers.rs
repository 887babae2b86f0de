//! No import cycles within the crates of the program, or within `ops`: what one part imports does not lead back to it. So each part
//! can be read, tested and moved with those below it alone.
//!
//! A part is a file or a folder. What a folder's own file (`mod.rs`, or the file beside it) has in common for
//! its parts is no part: they may use it, and it them.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::files::File;
use super::rust::{code, tests};

/// Where the parts are layers.
const ROOTS: [&str; 7] = [
    "host/src",
    "host/document/src",
    "host/escape/src",
    "host/ledger/src",
    "host/runtime/src",
    "host/store/src",
    "ops/src",
];

/// The parts of a module's path, from the crate's root.
type Path = Vec<String>;

/// By folder, and by part: which other parts of it are used, and in which file that was seen first.
type Uses = BTreeMap<Path, BTreeMap<String, BTreeMap<String, String>>>;

pub fn check(files: &[File]) -> Vec<Finding> {
    ROOTS.iter().flat_map(|root| circles(root, files)).collect()
}

fn circles(root: &str, files: &[File]) -> Vec<Finding> {
    let modules: BTreeMap<Path, &File> = files
        .iter()
        .filter_map(|file| Some((module(root, &file.path)?, file)))
        .collect();
    let known: BTreeSet<&Path> = modules.keys().collect();
    let mut uses = Uses::new();
    for (module, file) in &modules {
        if module.iter().any(|part| part.ends_with("tests")) {
            continue;
        }
        for target in targets(module, &without_tests(&file.text)) {
            let target = known_part(&known, target);
            let shared = module.iter().zip(&target).take_while(|(a, b)| a == b);
            let shared = shared.count();
            if let (Some(from), Some(to)) = (module.get(shared), target.get(shared)) {
                let folder = uses.entry(module[..shared].to_vec()).or_default();
                let from = folder.entry(from.clone()).or_default();
                from.entry(to.clone()).or_insert_with(|| file.path.clone());
            }
        }
    }
    uses.values().flat_map(circles_of).collect()
}

/// The path of the module in a file; None if it is none of this crate.
fn module(root: &str, path: &str) -> Option<Path> {
    let path = path.strip_prefix(root)?.strip_prefix('/')?;
    let path = path.strip_suffix(".rs")?;
    let mut parts: Path = path.split('/').map(str::to_owned).collect();
    if ["mod", "lib", "main"].contains(&parts.last()?.as_str()) {
        parts.pop();
    }
    Some(parts)
}

fn without_tests(text: &str) -> String {
    let code = code(text);
    let is_test = tests(&code).lines;
    let lines = code.lines().zip(is_test);
    let lines: Vec<&str> = lines
        .filter(|(_, is_test)| !is_test)
        .map(|(line, _)| line)
        .collect();
    lines.join("\n")
}

/// All that a module names by a path from `crate`, `super` or `self`.
fn targets(module: &Path, code: &str) -> Vec<Path> {
    let mut targets = Vec::new();
    for start in ["crate", "super", "self"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let Some(rest) = code[at + start.len()..].strip_prefix("::") else {
                continue;
            };
            let mut base = match start {
                "crate" => Vec::new(),
                "self" => module.clone(),
                _ => module[..module.len().saturating_sub(1)].to_vec(),
            };
            let mut rest = rest;
            while let Some(above) = rest.strip_prefix("super::") {
                base.pop();
                rest = above;
            }
            expand(&base, rest, &mut targets);
        }
    }
    targets
}

/// A path as it goes on after its beginning, with its groups: `a::{b, c::d}`.
fn expand(base: &Path, text: &str, targets: &mut Vec<Path>) {
    let name_end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let (name, rest) = text.split_at(name_end.unwrap_or(text.len()));
    if name.is_empty() {
        if let Some(group) = text.strip_prefix('{') {
            for one in items(group) {
                expand(base, one.trim_start(), targets);
            }
        }
        return;
    }
    let mut path = base.clone();
    path.push(name.to_owned());
    match rest.strip_prefix("::") {
        Some(rest) => expand(&path, rest, targets),
        None => targets.push(path),
    }
}

/// What stands in a group, up to its end.
fn items(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0_u32, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&group[start..at]);
                return items;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items
}

/// The longest beginning of a path that is a module.
fn known_part(known: &BTreeSet<&Path>, mut path: Path) -> Path {
    while !path.is_empty() && !known.contains(&path) {
        path.pop();
    }
    path
}

/// One finding for each use of one part by another that leads back to the first.
fn circles_of(uses: &BTreeMap<String, BTreeMap<String, String>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (from, targets) in uses {
        for (to, path) in targets {
            if let Some(way) = way(uses, to, from) {
                let text = format!(
                    "{from} uses {to}, which leads back to it ({}): move what both need below both",
                    way.join(" uses ")
                );
                findings.push(Finding::whole(path, text));
            }
        }
    }
    findings
}

/// How one part leads to another.
fn way(
    uses: &BTreeMap<String, BTreeMap<String, String>>,
    from: &str,
    to: &str,
) -> Option<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut seen = BTreeSet::from([from.to_owned()]);
    while let Some(way) = ways.pop() {
        let last = way.last()?;
        if last == to {
            return Some(way);
        }
        for next in uses.get(last).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next.clone()) {
                let mut longer = way.clone();
                longer.push(next.clone());
                ways.push(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod test {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        let findings = check(&files);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn parts_that_lead_back_to_each_other_are_found_in_each_folder() {
        let layers = [
            ("host/src/lib.rs", "pub mod a;\npub mod b;\n"),
            (
                "host/src/a/mod.rs",
                "use crate::b::{self, C};\nuse self::one::X;\n",
            ),
            (
                "host/src/a/one.rs",
                "use super::Shared;\nuse super::two::{Y, Z};\n",
            ),
            (
                "host/src/a/two.rs",
                "// crate::a::one\nlet x = \"super::one\";\n",
            ),
            (
                "host/src/b.rs",
                "#[cfg(test)]\nmod tests {\n    use crate::a::one::X;\n}\n",
            ),
        ];
        assert_eq!(found(&layers), Vec::<String>::new());
        let mut circle = layers.to_vec();
        circle[4].1 = "use crate::{d::E, a::one::X};\n";
        assert_eq!(
            found(&circle),
            [
                "host/src/a/mod.rs: a uses b, which leads back to it (b uses a): move what both need below both",
                "host/src/b.rs: b uses a, which leads back to it (a uses b): move what both need below both",
            ]
        );
        let mut within = layers.to_vec();
        within[3].1 = "fn f() -> super::one::X {}\n";
        let found = found(&within);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("host/src/a/one.rs: one uses two"),
            "{found:?}"
        );
    }
}
