//! How an audit handles files that are no recordings, pipes, devices and packed files: it reports what it
//! found and ends, and takes a bounded amount of time and memory.

mod support;

use std::io::Write;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use landfall_tests::paths;
use support::{run_landfall, text};

const CONFIG: &str = "checks = []\n[event]\nkey = \"/id\"\ntime = [\"/ts\"]\n[streams.raw]\ncodec = \"json\"\n\
    [schemas]\ndir = \"schemas\"\n";

const EVENT: &[u8] = b"{\"id\": \"a\", \"ts\": 1700000000}\n";

fn dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("schemas")).expect("a directory");
    std::fs::write(dir.path().join("landfall.toml"), CONFIG).expect("written");
    std::fs::write(dir.path().join("plain"), EVENT).expect("written");
    dir
}

fn audit(dir: &Path, raw: &str, written: &str) -> Output {
    run_landfall(dir, &["audit", "--raw", raw, "--written", written])
}

/// EVENT by `xz -0`, and by bzip2.
const XZ: &[u8] = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\x02\0!\x01\x0c\0\0\0\x8f\x98A\x9c\x01\0\x1d";
const BZIP2: &[u8] = b"BZh91AY&SY\x0f\xb0\x9c\x02\0\0\x05\x1d\x80\0\x10@";

#[test]
fn a_file_of_another_format_is_named_on_either_side_and_the_exit_code_is_2() {
    let dir = dir();
    let utf16: Vec<u8> = String::from_utf8_lossy(EVENT)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = [&[0xff, 0xfe][..], &utf16].concat();
    for (bytes, name) in [
        (XZ, "xz"),
        (BZIP2, "bzip2"),
        (b"PK\x03\x04\x14\0", "zip"),
        (&utf16, "UTF-16LE"),
        (&marked, "UTF-16"),
        (b"\x04\x22\x4d\x18\x64", "lz4"),
    ] {
        std::fs::write(dir.path().join("odd"), bytes).expect("written");
        for (raw, written, stream) in [("odd", "plain", "raw"), ("plain", "odd", "written")] {
            let output = audit(dir.path(), raw, written);
            let told = text(&output);
            assert_eq!(output.status.code(), Some(2), "{told}");
            let expected = format!("odd is {name}: only plain, gzip and zstd can be read");
            assert!(told.contains(&expected), "{told}");
            assert!(
                told.contains(&format!("| landfall audit --{stream} -")),
                "{told}"
            );
            assert!(output.stdout.is_empty(), "nobody is accused: {told}");
        }
        let output = run_landfall(dir.path(), &["config", "check", "--config", "odd"]);
        assert!(
            text(&output).contains(&format!("it is {name} and not a text")),
            "{}",
            text(&output)
        );
        let validate = ["schema", "validate", "--schema"];
        let output = run_landfall(dir.path(), &[&validate[..], &["odd", "plain"]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output).contains(&format!("it is {name}: a schema is JSON")),
            "{}",
            text(&output)
        );
        std::fs::write(
            dir.path().join("schema"),
            "{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
        )
        .expect("written");
        let output = run_landfall(dir.path(), &[&validate[..], &["schema", "odd"]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output).contains(&format!("odd is {name}: only")),
            "{}",
            text(&output)
        );
    }
}

#[test]
fn what_the_message_advises_works() {
    let dir = dir();
    let mut shell = Command::new("sh");
    shell.current_dir(dir.path()).arg("-c");
    let script = "command -v gzip >/dev/null && gzip -c plain | gzip -c > twice && \
        gzip -dc twice | \"$0\" audit --raw - --written plain";
    let output = shell
        .arg(script)
        .arg(paths::landfall())
        .output()
        .expect("sh runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = audit(dir.path(), "twice", "plain");
    assert_eq!(output.status.code(), Some(2));
    let advised = "twice is gzip within gzip: only plain, gzip and zstd can be read; unpack it on the way: \
        gzip -dc twice | landfall audit --raw -";
    assert!(text(&output).contains(advised), "{}", text(&output));
}

#[test]
fn a_mark_of_utf8_is_skipped_wherever_a_text_is_read() {
    let dir = dir();
    let marked = |name: &str, bytes: &[u8]| {
        let bytes = [&b"\xef\xbb\xbf"[..], bytes].concat();
        std::fs::write(dir.path().join(name), bytes).expect("written");
    };
    marked("landfall.toml", CONFIG.as_bytes());
    marked("raw", EVENT);
    marked(
        "schema",
        b"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
    );
    let output = audit(dir.path(), "raw", "plain");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = run_landfall(
        dir.path(),
        &["schema", "validate", "--schema", "schema", "raw"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn devices_and_pipes_are_reported_and_what_has_no_end_is_an_error() {
    let dir = dir();
    let output = audit(dir.path(), "/dev/zero", "plain");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("raw: /dev/zero is a device: it is read until its end"),
        "{told}"
    );
    assert!(told.contains("line 1 goes on for more than"), "{told}");

    let made = Command::new("mkfifo")
        .current_dir(dir.path())
        .args(["raw", "written"])
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let kind = std::fs::metadata(dir.path().join("raw"))
        .expect("it is there")
        .file_type();
    assert!(kind.is_fifo());
    // Whichever is written to first.
    for order in [["raw", "written"], ["written", "raw"]] {
        let child = Command::new(paths::landfall())
            .current_dir(dir.path())
            .args(["audit", "--raw", "raw", "--written", "written"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("landfall runs");
        for name in order {
            let mut pipe = std::fs::OpenOptions::new()
                .write(true)
                .open(dir.path().join(name))
                .expect("opened");
            pipe.write_all(EVENT).expect("written");
        }
        let output = child.wait_with_output().expect("it ends");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(
            told.contains("written: written is a pipe: it is read until"),
            "{told}"
        );
    }
    // A pipe to which nobody ever writes does not prevent a report about a wrong file beside it.
    std::fs::write(dir.path().join("odd"), XZ).expect("written");
    let output = audit(dir.path(), "raw", "odd");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("odd is xz"), "{}", text(&output));
}

#[test]
fn a_pipe_or_a_device_in_place_of_a_schema_or_a_configuration_is_refused_and_not_waited_for() {
    let dir = dir();
    std::fs::create_dir(dir.path().join("schemas/S")).expect("a directory");
    let made = Command::new("mkfifo")
        .current_dir(dir.path())
        .args(["schemas/S/1.json", "pipe"])
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let output = audit(dir.path(), "plain", "plain");
    let told = text(&output);
    assert!(
        told.contains("S/1.json: it is a directory, a pipe or a device: name a regular file"),
        "{told}"
    );
    let output = run_landfall(
        dir.path(),
        &["schema", "validate", "--schema", "/dev/zero", "plain"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("name a regular file"),
        "{}",
        text(&output)
    );
    let output = run_landfall(dir.path(), &["run", "--config", "pipe"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("it is a pipe, which can be read once"),
        "{}",
        text(&output)
    );
    let output = run_landfall(dir.path(), &["missing", "--config", "/dev/zero"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("it is a device"),
        "{}",
        text(&output)
    );
}

#[test]
fn an_empty_file_is_reported_and_a_directory_or_a_missing_file_is_named() {
    let dir = dir();
    std::fs::write(dir.path().join("empty"), "").expect("written");
    let output = audit(dir.path(), "empty", "plain");
    assert!(
        text(&output).contains("raw: empty is empty"),
        "{}",
        text(&output)
    );
    assert_eq!(output.status.code(), Some(1), "the row is unexpected");
    for name in ["schemas", "nowhere"] {
        let output = audit(dir.path(), name, "plain");
        assert_eq!(output.status.code(), Some(2));
        let told = text(&output);
        assert!(told.contains(&format!("failed to open {name}: ")), "{told}");
        assert!(
            told.matches("os error").count() <= 1,
            "a cause is told once: {told}"
        );
    }
}

#[test]
fn a_small_file_that_unpacks_to_one_endless_line_ends_with_an_error_in_little_memory() {
    let dir = dir();
    let script = "head -c 1000000000 /dev/zero | gzip -1 > bomb && \
        ulimit -v 4000000 && exec \"$0\" audit --raw bomb --written plain";
    let output = Command::new("sh")
        .current_dir(dir.path())
        .args(["-c", script])
        .arg(paths::landfall())
        .output();
    let output = output.expect("sh runs");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("line 1 goes on for more than 268435456 bytes"),
        "{told}"
    );
}
