//! One place prints: it escapes text of others. Whoever goes round it puts events on a terminal raw.

use super::Finding;
use super::files::File;
use super::rust::{code, tests, words};

/// Where commands print.
const PRINTER: &str = "host/src/cli/print.rs";

/// The log writes to standard error, and escapes what it writes.
const LOG: &str = "host/src/cli/logging.rs";

/// Where the process that compiles checks and its parent are: what goes between them is no text.
const PIPE: &str = "host/runtime/src/compile/";

/// Macros that print. `eprint!` and `eprintln!` end like the others.
const MACROS: [&str; 3] = ["println!(", "print!(", "dbg!("];

/// The functions that give standard output and standard error, and the methods that give them to a child.
const STREAMS: [&str; 2] = ["stdout", "stderr"];

/// What may be asked of them, for it writes nothing.
const QUESTION: &str = "().is_terminal()";

pub fn check(file: &File) -> Vec<Finding> {
    let path = file.path.as_str();
    let is_program = path.starts_with("host/") && path.contains("/src/");
    let is_exempt = path == PRINTER || path == LOG || path.starts_with(PIPE);
    if !is_program || is_exempt || path.ends_with("tests.rs") || path.contains("/tests/") {
        return Vec::new();
    }
    let code = code(&file.text);
    let is_test = tests(&code).lines;
    let mut ways = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let way = MACROS.into_iter().find(|way| line.contains(way));
        ways.extend(way.map(|way| (index, way)));
    }
    for stream in STREAMS {
        let used = words(&code, stream).filter(|(_, after)| !is_question(after));
        ways.extend(used.map(|(before, _)| (before.matches('\n').count(), stream)));
    }
    ways.sort_unstable();
    ways.into_iter()
        .filter(|(index, _)| !is_test[*index])
        .map(|(index, way)| {
            let text = format!("has {way}...; print by {PRINTER}, which escapes text of others");
            Finding::at(path, index + 1, text)
        })
        .collect()
}

/// Whether it is only asked whether somebody looks at it, on one line or on several.
fn is_question(after: &str) -> bool {
    let mut chars = after.chars().filter(|char| !char.is_whitespace());
    QUESTION.chars().all(|char| chars.next() == Some(char))
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn only_the_printer_prints() {
        let found = |path: &str, text: &str| {
            let file = File {
                path: path.into(),
                text: text.into(),
            };
            check(&file).len()
        };
        let prints = "fn f() {\n    println!(\"{x}\");\n    eprint!(\"{x}\");\n    io::stdout().lock();\n}\n";
        assert_eq!(found("host/src/cli/missing.rs", prints), 3);
        assert_eq!(found("host/store/src/store.rs", prints), 3);
        assert_eq!(found(PRINTER, prints), 0);
        assert_eq!(found("host/runtime/src/compile/serve.rs", prints), 0);
        assert_eq!(found("xtask/src/main.rs", prints), 0);
        assert_eq!(found("host/src/queue/tests.rs", prints), 0);
        let shows = "// println!(x)\nfn f() {\n    io::stderr().is_terminal()\n}\n";
        assert_eq!(found("host/src/cli/missing.rs", shows), 0);
    }

    #[test]
    fn every_way_to_the_outputs_is_found_and_what_only_looks_like_one_is_not() {
        let found = |line: &str| {
            let file = File {
                path: "host/src/cli/missing.rs".into(),
                text: format!("fn f() {{\n    {line}\n}}\n"),
            };
            let findings = check(&file);
            assert!(
                findings.iter().all(|finding| finding.line == Some(2)),
                "{line}"
            );
            findings.len()
        };
        for line in [
            "println!();",
            "eprintln!(\"{x}\");",
            "dbg!(x);",
            "let x = dbg!(x);",
            "writeln!(io::stderr(), \"{x}\")?;",
            "std::io::stdout().write_all(x)?;",
            "io::copy(&mut x, &mut io::stdout())?;",
            "let mut out = io::stderr();",
            "stderr().lock().flush();",
            "use std::io::stderr;",
            "let make: fn() -> io::Stderr = io::stderr;",
            "Command::new(x).stderr(Stdio::inherit());",
        ] {
            assert_eq!(found(line), 1, "{line}");
        }
        for line in [
            "let text = \"println!(x)\";",
            "// eprintln!(x)",
            "if std::io::stdout().is_terminal() {}",
            "error.use_stderr();",
            "let stdout_lines = 1;",
            "writeln!(file, \"{x}\")?;",
        ] {
            assert_eq!(found(line), 0, "{line}");
        }
        let broken = "let x = io::stderr()\n        .is_terminal();";
        assert_eq!(found(broken), 0);
    }
}
