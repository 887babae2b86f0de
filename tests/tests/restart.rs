//! A missing event stays owed over a restart: it is one event, whoever sends it again.

mod support;

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event};

fn missing(sidecar: &Sidecar) -> i64 {
    sidecar.query("SELECT count(*) FROM missing WHERE landed_ms IS NULL")
}

/// Missing events by the windows, minus those that landed.
fn missing_by_windows(sidecar: &Sidecar) -> i64 {
    sidecar.query("SELECT coalesce(sum(missing), 0) FROM windows")
}

fn agree(sidecar: &Sidecar) {
    assert_eq!(
        missing(sidecar),
        missing_by_windows(sidecar),
        "the table and the windows: {}",
        sidecar.log()
    );
}

/// Loses some events, and restarts the sidecar.
fn lost(events: &[Event], after: &str) -> Sidecar {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1s",
        ..Setup::default()
    });
    for event in events {
        sidecar.raw.send(&event.frame).expect("sent");
    }
    await_until("they are missing", || {
        missing(&sidecar) == events.len() as i64
    });
    agree(&sidecar);
    sidecar.stop();
    let path = sidecar.dir.path().join("landfall.toml");
    let config = std::fs::read_to_string(&path).expect("the configuration");
    let (from, to) = after.split_once("->").expect("a change");
    assert!(config.contains(from), "{config}");
    std::fs::write(&path, config.replace(from, to)).expect("the configuration");
    sidecar.restart();
    assert!(sidecar.raw.await_subscriptions(1) && sidecar.written.await_subscriptions(1));
    sidecar
}

#[test]
fn a_missing_event_that_is_sent_again_after_a_restart_and_lands_is_missing_no_more() {
    let events: Vec<Event> = (0..20).map(event).collect();
    let mut sidecar = lost(&events, "1s->1s");
    for event in &events {
        sidecar.raw.send(&event.frame).expect("sent");
        sidecar.written.send(&event.row_text()).expect("sent");
    }
    await_until("they have landed", || missing(&sidecar) == 0);
    await_until("the windows say so", || {
        sidecar.query("SELECT sum(late) FROM windows") == 20
    });
    agree(&sidecar);
    assert_eq!(sidecar.query("SELECT sum(repeated) FROM windows"), 20);
    assert_eq!(sidecar.query("SELECT sum(delivered) FROM windows"), 0);
    assert_eq!(sidecar.query("SELECT sum(landed_late) FROM incidents"), 20);
    sidecar.stop();
    agree(&sidecar);
}

#[test]
fn an_event_that_is_lost_twice_is_in_the_backfill_of_the_second_incident() {
    let events: Vec<Event> = (0..20).map(event).collect();
    let mut sidecar = lost(&events, "1s->1s");
    for event in &events[..7] {
        sidecar.raw.send(&event.frame).expect("sent");
    }
    await_until("they are lost again", || {
        sidecar.query("SELECT count(*) FROM missing WHERE incident = 2") == 7
    });
    agree(&sidecar);
    assert_eq!(missing(&sidecar), 20);
    sidecar.stop();
    // They were missing before the restart, and may have landed in it.
    let output = sidecar.command(&["backfill", "--incident", "2", "--output", "none"]);
    assert!(
        support::text(&output).contains("7 missing were left out"),
        "{}",
        support::text(&output)
    );
    let all = ["--unconfirmed", "--output", "again"];
    let output = sidecar.command(&[&["backfill", "--incident", "2"][..], &all].concat());
    let again = std::fs::read(sidecar.dir.path().join("again")).unwrap_or_else(|error| {
        panic!("{error}: {}", support::text(&output));
    });
    let frames: Vec<u8> = events[..7]
        .iter()
        .flat_map(|event| event.frame.clone())
        .collect();
    assert_eq!(
        String::from_utf8_lossy(&again),
        String::from_utf8_lossy(&frames)
    );
}

#[test]
fn a_late_landing_finds_its_window_whatever_length_windows_have_now() {
    let events: Vec<Event> = (0..5).map(event).collect();
    let mut sidecar = lost(&events, "length = \"1s\"->length = \"7s\"");
    for event in &events {
        sidecar.written.send(&event.row_text()).expect("sent");
    }
    await_until("they have landed", || missing(&sidecar) == 0);
    agree(&sidecar);
    assert_eq!(sidecar.query("SELECT min(missing) FROM windows"), 0);
    assert_eq!(sidecar.query("SELECT sum(late) FROM windows"), 5);
    assert_eq!(
        sidecar.query("SELECT coalesce(sum(unexpected), 0) FROM windows"),
        0
    );
    sidecar.stop();
}

#[test]
fn an_event_that_lands_altered_after_it_was_missing_is_altered() {
    let events: Vec<Event> = (0..6).map(event).collect();
    // Within one run, by the ledger's own memory, and after a restart, by the store's.
    for restarted in [false, true] {
        let mut sidecar = lost(&events, "1s->1s");
        if !restarted {
            let more: Vec<Event> = (100..106).map(event).collect();
            for event in &more {
                sidecar.raw.send(&event.frame).expect("sent");
            }
            await_until("they are missing", || missing(&sidecar) == 12);
            for event in &more {
                sidecar.written.send(&altered(event)).expect("sent");
            }
            await_until("they have landed", || missing(&sidecar) == 6);
        }
        for event in &events {
            sidecar.written.send(&altered(event)).expect("sent");
        }
        await_until("they have landed", || missing(&sidecar) == 0);
        let expected = if restarted { 6 } else { 12 };
        assert_eq!(sidecar.query("SELECT sum(altered) FROM windows"), expected);
        assert_eq!(sidecar.query("SELECT sum(late) FROM windows"), 0);
        let named =
            "SELECT count(*) FROM samples WHERE kind = 'altered' AND reason LIKE '%event_name%'";
        assert!(sidecar.query(named) > 0, "{}", sidecar.log());
        agree(&sidecar);
        sidecar.stop();
    }
}

fn altered(event: &Event) -> Vec<u8> {
    let mut row = event.row.clone();
    row["event_name"] = "changed".into();
    format!("{row}\n").into_bytes()
}
