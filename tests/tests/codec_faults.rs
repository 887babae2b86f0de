//! The failure of a codec proves nothing about the frame: as long as possible, no event is called missing
//! because of it.

mod support;

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, pipeline_checks};

/// The pipeline, with a configurable codec on the written stream.
fn start(config: &str, deadline: &'static str) -> Sidecar {
    let checks = format!(
        r#"
[[checks]]
name = "written-codec"
path = "hostile_codec.wasm"
streams = ["written"]
config = {config}
"#
    );
    Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm") + &checks,
        deadline,
        written: "codec = \"written-codec\"",
        ..Setup::default()
    })
}

/// The written stream is held back for longer than any deadline here.
fn await_held(sidecar: &Sidecar) {
    await_until("the written stream is held back", || {
        sidecar
            .metrics()
            .sum("landfall_frontier_lag_seconds", &[("stream", "written")])
            > 3.0
    });
}

fn undecodable(sidecar: &Sidecar) -> u64 {
    sidecar
        .metrics()
        .count("landfall_undecodable_total", &[("stream", "written")])
}

#[test]
fn nothing_is_missing_while_the_codec_reads_nothing_and_a_mended_one_reads_it_all() {
    let mut sidecar = start(r#"{ do = "trap" }"#, "1s");
    let all: Vec<Event> = (0..40).map(event).collect();
    sidecar.send_raw(&all[..20]);
    sidecar.land(&all[..20]);
    await_held(&sidecar);
    // Raw events are judged meanwhile.
    sidecar.send_raw(&all[20..]);
    sidecar.land(&all[20..]);
    await_until("raw goes on", || {
        sidecar.metrics().count("landfall_raw_events_total", &[]) == 40
    });
    assert_eq!(sidecar.verdict("missing"), 0);
    assert_eq!(undecodable(&sidecar), 0);
    sidecar.reconfigure(r#"{ do = "trap" }"#, r#"{ do = "nothing" }"#);
    sidecar.await_verdict("delivered", 40);
    assert_eq!(sidecar.verdict("missing"), 0);
    assert_eq!(undecodable(&sidecar), 0);
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn a_codec_that_reads_nothing_does_not_keep_landfall_from_ending() {
    let mut sidecar = start(r#"{ do = "trap" }"#, "1s");
    let all: Vec<Event> = (0..20).map(event).collect();
    sidecar.send_raw(&all);
    sidecar.land(&all);
    await_held(&sidecar);
    sidecar.stop();
    assert_eq!(sidecar.query("SELECT sum(missing) FROM windows"), 0);
    assert!(
        sidecar.log().contains("which are given up"),
        "{}",
        sidecar.log()
    );
}

#[test]
fn a_frame_that_the_codec_fails_on_alone_is_given_up_counted_and_kept() {
    let poison = event(7);
    let config = format!(r#"{{ do = "trap", marker = "{}" }}"#, poison.uuid);
    let mut sidecar = start(&config, "60s");
    let all: Vec<Event> = (0..20).map(event).collect();
    sidecar.send_raw(&all);
    sidecar.land(&all);
    sidecar.await_verdict("delivered", 19);
    await_until("the frame is given up", || {
        sidecar.metrics().count(
            "landfall_undecodable_total",
            &[
                ("stream", "written"),
                ("check", "written-codec"),
                ("reason", "fault_trap"),
            ],
        ) == 1
    });
    await_until("the frame is kept", || {
        sidecar.query("SELECT count(*) FROM samples WHERE kind = 'fault'") > 0
    });
    let kept: Vec<u8> = sidecar
        .store()
        .query_row(
            "SELECT frame FROM samples WHERE kind = 'fault'",
            [],
            |row| row.get(0),
        )
        .expect("a frame");
    assert_eq!(kept, poison.row_text());
    sidecar.stop();
}
