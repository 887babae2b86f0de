//! Sources that number what they send: frames that were dropped on their way are known, and whose they were.

mod support;

use serde_json::{Value, json};
use support::{Event, Setup, Sidecar, event};

/// An event whose row carries the number that its raw line has.
fn numbered(number: u64) -> Event {
    let mut event = event(number);
    event.row["seqId"] = json!(number);
    event.row["recvFrom"] = json!("cp3022.esams.example.org");
    event
}

/// Causes of the holes of a stream.
fn holes(sidecar: &Sidecar, stream: &str) -> Vec<String> {
    let holes = sidecar.json(&["coverage"])[0].clone();
    let of_stream = |hole: &&Value| hole["stream"] == stream;
    let cause = |hole: &Value| hole["cause"].as_str().expect("a cause").to_owned();
    let holes = holes.as_array().expect("a list").iter();
    holes.filter(of_stream).map(cause).collect()
}

/// Numbers of a stream that were left out, that landed, and that came late, as `landfall coverage --numbers` has them.
fn left_out(sidecar: &Sidecar, stream: &str) -> [u64; 3] {
    let rows = sidecar.json(&["coverage", "--numbers"])[0].clone();
    let of_stream = |row: &&Value| row["stream"] == stream;
    let rows = rows.as_array().expect("a list").iter().filter(of_stream);
    rows.fold([0; 3], |sum, row| {
        let count = |name: &str| row[name].as_u64().expect("a count");
        [
            sum[0] + count("numbers"),
            sum[1] + count("landed"),
            sum[2] + count("came_late"),
        ]
    })
}

#[test]
fn raw_frames_that_were_dropped_are_known_and_their_rows_are_not_unexpected() {
    let mut sidecar = Sidecar::start(Setup {
        raw: "sequence_number = \"/seqId\"\nsequence_source = \"/recvFrom\"",
        ..Setup::default()
    });
    let events = |numbers: std::ops::Range<u64>| numbers.map(numbered).collect::<Vec<_>>();
    let (first, dropped, second) = (events(1..4), events(4..8), events(8..11));
    sidecar.send_raw(&first);
    sidecar.land(&first);
    sidecar.await_verdict("delivered", 3);
    // Four frames never arrive. Two of their events land, one of them before anybody knows of the gap.
    sidecar.land(&dropped[..1]);
    sidecar.send_raw(&second);
    sidecar.land(&dropped[1..2]);
    sidecar.land(&second);
    sidecar.await_verdict("delivered", 6);
    let rows = |name: &str| sidecar.metrics().sum(name, &[]) as u64;
    landfall_tests::wait::await_until("their rows are decided", || {
        rows("landfall_unwatched_rows_total") == 2
    });
    assert_eq!(rows("landfall_unexpected_total"), 0);
    // A loss beside them is still one.
    sidecar.send_raw(&[numbered(11)]);
    sidecar.await_verdict("missing", 1);
    landfall_tests::wait::await_until("the numbers are counted", || {
        rows("landfall_sequence_numbers_landed_total") == 2
    });
    assert_eq!(rows("landfall_sequence_numbers_left_out_total"), 4);
    assert_eq!(rows("landfall_unnumbered_documents_total"), 0);
    let causes = holes(&sidecar, "raw");
    assert!(causes.contains(&"sequence_gap".to_owned()), "{causes:?}");
    assert_eq!(left_out(&sidecar, "raw"), [4, 2, 0]);
    let told = sidecar.command(&["coverage", "--numbers"]);
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8(told.stdout).expect("UTF-8");
    assert!(
        told.contains("raw: 4 frames never came to Landfall. At least 2 of their events landed"),
        "{told}"
    );
    // One of them comes after all.
    sidecar.send_raw(&dropped[3..4]);
    landfall_tests::wait::await_until("it came late", || left_out(&sidecar, "raw") == [4, 2, 1]);
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn an_event_whose_row_may_have_been_dropped_is_unconfirmed_and_others_are_missing() {
    let mut sidecar = Sidecar::start(Setup {
        // The writer's own: where its rows have another number than their events, parity does not look.
        written: "sequence_number = \"/seqId\"",
        ..Setup::default()
    });
    let row = |number: u64, n: u64| {
        let mut event = event(number);
        event.row["seqId"] = json!(n);
        event
    };
    let (first, second) = ([row(1, 1), row(2, 2)], [row(4, 4), row(5, 5)]);
    let (dropped, lost) = (row(3, 3), event(20));
    sidecar.send_raw(&first);
    sidecar.land(&first);
    sidecar.send_raw(&[dropped]);
    sidecar.send_raw(&second);
    sidecar.land(&second);
    sidecar.await_verdict("delivered", 4);
    sidecar.await_verdict("unconfirmed", 1);
    let rows = sidecar.json(&["missing"]);
    assert_eq!(rows[0]["hole"], "sequence_gap", "{rows:?}");
    assert_eq!(left_out(&sidecar, "written"), [1, 0, 0]);
    // Nothing is dropped any more, since more than the second that an event's row may come before it.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    sidecar.send_raw(&[lost]);
    sidecar.await_verdict("missing", 1);
    let causes = holes(&sidecar, "written");
    let gaps = causes.iter().filter(|cause| *cause == "sequence_gap");
    assert_eq!(gaps.count(), 1, "{causes:?}");
    sidecar.assert_balanced();
    // A gap that is open at the end holds nobody up.
    sidecar.send_raw(&[row(30, 9)]);
    sidecar.land(&[row(30, 9)]);
    sidecar.await_verdict("delivered", 5);
    sidecar.stop();
    assert_eq!(
        sidecar.query("SELECT sum(numbers) FROM sequence_gaps"),
        1 + 3
    );
}

#[test]
fn numbers_that_only_say_which_events_landed_are_refused_for_the_written_stream() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("landfall.toml");
    let text = "[streams.raw]\nsequence_number = \"/seqId\"\nsequence_source = \"/recvFrom\"\n\
                [streams.written]\nsequence_number = \"/seqId\"\nsequence_source = \"/recvFrom\"\n";
    std::fs::write(&path, text).expect("written");
    let output = std::process::Command::new(landfall_tests::paths::landfall())
        .args(["config", "check", "--config"])
        .arg(&path)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains("landfall.toml:5: streams.written.sequence_number: it is the number of the raw stream too"),
        "{told}"
    );
}
