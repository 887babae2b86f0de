//! A hundredth of the long outage (`cargo xtask outage`): every event of it is named, Landfall is killed in the middle,
//! and all settles when the rows land after all.

use landfall_tests::outage::{Outage, run};
use landfall_tests::paths;

/// What a build for tests may have resident: as much as one that is shipped may have in the whole outage.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

#[test]
fn a_writer_that_is_dead_for_long_costs_no_memory_and_every_event_is_named_and_settles() {
    let dir = tempfile::tempdir().expect("a directory");
    let outage = Outage {
        landfall: paths::landfall(),
        guests: paths::guests(),
        schemas: paths::schemas(),
        dir: dir.path().to_owned(),
        // Of 4 h 17 min at a thousand a second.
        lasts_ms: 257 * 60_000 / 5,
        per_second: 50,
        frame_bytes: 600,
        speed: 100.0,
        kills: 1,
    };
    let measured = run(&outage, &|line| println!("{line}")).unwrap_or_else(|error| {
        let log = std::fs::read_to_string(dir.path().join("log-1")).unwrap_or_default();
        panic!("{error:#}\n{log}")
    });
    assert_eq!(measured.events, 154_200);
    assert!(measured.rss_bytes_max <= MEMORY_BYTES_MAX, "{measured:?}");
    // Those that waited when it was killed, and not more: those of one deadline.
    assert!((1..40_000).contains(&measured.unconfirmed), "{measured:?}");
}
