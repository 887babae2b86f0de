//! What to connect to and when, after each thing that can become of a connection.

use super::*;

const MS: Duration = Duration::from_millis(1);
const PAUSES: RetryPauses = RetryPauses {
    min: Duration::from_millis(100),
    max: Duration::from_millis(1000),
};

fn tcp(text: &str) -> Target {
    Target::Tcp(text.parse().unwrap())
}

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn endpoints_name_an_address_a_host_or_a_path() {
    for (endpoint, destination) in [
        (
            "tcp://127.0.0.1:1",
            Some(Destination::Fixed(tcp("127.0.0.1:1"))),
        ),
        (
            "tcp://[::1]:65535",
            Some(Destination::Fixed(tcp("[::1]:65535"))),
        ),
        (
            "tcp://db_1.example:7",
            Some(Destination::Host("db_1.example".into(), 7)),
        ),
        (
            "tcp://[fe80::1%eth0]:7",
            Some(Destination::Host("fe80::1%eth0".into(), 7)),
        ),
        (
            "ipc://@x",
            Some(Destination::Fixed(Target::Local("ipc://@x".into()))),
        ),
        ("ipc://", None),
        ("tcp://host", None),
        ("tcp://:1", None),
        ("tcp://host:99999", None),
        ("tpc://host:1", None),
    ] {
        assert_eq!(Destination::parse(endpoint), destination, "{endpoint}");
    }
    assert_eq!(tcp("[::1]:2").endpoint(), "tcp://[::1]:2");
}

#[test]
fn of_a_name_with_more_addresses_than_a_round_takes_all_are_tried_in_time() {
    let now = Instant::now();
    let mut dial = Dial::new(Destination::Host("pub".into(), 1), PAUSES, now);
    let all: Vec<String> = (1..=10).map(|last| format!("10.0.0.{last}:1")).collect();
    let all: Vec<SocketAddr> = all.iter().map(|text| text.parse().unwrap()).collect();
    let mut tried = Vec::new();
    let mut at = now;
    for _ in 0..2 {
        at += PAUSES.max * 2;
        assert!(matches!(dial.step(at), Step::Resolve(..)));
        dial.resolved(&all, at);
        let mut round = 0;
        while let Step::Connect(Target::Tcp(address)) = dial.step(at) {
            tried.push(address);
            round += 1;
            dial.failed(at, 0.0);
        }
        assert_eq!(round, ADDRESSES_MAX);
    }
    tried.sort();
    tried.dedup();
    assert_eq!(tried.len(), all.len());
}

#[test]
fn one_address_is_tried_after_the_other_and_the_name_is_resolved_for_each_round() {
    let mut now = Instant::now();
    let mut dial = Dial::new(Destination::Host("pub".into(), 1), PAUSES, now);
    let resolve = Step::Resolve("pub".into(), 1);
    assert_eq!(dial.step(now), resolve);
    assert_eq!(dial.step(now), Step::Nothing, "it waits for the answer");
    // An address that is listed twice is one address.
    dial.resolved(&addresses(&["[::1]:1", "127.0.0.1:1", "[::1]:1"]), now);
    assert_eq!(dial.step(now), Step::Connect(tcp("[::1]:1")));
    assert_eq!(dial.step(now), Step::Nothing, "never two at once");
    let failed = dial.failed(now, 0.0).unwrap();
    assert_eq!((failed.tried.len(), failed.is_last), (1, false));
    assert_eq!(dial.failed(now, 0.0), None, "given once");
    assert_eq!(dial.step(now), Step::Connect(tcp("127.0.0.1:1")));
    dial.connected(now);
    assert_eq!(dial.target(), Some(&tcp("127.0.0.1:1")));
    now += PAUSES.max;
    assert!(dial.failed(now, 1.0).unwrap().is_last);

    // The one that was good goes first, if it still is one of them.
    assert_eq!(dial.step(now + 99 * MS), Step::Nothing);
    now += PAUSES.min;
    assert_eq!(dial.step(now), resolve);
    dial.resolved(&addresses(&["[::1]:1", "10.0.0.1:1", "127.0.0.1:1"]), now);
    for next in ["127.0.0.1:1", "[::1]:1", "10.0.0.1:1"] {
        assert_eq!(dial.step(now), Step::Connect(tcp(next)));
        let failed = dial.failed(now, 1.0).unwrap();
        assert_eq!(failed.is_last, next == "10.0.0.1:1");
    }
    assert_eq!(dial.step(now), Step::Nothing);
    now += 2 * PAUSES.min;
    assert_eq!(dial.step(now), resolve);
    dial.resolved(&addresses(&["[::1]:1"]), now);
    assert_eq!(dial.step(now), Step::Connect(tcp("[::1]:1")));
}

#[test]
fn waits_double_up_to_the_longest_and_begin_anew_after_a_connection_that_lasted() {
    let start = Instant::now();
    let fixed = Destination::Fixed(tcp("127.0.0.1:1"));
    let mut dial = Dial::new(fixed, PAUSES, start);
    let mut now = start;
    // The shortest and the longest of each wait.
    for (short, long) in [
        (100, 100),
        (100, 200),
        (200, 400),
        (400, 800),
        (500, 1000),
        (500, 1000),
    ] {
        for (chance, wait) in [(0.0, short), (1.0, long)] {
            assert!(matches!(dial.step(now), Step::Connect(_)));
            dial.failed(now, chance).unwrap();
            dial.failures -= u32::from(chance == 0.0);
            assert_eq!(dial.step(now + (wait - 1) * MS), Step::Nothing, "{wait}");
            now += wait * MS;
        }
    }
    // A connection that ends at once, over and over, is no success.
    assert!(matches!(dial.step(now), Step::Connect(_)));
    dial.connected(now);
    now += 10 * MS;
    assert!(dial.is_under_way() && !dial.is_flapping());
    dial.failed(now, 1.0).unwrap();
    assert!(!dial.is_under_way());
    assert_eq!(dial.step(now + 999 * MS), Step::Nothing);
    now += PAUSES.max;
    assert!(matches!(dial.step(now), Step::Connect(_)));
    dial.connected(now);
    dial.failed(now, 1.0).unwrap();
    assert!(dial.is_flapping());
    now += PAUSES.max;
    assert!(matches!(dial.step(now), Step::Connect(_)));
    dial.connected(now);
    now += PAUSES.max;
    dial.failed(now, 1.0).unwrap();
    assert!(!dial.is_flapping());
    now += PAUSES.min;
    assert!(matches!(dial.step(now), Step::Connect(_)));
}

#[test]
fn a_resolver_that_hangs_is_reported_once_and_not_asked_again() {
    let now = Instant::now();
    let mut dial = Dial::new(Destination::Host("pub".into(), 1), PAUSES, now);
    dial.step(now);
    assert!(!dial.resolver_hangs(now + RESOLVER_HANGS_AFTER - MS));
    assert!(dial.resolver_hangs(now + RESOLVER_HANGS_AFTER));
    let later = now + 100 * RESOLVER_HANGS_AFTER;
    assert!(!dial.resolver_hangs(later) && dial.step(later) == Step::Nothing);
    assert!(dial.failed(later, 1.0).unwrap().is_last);
    assert_eq!(
        dial.step(later + PAUSES.min),
        Step::Resolve("pub".into(), 1)
    );
    // A name without an address is a failure too.
    let now = later + PAUSES.min;
    dial.resolved(&[], now);
    assert_eq!(dial.step(now), Step::Nothing);
    assert!(dial.failed(now, 1.0).unwrap().tried.is_empty());
    assert_eq!(dial.step(now + PAUSES.min), Step::Nothing, "it backs off");
}
