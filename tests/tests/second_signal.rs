//! After a second signal to end, Landfall does not wait for the drain.

mod support;

use landfall_tests::wait::await_until;
use support::{Setup, Sidecar, event, pipeline_checks};

#[test]
fn a_second_sigterm_ends_it_at_once() {
    // Slow enough that it is still judging, far beyond any patience here.
    let slow = r#"
[[checks]]
name = "slow"
path = "hostile_check.wasm"
streams = ["raw"]
config = { do = "slow", amount = 1000000000000 }
limits = { batch_time = "60s" }
"#;
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm") + slow,
        deadline: "60s",
        ..Setup::default()
    });
    sidecar.send_raw(&[event(1)]);
    sidecar.await_frames("raw", 1);
    sidecar.terminate();
    await_until("it drains", || sidecar.log().contains("ending: draining"));
    let told = std::time::Instant::now();
    sidecar.terminate();
    assert_eq!(sidecar.await_end(), Some(3), "{}", sidecar.log());
    assert!(told.elapsed() < std::time::Duration::from_secs(30));
}
