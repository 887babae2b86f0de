//! Messages of several parts: the first one is reported, and they are read if the configuration asks for it.

mod support;

use std::process::Command;

use landfall_tests::paths;
use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, text};

fn land_enveloped(sidecar: &Sidecar, topic: &str, events: &[Event]) {
    for event in events {
        let message: [&[u8]; 2] = [topic.as_bytes(), &event.row_text()];
        sidecar.written.send_multipart(&message).expect("sent");
    }
}

#[test]
fn the_first_message_of_several_parts_is_a_warning_with_its_remedy_and_shows_in_readyz() {
    let mut sidecar = Sidecar::start(Setup::default());
    let before = sidecar.get("/readyz").expect("an answer");
    assert!(
        before.body.contains("2 of 2 endpoints connected\""),
        "{}",
        before.body
    );
    let remedy = "set streams.written.envelope = \"topic\"";
    land_enveloped(&sidecar, "rows", &[event(1)]);
    await_until("it is reported", || sidecar.log().contains(remedy));
    land_enveloped(&sidecar, "rows", &[event(2), event(3)]);
    await_until("it shows", || {
        let ready = sidecar.get("/readyz").expect("an answer");
        // It judges the rest.
        assert_eq!(ready.status, 200);
        ready.body.contains("3 refused, multipart")
            && ready.body.contains("streams.written.envelope")
    });
    assert_eq!(
        sidecar.log().matches(remedy).count(),
        1,
        "{}",
        sidecar.log()
    );
    sidecar.stop();
}

#[test]
fn frames_behind_topics_land_and_those_of_other_topics_are_not_asked_for() {
    let mut sidecar = Sidecar::start(Setup {
        written: "envelope = \"topic\"\ntopics = [\"rows.app\"]",
        ..Setup::default()
    });
    let events = [event(1), event(2), event(3)];
    sidecar.send_raw(&events);
    land_enveloped(&sidecar, "rows.other", &events[2..]);
    // A message of one part: it begins like the topic, so it comes, and is refused.
    sidecar
        .written
        .send(b"rows.app without a row")
        .expect("sent");
    land_enveloped(&sidecar, "rows.app", &events[..1]);
    land_enveloped(&sidecar, "rows.app.tap", &events[1..2]);
    sidecar.await_verdict("delivered", 2);
    sidecar.await_verdict("missing", 1);
    let refused = |kind| {
        let labels = [("stream", "written"), ("kind", kind)];
        sidecar
            .metrics()
            .count("landfall_frames_refused_total", &labels)
    };
    assert_eq!([refused("no_payload"), refused("multipart")], [1, 0]);
    assert!(
        sidecar
            .log()
            .contains("set it to \"none\" if a message is the frame"),
        "{}",
        sidecar.log()
    );
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn the_first_frame_that_cannot_be_read_is_a_warning_too() {
    let mut sidecar = Sidecar::start(Setup::default());
    for _ in 0..20 {
        sidecar.written.send(b"{\"no\":\"key\"}\n").expect("sent");
    }
    await_until("it is reported", || {
        let log = sidecar.log();
        log.contains("frames cannot be read") && log.contains("no_key") && log.contains("event.key")
    });
    await_until("all are counted", || {
        sidecar
            .metrics()
            .count("landfall_undecodable_total", &[("stream", "written")])
            == 20
    });
    assert_eq!(sidecar.log().matches("frames cannot be read").count(), 1);
    sidecar.stop();
}

#[test]
fn a_backfill_is_published_behind_its_topic_and_never_without_one_where_messages_have_one() {
    let mut sidecar = Sidecar::start(Setup::default());
    let lost = event(1);
    sidecar.send_raw(std::slice::from_ref(&lost));
    sidecar.await_verdict("missing", 1);
    let dir = tempfile::tempdir().expect("a directory");
    let endpoint = format!("ipc://{}/backfill", dir.path().display());
    let socket = zmq::Context::new().socket(zmq::SUB).expect("a socket");
    socket.set_subscribe(b"orders").expect("subscribed");
    socket.set_rcvtimeo(60_000).expect("set");
    socket.bind(&endpoint).expect("bound");
    let backfill = |topic: &[&str]| {
        Command::new(paths::landfall())
            .current_dir(sidecar.dir.path())
            .env("LANDFALL__STREAMS__RAW__ENVELOPE", "topic")
            .args(["backfill", "--publish", &endpoint, "--connect"])
            .args(topic)
            .output()
            .expect("it runs")
    };
    let output = backfill(&[]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("--topic"), "{}", text(&output));
    let listening = std::thread::spawn(move || socket.recv_multipart(0));
    let output = backfill(&["--topic", "orders.eu"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let message = listening.join().expect("it listens").expect("a message");
    assert_eq!(message, [b"orders.eu".to_vec(), lost.frame]);
    sidecar.stop();
}
