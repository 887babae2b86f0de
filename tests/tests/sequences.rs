//! Sources that number what they send: frames that were dropped on their way are known, and whose they were.

mod support;

use landfall_tests::wait::await_until;
use serde_json::{Value, json};
use support::{Event, Setup, Sidecar, event, pipeline_checks};

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
    await_until("their rows are decided", || {
        rows("landfall_unwatched_rows_total") == 2
    });
    assert_eq!(rows("landfall_unexpected_total"), 0);
    // A loss beside them is still one.
    sidecar.send_raw(&[numbered(11)]);
    sidecar.await_verdict("missing", 1);
    await_until("the numbers are counted", || {
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
        told.contains("raw: 4 frames were not read. At least 2 of their events landed"),
        "{told}"
    );
    // One of them comes after all.
    sidecar.send_raw(&dropped[3..4]);
    await_until("it came late", || left_out(&sidecar, "raw") == [4, 2, 1]);
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
    let (first, second) = (
        [written(1, 1), written(2, 2)],
        [written(4, 4), written(5, 5)],
    );
    let (dropped, lost) = (written(3, 3), event(20));
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
    sidecar.send_raw(&[written(30, 9)]);
    sidecar.land(&[written(30, 9)]);
    sidecar.await_verdict("delivered", 5);
    sidecar.stop();
    assert_eq!(
        sidecar.query("SELECT sum(numbers) FROM sequence_gaps"),
        1 + 3
    );
}

/// A row of the writer that carries its own number.
fn written(number: u64, own: u64) -> Event {
    let mut event = event(number);
    event.row["seqId"] = json!(own);
    event
}

#[test]
fn frames_that_a_codec_reads_at_last_are_not_left_out() {
    let nothing = r#"{ do = "nothing" }"#;
    let trap = r#"{ do = "trap" }"#;
    let codec = format!(
        "[[checks]]\nname = \"written-codec\"\npath = \"hostile_codec.wasm\"\nstreams = [\"written\"]\nconfig = {nothing}\n"
    );
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm") + &codec,
        written: "codec = \"written-codec\"\nsequence_number = \"/seqId\"",
        ..Setup::default()
    });
    let rows: Vec<Event> = (1..8).map(|number| written(number, number)).collect();
    sidecar.send_raw(&rows[..6]);
    sidecar.land(&rows[..3]);
    sidecar.await_verdict("delivered", 3);
    sidecar.reconfigure(nothing, trap);
    // Until it is in force, the codec reads what comes.
    await_until("the new configuration is in force", || {
        sidecar.command(&["reload"]).status.code() == Some(0)
    });
    sidecar.land(&rows[3..6]);
    await_until("the written stream is held back", || {
        let lag = "landfall_frontier_lag_seconds";
        sidecar.metrics().sum(lag, &[("stream", "written")]) > 3.0
    });
    sidecar.reconfigure(trap, nothing);
    sidecar.send_raw(&rows[6..]);
    sidecar.land(&rows[6..]);
    sidecar.await_verdict("delivered", 7);
    sidecar.assert_balanced();
    sidecar.stop();
    assert_eq!(sidecar.query("SELECT count(*) FROM sequence_gaps"), 0);
    let gaps = "SELECT count(*) FROM coverage WHERE cause = 'sequence_gap'";
    assert_eq!(sidecar.query(gaps), 0);
}

#[test]
fn a_frame_that_cannot_be_read_explains_a_raw_number_and_no_written_one() {
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm")
            .replace("float = \"f32\"", "float = \"f32\", ignore = [\"own\"]"),
        raw: "sequence_number = \"/seqId\"\nsequence_source = \"/recvFrom\"",
        written: "sequence_number = \"/own\"",
        ..Setup::default()
    });
    let event = |number: u64| {
        let mut event = event(number);
        event.row["own"] = json!(number);
        event
    };
    let mut unreadable = event(3);
    unreadable.frame = b"?%7B\tno\tline\n".to_vec();
    let first = [event(1), event(2)];
    sidecar.send_raw(&first);
    sidecar.land(&first);
    sidecar.await_verdict("delivered", 2);
    // The raw frame of event 3 cannot be read.
    sidecar.send_raw(&[unreadable, event(4), event(5), event(6)]);
    await_until("raw is counted", || left_out(&sidecar, "raw")[0] == 1);
    // The row of event 5 cannot be read, and one has no number.
    let mut unnumbered = event(6);
    unnumbered.row["own"] = Value::Null;
    sidecar.land(&[event(4)]);
    sidecar.written.send(b"{no document\n").expect("sent");
    sidecar.land(&[unnumbered]);
    let last = {
        let mut last = event(7);
        last.row["own"] = json!(6);
        last
    };
    sidecar.send_raw(std::slice::from_ref(&last));
    sidecar.land(&[last]);
    sidecar.await_verdict("delivered", 5);
    sidecar.await_verdict("unconfirmed", 1);
    let unnumbered = "landfall_unnumbered_documents_total";
    let of_written = [("stream", "written")];
    assert_eq!(sidecar.metrics().count(unnumbered, &of_written), 1);
    sidecar.assert_balanced();
    sidecar.stop();
    let [raw, written] = ["raw", "written"].map(|stream| {
        let sums = ["numbers", "unread"].map(|column| {
            sidecar.query(&format!(
                "SELECT coalesce(sum({column}), 0) FROM sequence_gaps WHERE stream = '{stream}'"
            ))
        });
        let holes = sidecar.query(&format!(
            "SELECT count(*) FROM coverage WHERE cause = 'sequence_gap' AND stream = '{stream}'"
        ));
        (sums, holes)
    });
    assert_eq!(raw, ([1, 1], 0));
    // 3 and 5: of the first one nothing came.
    assert_eq!(written.0, [2, 1]);
    assert!(written.1 > 0);
}

#[test]
fn events_that_are_judged_again_after_a_kill_say_nothing_of_what_came_next() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "20s",
        raw: "sequence_number = \"/seqId\"\nsequence_source = \"/recvFrom\"",
        ..Setup::default()
    });
    let events: Vec<Event> = (1..5).map(numbered).collect();
    sidecar.send_raw(&events[..3]);
    await_until("they wait", || {
        sidecar.metrics().sum("landfall_pending_events", &[]) as u64 == 3
    });
    sidecar.kill_and_restart();
    // Between these two nothing was seen, and number 5 was dropped later.
    let later = [numbered(10), numbered(12)];
    sidecar.send_raw(&later);
    await_until("the gap is counted", || left_out(&sidecar, "raw")[0] == 1);
    sidecar.land(&events[..3]);
    sidecar.land(&later);
    sidecar.await_verdict("delivered", 5);
    sidecar.assert_balanced();
    sidecar.stop();
    assert_eq!(sidecar.query("SELECT sum(numbers) FROM sequence_gaps"), 1);
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
