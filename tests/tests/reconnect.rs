//! A lost endpoint is connected again, whatever the reason, and until then `/readyz` reports it.

mod support;

use landfall_tests::wait::await_until;
use landfall_tests::wire::Publisher;
use support::{Setup, Sidecar, event};

/// The largest frame that libzmq takes.
const FRAME_BYTES_HARD_MAX: usize = 128 << 20;

fn ready(sidecar: &Sidecar) -> (u16, String) {
    let answer = sidecar.get("/readyz").expect("an answer");
    (answer.status, answer.body)
}

#[test]
fn after_one_frame_beyond_what_libzmq_takes_the_endpoint_is_connected_again() {
    let mut sidecar = Sidecar::start(Setup::default());
    let protocol_errors = |sidecar: &Sidecar| {
        let labels = [("stream", "written")];
        sidecar
            .metrics()
            .count("landfall_source_protocol_errors_total", &labels)
    };
    sidecar.send_raw(&[event(1)]);
    sidecar.land(&[event(1)]);
    sidecar.await_verdict("delivered", 1);
    assert_eq!(protocol_errors(&sidecar), 0);
    sidecar
        .written
        .send(&vec![b'x'; FRAME_BYTES_HARD_MAX + 1])
        .expect("sent");
    await_until("the end", || protocol_errors(&sidecar) == 1);
    assert!(
        sidecar.log().contains("a frame of more than 128 MiB"),
        "{}",
        sidecar.log()
    );
    assert!(sidecar.written.await_subscriptions(2), "{}", sidecar.log());
    await_until("it is ready again", || ready(&sidecar).0 == 200);
    sidecar.send_raw(&[event(2)]);
    sidecar.land(&[event(2)]);
    sidecar.await_verdict("delivered", 2);
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn while_a_publisher_is_away_readyz_names_it_with_the_reason_and_its_return_is_seen_at_once() {
    let mut sidecar = Sidecar::start(Setup::default());
    assert_eq!(ready(&sidecar).0, 200);
    let context = zmq::Context::new();
    let endpoint = sidecar.written.endpoint().to_owned();
    let elsewhere = Publisher::bind(&context).expect("a publisher");
    drop(std::mem::replace(&mut sidecar.written, elsewhere));
    await_until("it is reported", || {
        let (status, body) = ready(&sidecar);
        status == 503
            && body.contains("1 of 2 endpoints connected")
            && body.contains("connection refused")
    });
    assert!(
        sidecar.log().contains("connection refused"),
        "{}",
        sidecar.log()
    );
    // Long enough that the waits between two tries have grown to the longest.
    std::thread::sleep(std::time::Duration::from_secs(4));
    sidecar.written = Publisher::bind_to(&context, &endpoint).expect("bound again");
    let back = std::time::Instant::now();
    assert!(sidecar.written.await_subscriptions(1), "{}", sidecar.log());
    assert!(
        back.elapsed() < std::time::Duration::from_secs(3),
        "{:?}",
        back.elapsed()
    );
    await_until("it is ready again", || ready(&sidecar).0 == 200);
    sidecar.send_raw(&[event(1)]);
    sidecar.land(&[event(1)]);
    sidecar.await_verdict("delivered", 1);
    sidecar.stop();
}
