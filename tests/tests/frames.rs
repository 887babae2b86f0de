//! Frames that cannot be taken are counted, sampled and kept; the rest goes on.

mod support;

use landfall_tests::wait::await_until;
use support::{Setup, Sidecar, event};

#[test]
fn oversize_multipart_and_garbage_frames_are_counted_by_kind_and_the_others_are_judged() {
    let mut sidecar = Sidecar::start(Setup {
        frame_bytes_max: "4KiB",
        ..Setup::default()
    });
    let good = [event(1), event(2)];
    sidecar.send_raw(&good[..1]);
    sidecar.raw.send(&vec![b'x'; 10_000]).expect("sent");
    sidecar.raw.send_multipart(&[b"one", b"two"]).expect("sent");
    for garbage in [
        &b"garbage\n"[..],
        b"",
        b"\xff\xfe\x00",
        b"?%7Bnot json;\thost\t1\t2014-11-18T02:00:00\t1.2.3.4\tx\n",
    ] {
        sidecar.raw.send(garbage).expect("sent");
    }
    sidecar.send_raw(&good[1..]);
    sidecar.land(&good);
    sidecar.written.send(b"{\"no\":\"key\"}\n").expect("sent");
    sidecar.await_verdict("delivered", 2);
    await_until("all are counted", || {
        let metrics = sidecar.metrics();
        metrics.count("landfall_frames_refused_total", &[("kind", "oversize")]) == 1
            && metrics.count("landfall_frames_refused_total", &[("kind", "multipart")]) == 1
            && metrics.count("landfall_undecodable_total", &[("stream", "raw")]) == 4
            && metrics.count(
                "landfall_undecodable_total",
                &[("stream", "written"), ("reason", "no_key")],
            ) == 1
    });
    await_until("a sample keeps the frame as it came", || {
        sidecar.query("SELECT count(*) FROM samples WHERE kind = 'undecodable' AND frame = CAST('garbage' || char(10) AS BLOB)") == 1
    });
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn what_python_takes_and_json_does_not_is_unjudged_and_its_landing_tracked() {
    let mut sidecar = Sidecar::start(Setup::default());
    let mut odd = event(1);
    let line = String::from_utf8(odd.frame).expect("text");
    // A NaN among the event's members.
    odd.frame = line
        .replace("%22name%22%3A%22menu1%22", "%22name%22%3ANaN")
        .into_bytes();
    sidecar.send_raw(std::slice::from_ref(&odd));
    sidecar.await_verdict("unjudged", 1);
    sidecar.land(std::slice::from_ref(&odd));
    sidecar.await_frames("written", 1);
    let probe = event(2);
    sidecar.send_raw(std::slice::from_ref(&probe));
    sidecar.land(std::slice::from_ref(&probe));
    sidecar.await_verdict("delivered", 1);
    assert_eq!(sidecar.metrics().count("landfall_unexpected_total", &[]), 0);
    assert_eq!(sidecar.verdict("missing"), 0);
    let metrics = sidecar.metrics();
    assert_eq!(
        metrics.count(
            "landfall_check_violations_total",
            &[("reason", "not_a_number")]
        ),
        1
    );
    sidecar.stop();
}
