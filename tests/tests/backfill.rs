//! A backfill has exactly the lost frames, byte for byte and in order of arrival, or names what it cannot
//! give back.

mod support;

use std::path::Path;
use std::process::Output;

use landfall_tests::paths;
use serde_json::Value;
use support::{Event, Setup, Sidecar, event, run_landfall, text};

/// A directory with a configuration of plain JSON streams, two workers, and the checks given.
fn directory(extra: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let config = format!(
        "[event]\nkey = \"/id\"\ntime = [\"/ts\"]\n[streams.raw]\ncodec = \"json\"\n[guests]\ndir = {:?}\n\
         [schemas]\ndir = {:?}\n[store]\ndir = \"kept\"\n[judge]\nworkers = 2\nbatch_rows_max = 100\n\
         [[checks]]\nname = \"field-parity\"\npath = \"field_parity.wasm\"\nstreams = [\"raw\", \"written\"]\n{extra}",
        paths::guests(),
        paths::schemas()
    );
    std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
    dir
}

fn audit(dir: &Path, raw: &str, store: &str) -> Output {
    run_landfall(
        dir,
        &[
            "audit",
            "--raw",
            raw,
            "--written",
            "written",
            "--store",
            store,
            "--json",
        ],
    )
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

/// Frames with their lengths, as `docs/OPERATIONS.md` says.
fn with_lengths(frames: &[&[u8]]) -> Vec<u8> {
    let mut file = b"\x8cLF1".to_vec();
    for frame in frames {
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend(*frame);
    }
    file
}

const EVENTS: u64 = 20_000;

#[test]
fn a_live_backfill_is_in_the_order_of_arrival_whichever_worker_judged_a_frame() {
    // It has two of them.
    let mut sidecar = Sidecar::start(Setup::default());
    let events: Vec<Event> = (0..EVENTS).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.await_verdict("missing", EVENTS);
    let output = sidecar.command(&["backfill", "--output", "-"]);
    let sent: Vec<u8> = events
        .iter()
        .flat_map(|event| event.frame.clone())
        .collect();
    assert!(output.stdout == sent, "the frames, in order");
    assert_eq!(output.status.code(), Some(0));
    sidecar.stop();
}

#[test]
fn an_audits_backfill_keeps_the_order_of_lines_of_one_time() {
    let dir = directory("");
    // For every worker: two thousand events, and twenty batches, in each second.
    let raw: String = (0..20_000)
        .map(|n| {
            format!(
                "{{\"id\":\"k{n}\",\"ts\":{},\"x\":{n}}}\n",
                1_700_000_000 + n / 2000
            )
        })
        .collect();
    std::fs::write(dir.path().join("raw"), &raw).expect("written");
    std::fs::write(dir.path().join("written"), "").expect("written");
    assert_eq!(audit(dir.path(), "raw", "kept").status.code(), Some(1));
    let output = run_landfall(dir.path(), &["backfill", "--output", "-"]);
    assert!(output.stdout == raw.as_bytes(), "the lines, in order");
}

#[test]
fn a_frame_that_is_no_line_is_left_out_by_name_or_written_with_its_length_and_reads_back() {
    let dir = directory("");
    let frames: [&[u8]; 5] = [
        b"{\"id\":\"plain\",\"ts\":1}\n",
        b"{\"id\":\"carriage return\",\"ts\":2}\r\n",
        b"{\n\"id\":\"inside\",\"ts\":3}\n",
        b"{\"id\":\"twice\",\"ts\":4}\n\n",
        b"{\"id\":\"none\",\"ts\":5}",
    ];
    std::fs::write(dir.path().join("raw"), with_lengths(&frames)).expect("written");
    std::fs::write(dir.path().join("written"), "").expect("written");
    let output = audit(dir.path(), "raw", "kept");
    assert_eq!(
        answer(&output)["verdicts"]["missing"],
        5,
        "{}",
        text(&output)
    );
    let backfill =
        |args: &[&str]| run_landfall(dir.path(), &[&["backfill", "--json"], args].concat());

    let output = backfill(&["--output", "lines"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = answer(&output);
    assert_eq!((&said["frames"], &said["refused"]), (&2.into(), &3.into()));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    for named in [
        "inside: it has a newline",
        "twice: it has",
        "none: it does not end",
    ] {
        assert!(errors.contains(named), "{errors}");
    }
    let lines = std::fs::read(dir.path().join("lines")).expect("the backfill");
    assert_eq!(lines, frames[..2].concat());
    // Without --json the remedy is printed.
    let output = run_landfall(dir.path(), &["backfill", "--dry-run"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("2 frames would be written"),
        "{}",
        text(&output)
    );
    assert!(
        text(&output).contains("--format frames"),
        "{}",
        text(&output)
    );

    let output = backfill(&["--output", "with newlines", "--add-newline"]);
    let said = answer(&output);
    assert_eq!(
        (
            output.status.code(),
            &said["frames"],
            &said["newlines_added"]
        ),
        (Some(1), &3.into(), &1.into()),
        "{said}"
    );
    let lines = std::fs::read(dir.path().join("with newlines")).expect("the backfill");
    assert!(lines.ends_with(b"{\"id\":\"none\",\"ts\":5}\n"));

    let output = backfill(&["--output", "frames", "--format", "frames"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(answer(&output)["frames"], 5);
    let whole = std::fs::read(dir.path().join("frames")).expect("the backfill");
    assert_eq!(whole, with_lengths(&frames));

    // And an audit reads both back.
    for (file, events) in [("frames", 5), ("lines", 2)] {
        let output = audit(dir.path(), file, &format!("of {file}"));
        let said = answer(&output);
        assert_eq!(said["verdicts"]["missing"], events, "{said}");
        assert_eq!(said["undecodable"], serde_json::json!({}), "{said}");
    }
}
