//! The commands that need no running sidecar: audit, schema, configuration; and what scrapers see.

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use landfall_tests::paths;
use serde_json::Value;
use support::{Event, Setup, Sidecar, event, invalid_event, large_event, run_landfall, text};

/// A directory with a configuration, and recorded streams of 100 events of which some did not land.
fn recorded(missing: &[usize]) -> (tempfile::TempDir, Vec<Event>) {
    let dir = tempfile::tempdir().expect("a directory");
    let config = format!(
        "[guests]\ndir = {:?}\n[schemas]\ndir = {:?}\n",
        paths::guests(),
        paths::schemas()
    );
    std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
    let events: Vec<Event> = (0..100).map(event).collect();
    let raw: Vec<u8> = events
        .iter()
        .flat_map(|event| event.frame.clone())
        .collect();
    // Written in another order than raw.
    let landed = events
        .iter()
        .enumerate()
        .rev()
        .filter(|(index, _)| !missing.contains(index));
    let written: Vec<u8> = landed.flat_map(|(_, event)| event.row_text()).collect();
    std::fs::write(dir.path().join("raw.log"), &raw).expect("written");
    std::fs::write(dir.path().join("written.log"), &written).expect("written");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&raw).expect("packed");
    std::fs::write(dir.path().join("raw.gz"), gzip.finish().expect("packed")).expect("written");
    std::fs::write(
        dir.path().join("written.zst"),
        zstd::encode_all(&written[..], 0).expect("packed"),
    )
    .expect("written");
    (dir, events)
}

fn audit(dir: &Path, raw: &str, written: &str) -> (Option<i32>, Value) {
    let output = run_landfall(
        dir,
        &["audit", "--raw", raw, "--written", written, "--json"],
    );
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    (output.status.code(), value)
}

#[test]
fn an_audit_names_what_is_missing_whatever_the_packing_and_the_order() {
    let (dir, events) = recorded(&[3, 50, 99]);
    for (raw, written) in [("raw.log", "written.log"), ("raw.gz", "written.zst")] {
        let (code, answer) = audit(dir.path(), raw, written);
        assert_eq!(code, Some(1), "{answer}");
        assert_eq!(answer["verdicts"]["delivered"], 97, "{answer}");
        assert_eq!(answer["verdicts"]["missing"], 3);
        let verdicts = answer["verdicts"].as_object().expect("an object");
        assert_eq!(verdicts.len(), 9, "every verdict has its count");
        let wanted: Vec<&str> = [3, 50, 99]
            .iter()
            .map(|&index| events[index].uuid.as_str())
            .collect();
        let named: Vec<&str> = answer["missing_keys"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(named, wanted);
    }
}

#[test]
fn a_clean_audit_ends_with_0_and_one_that_cannot_run_with_2() {
    let (dir, _) = recorded(&[]);
    let (code, answer) = audit(dir.path(), "raw.log", "written.log");
    assert_eq!(
        (code, &answer["verdicts"]["delivered"]),
        (Some(0), &Value::from(100)),
        "{answer}"
    );
    let output = run_landfall(
        dir.path(),
        &["audit", "--raw", "absent.log", "--written", "written.log"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("absent.log"), "{}", text(&output));
    // An audit of a file that breaks off is not clean, however much of it was read.
    let packed = std::fs::read(dir.path().join("raw.gz")).expect("a file");
    std::fs::write(dir.path().join("cut.gz"), &packed[..packed.len() / 2]).expect("written");
    let output = run_landfall(
        dir.path(),
        &["audit", "--raw", "cut.gz", "--written", "written.log"],
    );
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("cut.gz"), "{}", text(&output));
}

#[test]
fn an_audit_reads_standard_input_and_judges_like_the_sidecar() {
    let (dir, events) = recorded(&[]);
    let mut raw: Vec<u8> = events
        .iter()
        .flat_map(|event| event.frame.clone())
        .collect();
    raw.extend(invalid_event(200).frame);
    raw.extend(b"garbage\n");
    raw.extend(events[0].frame.clone());
    let mut child = Command::new(paths::landfall())
        .current_dir(dir.path())
        .args(["audit", "--raw", "-", "--written", "written.log", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    child
        .stdin
        .take()
        .expect("its input")
        .write_all(&raw)
        .expect("fed");
    let output = child.wait_with_output().expect("it ends");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["raw"], 102, "{answer}");
    assert_eq!(answer["verdicts"]["delivered"], 100);
    assert_eq!(answer["verdicts"]["rejected"], 1);
    assert_eq!(answer["verdicts"]["repeated"], 1);
    let undecodable: u64 = answer["undecodable"]
        .as_object()
        .expect("counts")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(undecodable, 1);
}

/// A directory with these recorded streams and further configuration.
fn recorded_as(raw: &[Event], written: &[Event], extra: &str) -> tempfile::TempDir {
    let (dir, _) = recorded(&[]);
    let path = dir.path().join("landfall.toml");
    let config = std::fs::read_to_string(&path).expect("the configuration");
    std::fs::write(path, format!("{config}{extra}")).expect("written");
    let lines = |events: &[Event], line: fn(&Event) -> Vec<u8>| {
        events.iter().flat_map(line).collect::<Vec<u8>>()
    };
    let raw = lines(raw, |event| event.frame.clone());
    std::fs::write(dir.path().join("raw.log"), raw).expect("written");
    let written = lines(written, Event::row_text);
    std::fs::write(dir.path().join("written.log"), written).expect("written");
    dir
}

#[test]
fn an_audit_of_old_and_long_recordings_calls_nothing_missing_before_both_are_read() {
    const EVENTS: u64 = 120_000;
    let events: Vec<Event> = (0..EVENTS).map(event).collect();
    let dir = recorded_as(&events, &events, "");
    let (code, answer) = audit(dir.path(), "raw.log", "written.log");
    assert_eq!(answer["verdicts"]["delivered"], EVENTS, "{answer}");
    assert_eq!(code, Some(0), "{answer}");
}

#[test]
fn an_audit_of_more_than_the_spool_takes_ends_if_events_settle_and_says_so_if_they_do_not() {
    // 100 MB.
    let events: Vec<Event> = (0..2000).map(|n| large_event(n, 50_000)).collect();
    let small = "[store]\nspool_bytes_max = \"64MiB\"\n";
    let dir = recorded_as(&events, &events, small);
    let (code, answer) = audit(dir.path(), "raw.log", "written.log");
    assert_eq!(answer["verdicts"]["delivered"], 2000, "{answer}");
    assert_eq!(code, Some(0), "{answer}");

    let dir = recorded_as(&events, &[], small);
    let output = run_landfall(
        dir.path(),
        &["audit", "--raw", "raw.log", "--written", "written.log"],
    );
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains("raise store.spool_bytes_max"), "{said}");
}

#[test]
fn an_audit_in_which_more_waits_than_may_says_what_to_raise() {
    let events: Vec<Event> = (0..20_000).map(event).collect();
    let few =
        "[ledger]\npending_max = 1000\n[judge]\nqueue_bytes_max = \"1MiB\"\nbatch_rows_max = 100\n";
    for (raw, written) in [(&events[..], &events[..0]), (&events[..0], &events[..])] {
        let dir = recorded_as(raw, written, few);
        let output = run_landfall(
            dir.path(),
            &["audit", "--raw", "raw.log", "--written", "written.log"],
        );
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        let said = text(&output);
        assert!(said.contains("ledger.pending_max"), "{said}");
    }
}

#[test]
fn what_an_audit_could_not_look_at_is_reported_and_is_no_clean_end() {
    let events: Vec<Event> = (0..10).map(event).collect();
    let mut raw = events.clone();
    raw.push(large_event(10, 70_000));
    let refused = "[streams.raw]\nframe_bytes_max = \"64KiB\"\n";
    let dir = recorded_as(&raw, &events, refused);
    let (code, answer) = audit(dir.path(), "raw.log", "written.log");
    assert_eq!(
        (
            code,
            &answer["refused"]["raw"],
            &answer["refused"]["written"]
        ),
        (Some(1), &Value::from(1), &Value::from(0)),
        "{answer}"
    );
    let output = run_landfall(
        dir.path(),
        &["audit", "--raw", "raw.log", "--written", "written.log"],
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1 raw lines refused"), "{said}");
}

#[test]
fn a_kept_audit_is_a_store_in_the_time_of_its_events() {
    let (dir, events) = recorded(&[3, 50, 99]);
    let output = run_landfall(
        dir.path(),
        &[
            "audit",
            "--raw",
            "raw.log",
            "--written",
            "written.log",
            "--store",
            "kept",
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let path = dir.path().join("landfall.toml");
    let config = std::fs::read_to_string(&path).expect("the configuration");
    std::fs::write(path, format!("{config}[store]\ndir = \"kept\"\n")).expect("written");
    let ask = |args: &[&str]| {
        let output = run_landfall(dir.path(), args);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), answer)
    };

    // The first is what the window check found.
    let timeline = "#2  2014-11-18 02:00:03 – 02:01:39 UTC  (1 min 36 s)  AppTap/12: loss: some events did not land\n    \
        3 events did not land in time (AppTap/12 3); reported after 10 min\n    \
        backfill: landfall backfill --incident 2 --output FILE\n";
    assert_eq!(
        ask(&["incidents", "--cause", "loss"]),
        (Some(1), timeline.into())
    );
    assert_eq!(
        ask(&["incidents", "--cause", "loss", "--since", "2h"]),
        (Some(1), timeline.into())
    );
    assert_eq!(
        ask(&["incidents", "--cause", "loss", "--since", "1m"]).0,
        Some(0)
    );
    assert_eq!(ask(&["incidents", "--open"]).0, Some(0), "it is over");
    assert_eq!(
        ask(&["missing", "--incident", "2", "--count"]),
        (Some(1), "3\n".into())
    );
    assert_eq!(
        ask(&["missing", "--by", "schema,hour"]),
        (
            Some(1),
            "           3  AppTap/12  2014-11-18 02:00  (2014-11-18 02:00:03 – 2014-11-18 02:01:39 UTC)\n".into()
        )
    );
    let (_, line) = ask(&["missing", "--by", "hour", "--json"]);
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&line["hour"], &line["missing"]),
        (&"2014-11-18 02:00".into(), &3.into())
    );

    let (code, answer) = ask(&[
        "backfill",
        "--incident",
        "2",
        "--output",
        "lost.log",
        "--json",
    ]);
    let answer: Value = serde_json::from_str(&answer).expect("JSON on standard output");
    assert_eq!((code, &answer["frames"]), (Some(0), &Value::from(3)));
    let lost = std::fs::read(dir.path().join("lost.log")).expect("the backfill");
    let wanted: Vec<u8> = [3, 50, 99]
        .iter()
        .flat_map(|&n: &usize| events[n].frame.clone())
        .collect();
    assert_eq!(lost, wanted);
    let (_, frames) = ask(&["backfill", "--incident", "2", "--output", "-", "--json"]);
    assert_eq!(
        frames.into_bytes(),
        wanted,
        "the frames have it for themselves"
    );
}

/// A listener for a backfill that is to be published.
fn listener(topic: &str) -> (tempfile::TempDir, zmq::Socket, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let endpoint = format!("ipc://{}/backfill", dir.path().display());
    let socket = zmq::Context::new().socket(zmq::SUB).expect("a socket");
    socket.set_subscribe(topic.as_bytes()).expect("subscribed");
    socket.set_rcvtimeo(60_000).expect("set");
    socket.bind(&endpoint).expect("bound");
    (dir, socket, endpoint)
}

#[test]
fn a_published_backfill_leaves_out_what_lands_before_its_turn() {
    let mut sidecar = Sidecar::start(Setup::default());
    let events: Vec<Event> = (0..5).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.await_verdict("missing", 5);
    let (_dir, socket, endpoint) = listener("");
    let child = Command::new(paths::landfall())
        .current_dir(sidecar.dir.path())
        .args([
            "backfill",
            "--publish",
            &endpoint,
            "--connect",
            "--rate",
            "0.1",
            "--json",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    // Which comes first is left open: they arrived at the same time.
    let first = socket.recv_bytes(0).expect("the first");
    let others: Vec<Event> = events
        .into_iter()
        .filter(|event| event.frame != first)
        .collect();
    assert_eq!(others.len(), 4);
    // There are ten seconds until the next.
    sidecar.land(&others);
    sidecar.await_verdict("late", 4);
    let output = child.wait_with_output().expect("it ends");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&answer["frames"], &answer["landed_meanwhile"]),
        (&Value::from(1), &Value::from(4)),
        "{answer}"
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        socket.recv_bytes(zmq::DONTWAIT).is_err(),
        "nothing else came"
    );
    sidecar.stop();
}

#[test]
fn a_published_backfill_says_what_nobody_has_subscribed_to() {
    let mut sidecar = Sidecar::start(Setup::default());
    sidecar.send_raw(&[event(1)]);
    sidecar.await_verdict("missing", 1);
    let (_dir, socket, endpoint) = listener("another topic");
    // A socket subscribes only while somebody listens on it.
    let listening = std::thread::spawn(move || socket.recv_bytes(0));
    let output = sidecar.command(&["backfill", "--publish", &endpoint, "--connect"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("nobody got them"),
        "{}",
        text(&output)
    );
    let output = sidecar.command(&["backfill", "--publish", &endpoint, "--rate", "1e-20"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    drop(listening);
    sidecar.stop();
}

#[test]
fn schema_validate_tells_each_event_and_ends_with_0_1_or_2() {
    let dir = tempfile::tempdir().expect("a directory");
    let schema = paths::schemas().join("AppTap/12.json");
    let schema = schema.to_str().expect("a path");
    let good = r#"{"appInstallId":"00000000-0000-4000-8000-000000000000","name":"menu"}"#;
    std::fs::write(dir.path().join("good.ndjson"), format!("{good}\n{good}\n")).expect("written");
    std::fs::write(
        dir.path().join("mixed.ndjson"),
        format!("{good}\n{{\"name\":7}}\nnot json\n"),
    )
    .expect("written");
    let run = |args: &[&str]| {
        run_landfall(
            dir.path(),
            &[&["schema", "validate", "--schema"], args].concat(),
        )
    };

    let output = run(&[schema, "good.ndjson"]);
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned()
        ),
        (Some(0), "valid\nvalid\n".into())
    );

    let output = run(&[schema, "mixed.ndjson", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let valid: Vec<bool> = lines
        .iter()
        .map(|line| line["valid"].as_bool().expect("a verdict"))
        .collect();
    assert_eq!(valid, [true, false, false]);
    assert!(
        !lines[1]["errors"].as_array().expect("errors").is_empty(),
        "{}",
        lines[1]
    );

    for args in [["absent.json", "good.ndjson"], [schema, "absent.ndjson"]] {
        assert_eq!(run(&args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_wrong_configuration_is_reported_by_file_line_and_remedy() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("landfall.toml");
    std::fs::write(
        &path,
        "[deadlines]\ndefault = \"soon\"\n\n[stroe]\ndir = \"x\"\n",
    )
    .expect("written");
    let output = run_landfall(dir.path(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(1));
    let answer = text(&output);
    assert!(
        answer.contains("landfall.toml:2: deadlines.default"),
        "{answer}"
    );
    assert!(
        answer.contains("landfall.toml:4") && answer.contains("stroe"),
        "{answer}"
    );
    assert_eq!(run_landfall(dir.path(), &["run"]).status.code(), Some(2));

    // The default is a file that is right.
    let output = run_landfall(dir.path(), &["config", "default"]);
    let default = String::from_utf8(output.stdout).expect("text");
    assert!(
        default.lines().filter(|line| line.starts_with('#')).count() > 50,
        "every setting is explained"
    );
    let placed = default.replace("dir = \"\"", &format!("dir = {:?}", paths::guests()));
    std::fs::write(
        &path,
        placed.replace(
            "dir = \"schemas\"",
            &format!("dir = {:?}", paths::schemas()),
        ),
    )
    .expect("written");
    let output = run_landfall(dir.path(), &["config", "check"]);
    let answer = text(&output);
    assert_eq!(output.status.code(), Some(0), "{answer}");
    assert!(
        answer.contains("landfall_frames_refused_total stands still")
            && answer.contains("by streams.written.envelope, messages are of one part"),
        "{answer}"
    );
}

#[test]
fn commands_without_a_store_say_what_to_do() {
    let (dir, _) = recorded(&[]);
    for command in [&["incidents"][..], &["missing"], &["backfill", "--dry-run"]] {
        let output = run_landfall(dir.path(), command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(text(&output).contains("landfall run"), "{}", text(&output));
    }
}

#[test]
fn promtool_has_nothing_to_say_about_the_metrics() {
    let Some(promtool) = paths::promtool() else {
        eprintln!("promtool is not there: left out");
        return;
    };
    let mut sidecar = Sidecar::start(Setup::default());
    let events: Vec<Event> = (0..10)
        .map(event)
        .chain((10..12).map(invalid_event))
        .collect();
    sidecar.send_raw(&events);
    sidecar.land(&events[..8]);
    sidecar.raw.send(b"garbage").expect("sent");
    sidecar.await_verdict("missing", 2);
    let metrics = sidecar.get("/metrics").expect("metrics").body;
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    child
        .stdin
        .take()
        .expect("its input")
        .write_all(metrics.as_bytes())
        .expect("fed");
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success() && text(&output).trim().is_empty(),
        "{}",
        text(&output)
    );
    sidecar.stop();
}

#[test]
fn a_question_about_what_there_is_none_of_is_an_error_and_no_clean_answer() {
    let (dir, _) = recorded(&[3]);
    let files = ["audit", "--raw", "raw.log", "--written", "written.log"];
    let kept = [&files[..], &["--store", "kept"]].concat();
    let output = run_landfall(dir.path(), &kept);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let ask = |args: &[&str]| {
        let output = Command::new(paths::landfall())
            .current_dir(dir.path())
            .env("LANDFALL__STORE__DIR", "kept")
            .args(args)
            .output()
            .expect("landfall runs");
        (output.status.code(), text(&output))
    };
    assert_eq!(ask(&["missing", "--count"]), (Some(1), "1\n".into()));
    assert_eq!(ask(&["incidents", "--cause", "loss"]).0, Some(1));
    for (args, hint) in [
        (&["incidents", "--cause", "los"][..], "stalled, loss"),
        (&["missing", "--incident", "99"], "landfall incidents"),
        (
            &["backfill", "--incident", "99", "--dry-run"],
            "landfall incidents",
        ),
    ] {
        let (code, said) = ask(args);
        assert_eq!(code, Some(2), "{args:?}: {said}");
        assert!(said.contains(hint), "{said}");
    }
    // A second audit into the same store would be counted together with the first.
    let again = run_landfall(dir.path(), &kept);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again).contains("another run"), "{}", text(&again));
}
