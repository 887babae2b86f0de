//! SIGTERM under load: everything that was received is accounted for, and the end is clean.

mod support;

use std::os::unix::fs::PermissionsExt as _;

use support::{Event, Setup, Sidecar, event};

#[test]
fn what_was_received_before_sigterm_is_in_the_store_to_the_last_event() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        ..Setup::default()
    });
    let all: Vec<Event> = (0..20_000).map(event).collect();
    std::thread::scope(|scope| {
        let (raw, written) = (&sidecar.raw, &sidecar.written);
        let events = &all;
        let feeding = scope.spawn(move || {
            for event in events {
                raw.send(&event.frame).expect("sent");
                written.send(&event.row_text()).expect("sent");
            }
        });
        sidecar.await_frames("raw", 1000);
        feeding.join().expect("the feeder ends");
    });
    // Still in the middle of it, as a rule.
    sidecar.stop();
    let log = sidecar.log();
    let raw = sidecar.query("SELECT sum(raw) FROM windows");
    let accounted = sidecar.query(
        "SELECT sum(delivered + late + altered + missing + unconfirmed + rejected + leaked + repeated + unjudged + pending) FROM windows",
    );
    assert!(raw > 0 && raw <= 20_000);
    assert_eq!(raw, accounted, "{log}");
    assert_eq!(
        sidecar.query("SELECT sum(missing) FROM windows"),
        0,
        "nothing is missing before its deadline"
    );
    assert!(log.contains(&format!("raw={raw}")), "{log}");
}

#[test]
fn the_store_is_its_owners_alone() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1s",
        ..Setup::default()
    });
    sidecar.send_raw(&[event(1)]);
    sidecar.await_verdict("missing", 1);
    let data = sidecar.dir.path().join("data");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&data).expect("a listing").flatten() {
        let wanted = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), wanted, "{}", entry.path().display());
        files += 1;
    }
    assert!(files >= 2, "the store and the spool");
    sidecar.stop();
}
