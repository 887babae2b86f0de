//! An audit whose two sides are one file: it is recognised and reported in the same way, however the name is spelled.

mod support;

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use landfall_tests::paths;
use rustix::fs::{CWD, Mode, mkfifoat};
use support::text;

const EVENT: &str = "{\"uuid\": \"a\", \"timestamp\": 1700000000}\n";

/// A directory with a configuration, an event in `raw.log`, and other names of that.
fn recorded() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("schemas")).expect("a directory");
    let config = "checks = []\n[streams.raw]\ncodec = \"json\"\n[schemas]\ndir = \"schemas\"\n";
    std::fs::write(at("landfall.toml"), config).expect("written");
    std::fs::write(at("raw.log"), EVENT).expect("written");
    std::fs::copy(at("raw.log"), at("copy.log")).expect("a copy");
    std::fs::hard_link(at("raw.log"), at("second.log")).expect("a second name");
    symlink("raw.log", at("link.log")).expect("a link");
    symlink(".", at("here")).expect("a link");
    mkfifoat(CWD, at("pipe"), Mode::from_raw_mode(0o600)).expect("a pipe");
    symlink("pipe", at("link.pipe")).expect("a link");
    dir
}

fn audit(dir: &Path, raw: &str, written: &str, stdin: Stdio) -> Output {
    Command::new(paths::landfall())
        .current_dir(dir)
        .args(["audit", "--raw", raw, "--written", written])
        .env("XDG_CACHE_HOME", paths::caches())
        .stdin(stdin)
        .output()
        .expect("landfall runs")
}

#[test]
fn one_file_on_both_sides_is_audited_with_one_note_that_it_proves_nothing() {
    let dir = recorded();
    let raw_log = || Stdio::from(File::open(dir.path().join("raw.log")).expect("it is there"));
    for (raw, written) in [
        ("raw.log", "raw.log"),
        ("raw.log", "./raw.log"),
        ("raw.log", "here/raw.log"),
        ("raw.log", "second.log"),
        ("link.log", "second.log"),
        ("-", "raw.log"),
        ("link.log", "-"),
        ("-", "/dev/stdin"),
        ("/dev/fd/0", "raw.log"),
        ("/dev/stdin", "/proc/self/fd/0"),
    ] {
        let output = audit(dir.path(), raw, written, raw_log());
        let said = text(&output);
        assert_eq!(output.status.code(), Some(0), "{raw} {written}: {said}");
        let notes = said.matches("are one file").count();
        assert_eq!(notes, 1, "{raw} {written}: {said}");
        assert!(said.contains("proves itself"), "{said}");
    }
    // Two separate files with equal content are what an audit is for.
    let output = audit(dir.path(), "raw.log", "copy.log", Stdio::null());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(!text(&output).contains("are one"), "{}", text(&output));
}

#[test]
fn what_can_be_read_once_only_is_refused_on_both_sides_before_it_is_read() {
    let dir = recorded();
    let raw_log = || Stdio::from(File::open(dir.path().join("raw.log")).expect("it is there"));
    let piped: fn() -> Stdio = Stdio::piped;
    let refused = |raw: &str, written: &str, stdin: Stdio| {
        let output = audit(dir.path(), raw, written, stdin);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{raw} {written}: {said}");
        assert!(
            said.contains("are one pipe, terminal or standard input"),
            "{raw} {written}: {said}"
        );
    };
    // Both would go on reading where the other one is, also in a file.
    refused("-", "-", raw_log());
    for (raw, written) in [
        ("-", "-"),
        ("-", "/dev/stdin"),
        ("/dev/fd/0", "-"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdin", "/dev/stdin"),
    ] {
        refused(raw, written, piped());
    }
    refused("pipe", "pipe", Stdio::null());
    refused("pipe", "link.pipe", Stdio::null());
    refused(
        "/dev/zero",
        "here/../../../../../../../../dev/zero",
        Stdio::null(),
    );
    // A device without content belongs to neither side.
    for (raw, written) in [("/dev/null", "/dev/null"), ("-", "/dev/null")] {
        let output = audit(dir.path(), raw, written, Stdio::null());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
}
