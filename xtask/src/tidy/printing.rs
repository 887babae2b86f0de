//! One place prints: it escapes text of others. Whoever goes round it puts events on a terminal raw.

use super::Finding;
use super::files::File;
use super::rust::{code, tests};

/// Where commands print.
const PRINTER: &str = "host/src/cli/print.rs";

/// Where the process that compiles checks and its parent are: what goes between them is no text.
const PIPE: &str = "host/runtime/src/compile/";

/// The ways to standard output and standard error.
const WAYS: [&str; 4] = ["println!(", "print!(", "stdout(", "stderr().lock("];

pub fn check(file: &File) -> Vec<Finding> {
    let path = file.path.as_str();
    let is_program = path.starts_with("host/") && path.contains("/src/");
    let is_exempt = path == PRINTER || path.starts_with(PIPE);
    if !is_program || is_exempt || path.ends_with("tests.rs") || path.contains("/tests/") {
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
        if let Some(way) = WAYS.into_iter().find(|way| line.contains(way)) {
            let text = format!("has {way}...); print by {PRINTER}, which escapes text of others");
            findings.push(Finding::at(path, index + 1, text));
        }
    }
    findings
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
}
