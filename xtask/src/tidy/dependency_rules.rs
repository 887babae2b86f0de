//! Which crate may depend on which library and on which of our crates, which folders of the program may name
//! zmq, axum and hyper, and that the ledger names no clock, file or socket.

use super::Finding;
use super::files::File;
use super::rust::{code, words};
use crate::workspace::Member;

/// Libraries, and the directories of the crates that may depend on them.
const LIBRARIES: [(&str, &[&str]); 11] = [
    ("wasmtime", &["host/runtime"]),
    ("wit-component", &["host/runtime"]),
    ("wasmparser", &["host/runtime", "xtask"]),
    ("rusqlite", &["host/store", "tests"]),
    ("zmq", &["host", "tests", "bench"]),
    ("zmq-sys", &["host"]),
    ("axum", &["host"]),
    ("hyper", &["host"]),
    ("hyper-util", &["host"]),
    ("jsonschema", &["host/document", "bench", "ops"]),
    ("jsonschema-value", &["host/document"]),
];

/// Our own crates, and the directories of the crates that may depend on them.
const OURS: [(&str, &[&str]); 7] = [
    ("landfall-escape", &["host", "host/store"]),
    ("landfall-ledger", &["host", "bench"]),
    (
        "landfall-document",
        &["host", "host/runtime", "bench", "fuzz"],
    ),
    ("landfall-runtime", &["host", "bench", "fuzz"]),
    ("landfall-store", &["host", "bench"]),
    ("landfall-ops", &["host", "tests"]),
    ("landfall", &["bench", "fuzz"]),
];

/// What an author of a check depends on, and nothing that runs checks.
const SDK: &str = "landfall-guest";

/// Holds both sides to properties, each by itself.
const BOTH_SIDES: &str = "fuzz";

/// All that the pure part may have: nothing that reads a clock, a file or a socket.
const LEDGER: (&str, [&str; 1]) = ("host/ledger", ["serde"]);

/// What the ledger's sources may not name either.
const NOT_PURE: [&str; 8] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "Instant",
    "SystemTime",
];

/// Rooms within the program's own crate: which paths may name which library.
const IN_HOST: [(&[&str], &str); 2] = [
    (&["zmq", "zmq_sys"], "host/src/sources/zmq"),
    (&["axum", "hyper", "hyper_util"], "host/src/http"),
];

/// Looks at what the members' Cargo.toml name.
pub fn dependencies(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        let manifest = format!("{}/Cargo.toml", member.dir);
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            let known = LIBRARIES
                .iter()
                .chain(&OURS)
                .find(|(library, _)| *library == name);
            if let Some((_, allowed)) = known
                && !allowed.contains(&member.dir.as_str())
            {
                let text = format!("depends on {name}, which only {} may", allowed.join(", "));
                findings.push(Finding::whole(&manifest, text));
            }
            let is_of_checks = member.dir.starts_with("guests/") || member.dir == BOTH_SIDES;
            if name == SDK && !is_of_checks {
                let text = format!(
                    "depends on {SDK}, which is for checks; what runs them knows only wit/"
                );
                findings.push(Finding::whole(&manifest, text));
            }
            let (ledger, allowed) = LEDGER;
            if member.dir == ledger && !dependency.dev && !allowed.contains(&name) {
                let text = format!(
                    "depends on {name}; the ledger is pure and has only {}",
                    allowed.join(", ")
                );
                findings.push(Finding::whole(&manifest, text));
            }
        }
    }
    findings
}

/// Looks at what a source names.
pub fn imports(file: &File) -> Vec<Finding> {
    let mut findings = purity(file);
    if !file.path.starts_with("host/src/") {
        return findings;
    }
    let code = code(&file.text);
    for (libraries, room) in IN_HOST
        .iter()
        .filter(|(_, room)| !file.path.starts_with(room))
    {
        let libraries = libraries.iter().filter(|library| !is_ours(&code, library));
        for library in libraries {
            for (index, _) in code
                .lines()
                .enumerate()
                .filter(|(_, line)| names(line, library))
            {
                let text = format!("names {library}, which only {room}* may");
                findings.push(Finding::at(&file.path, index + 1, text));
            }
        }
    }
    findings
}

fn purity(file: &File) -> Vec<Finding> {
    let (ledger, _) = LEDGER;
    if !file.path.starts_with(&format!("{ledger}/src/")) {
        return Vec::new();
    }
    let code = code(&file.text);
    let named = code.lines().enumerate().flat_map(|(index, line)| {
        let found = NOT_PURE
            .into_iter()
            .filter(|path| words(line, path).next().is_some());
        found.map(move |path| {
            let text = format!("names {path}; the ledger is pure: times and data are given to it");
            Finding::at(&file.path, index + 1, text)
        })
    });
    named.collect()
}

/// Whether a line names a library by a path or a `use`.
fn names(line: &str, library: &str) -> bool {
    words(line, library).any(|(before, after)| {
        let path = after.starts_with("::");
        let used = before.trim_end().ends_with("use") && after.starts_with([';', ' ']);
        // In `super::zmq::x` and `use super::{zmq::x}` it is a module of ours.
        let ours = before.trim_start().len() > 2 && before.ends_with("::");
        (path || used) && !ours && !before.contains("::{")
    })
}

/// Whether a source has a module of ours in scope that is called like the library.
fn is_ours(code: &str, library: &str) -> bool {
    code.split(';').map(str::trim).any(|statement| {
        let own = ["use crate::", "use super::", "use self::"];
        let from_us = own.iter().any(|own| statement.contains(own));
        words(statement, library).any(|(before, after)| {
            before.ends_with("mod ") || (from_us && !after.starts_with("::"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    #[test]
    fn a_library_is_told_from_a_module_of_the_same_name() {
        for line in [
            "use zmq::Socket;",
            "fn f(x: &zmq::Socket) {",
            "    zmq::poll(&mut x)",
            "use zmq as z;",
        ] {
            assert!(names(line, "zmq"), "{line}");
        }
        for line in [
            "use super::zmq::Line;",
            "mod zmq;",
            "use crate::sources::{zmq::Line};",
            "let zmq = 1;",
            "libzmq::x",
        ] {
            assert!(!names(line, "zmq"), "{line}");
        }
    }

    #[test]
    fn a_module_of_ours_in_scope_is_no_library() {
        let found = |text: &str| {
            let path = "host/src/cli/run.rs".to_owned();
            imports(&File {
                path,
                text: text.to_owned(),
            })
            .len()
        };
        assert_eq!(
            found("use crate::sources::{Stop, zmq};\nfn f() { zmq::subscribe() }\n"),
            0
        );
        assert_eq!(
            found("use crate::sources::Stop;\nfn f() { zmq::subscribe() }\n"),
            1
        );
    }

    #[test]
    fn the_ledger_reads_no_clock_and_no_file() {
        let found = |path: &str, text: &str| {
            imports(&File {
                path: path.to_owned(),
                text: text.to_owned(),
            })
            .len()
        };
        assert_eq!(
            found("host/ledger/src/shard/mod.rs", "use std::time::Instant;"),
            1
        );
        assert_eq!(
            found(
                "host/ledger/src/shard/mod.rs",
                "let text = std::fs::read(path);"
            ),
            1
        );
        assert_eq!(
            found("host/ledger/src/shard/mod.rs", "use std::time::Duration;"),
            0
        );
        assert_eq!(found("host/store/src/lib.rs", "use std::fs::File;"), 0);
    }

    #[test]
    fn who_depends_on_whom_is_checked() {
        let member = |dir: &str, dependency: &str, dev: bool| Member {
            name: dir.to_owned(),
            dir: dir.to_owned(),
            cdylib: None,
            dependencies: vec![Dependency {
                name: dependency.to_owned(),
                dev,
            }],
        };
        let broken = [
            member("host", "wasmtime", false),
            member("tests", "landfall", false),
            member("host/runtime", "landfall-guest", true),
            member("host/ledger", "tokio", false),
            member("host/ledger", "landfall-store", true),
        ];
        assert_eq!(dependencies(&broken).len(), broken.len());
        let kept = [
            member("host/runtime", "wasmtime", false),
            member("host/ledger", "serde", false),
            member("host/ledger", "proptest", true),
            member("guests/sdk", "serde", false),
            member("guests/field-parity", "landfall-guest", false),
        ];
        assert_eq!(dependencies(&kept), []);
    }
}
