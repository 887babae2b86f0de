//! All metrics of the registry are rendered, have names by the rules, and are equal to docs/METRICS.md.

mod panels;
mod queries;

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::flow::queue::{Bound, channel};
use crate::flow::{InFlight, SourceStatus};
use landfall_ledger::Stream;

/// Metrics in which every metric has a series.
fn filled() -> Metrics {
    let metrics = Metrics::new().unwrap();
    let clock = Clock::start(1.0, None);
    metrics.process.follow_clock(clock.clone());
    let in_flight = InFlight::default();
    for stream in Stream::ALL {
        in_flight.add_source(stream, clock.now_ms());
    }
    metrics.frames.follow_frontiers(in_flight, clock);
    metrics.frames.follow_sources([Arc::new(SourceStatus::new(
        Stream::Raw,
        "tcp://127.0.0.1:8421",
    ))]);
    let (senders, _receiver) = channel::<()>(&[Bound {
        bytes_max: 1,
        items_max: 1,
    }]);
    metrics.frames.follow_queue(Stream::Raw, senders[0].stats());
    metrics
        .frames
        .add_undecodable(Stream::Raw, "eventlogging", "no_json", 2);
    let verdicts = &metrics.verdicts;
    verdicts.add_raw("Edit/11", 3);
    verdicts.add_verdicts("Edit/11", &[("missing", 2)]);
    verdicts.add_verdicts("Edit/11", &[("missing", -1), ("late", 1)]);
    verdicts.add_pending("Edit/11", 1);
    verdicts.add_duplicates("Edit/11", 1);
    verdicts.add_unexpected("Edit/11", 2);
    verdicts.add_unexpected("Edit/11", -1);
    verdicts.add_doubtful("Edit/11", 1);
    verdicts.add_rejected_unseen("Edit/11", 1);
    verdicts.add_latency("Edit/11", &[0, 1], 200);
    let checks = &metrics.checks;
    let busy = Duration::from_millis(3);
    checks.begin("eventlogging", &Declared::default());
    checks.add(
        "eventlogging",
        &CheckCounts {
            batches: 1,
            rows: 3,
            busy,
            memory_bytes: 65_536,
            ..CheckCounts::default()
        },
    );
    checks.add_faults("eventlogging", "trap", 1, 1);
    checks.add_violations("eventlogging", "no_json", 2);
    verdicts.add_schema_faults("Edit/1", 1, 1, 1);
    metrics
        .process
        .set_standing("judge-0", Duration::from_secs(10));
    checks.add_finding("delivery-objective", "below_target", "critical");
    checks.loaded("eventlogging", "0.1.0", "0123456789abcdef");
    checks.set_loading("eventlogging", true);
    checks.code("eventlogging", ["compiled", "kept"], Some("kept"));
    checks.reloaded(true);
    metrics.ledger.set(&LedgerGauges::default());
    metrics.ledger.set_limit(8);
    metrics.ledger.causes(["stalled", "loss"]);
    metrics.ledger.incident_opened("loss");
    metrics.ledger.set_incidents_open("loss", 1);
    metrics.ledger.window_closed(0);
    metrics.frames.set_queue_limit(Stream::Raw, 64);
    metrics.limits.set(&[CheckLimitValues {
        check: "eventlogging".into(),
        memory_bytes: 65_536,
        call: busy,
    }]);
    metrics.objectives.set(vec![Objective {
        check: "delivery-objective".into(),
        schema: "Edit/11".into(),
        target: 0.999,
        late_counts: false,
    }]);
    metrics.owners.set(Owners {
        landfall: "operators".into(),
        schemas: vec![("(other)".into(), "analytics".into())],
        checks: vec![("eventlogging".into(), "analytics".into())],
    });
    metrics
        .process
        .follow_readiness(|| vec![("store".into(), true)]);
    metrics.store.set_spool_limit(1 << 20);
    metrics.store.set_disk_available(1 << 30);
    metrics.store.wrote(busy, true);
    metrics.store.add_rows("missing", 2);
    metrics.store.add_deleted("samples", 1);
    metrics
}

#[test]
fn every_metric_is_rendered_with_its_help_and_kind() {
    let metrics = filled();
    let text = metrics.render().unwrap();
    for Entry {
        name, kind, help, ..
    } in metrics.entries()
    {
        assert!(
            text.contains(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")),
            "{name} is not there:\n{text}"
        );
        assert!(
            help.ends_with('.') && help.len() > 10,
            "{name} is not explained"
        );
    }
}

/// The rules of `promtool check metrics`, and ours.
#[test]
fn names_follow_the_rules_of_prometheus() {
    for Entry {
        name, kind, labels, ..
    } in Metrics::new().unwrap().entries()
    {
        assert_eq!(
            name.ends_with("_total"),
            kind == "counter",
            "{name} is a {kind}"
        );
        for reserved in ["_count", "_sum", "_bucket"] {
            assert!(!name.ends_with(reserved), "{name}");
        }
        for scaled in [
            "_ms", "milli", "micro", "kilo", "mega", "minutes", "hours", "percent", "_sec_",
        ] {
            assert!(!name.contains(scaled), "{name} is not in base units");
        }
        assert!(
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
            "{name}"
        );
        assert!(
            !labels.contains(&"le") && !labels.contains(&"quantile"),
            "{name}"
        );
    }
}

#[test]
fn the_page_on_metrics_is_what_the_registry_holds() {
    let page = document(&Metrics::new().unwrap().entries());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/METRICS.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/METRICS.md is out of date: run this test with UPDATE=1"
    );
}

#[test]
fn totals_of_sources_are_followed_and_not_added_twice() {
    let metrics = filled();
    metrics.render().unwrap();
    let text = metrics.render().unwrap();
    let line = "landfall_frames_total{endpoint=\"tcp://127.0.0.1:8421\",stream=\"raw\"} 0\n";
    assert!(text.contains(line), "{text}");
}
