//! Series that dashboards and alarms need: they exist before anything happens, have their owners, and are
//! removed with their check or schema.

mod support;

use landfall_tests::metrics::{Metrics, Sample};
use landfall_tests::paths;
use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, pipeline_checks};

const OBJECTIVE: &str = r#"
[[checks]]
name = "delivery-objective"
path = "delivery_objective.wasm"
config = { target = 0.99, schemas = { AppTap = { target = 0.9, late_counts = true } } }
"#;

/// The pipeline with an objective.
fn setup(extra: &str) -> Setup {
    Setup {
        checks: pipeline_checks("schema_validity.wasm") + OBJECTIVE,
        extra: extra.into(),
        ..Setup::default()
    }
}

/// Counters that a start itself increases: its cost, and what it loads and writes.
const OF_A_START: [&str; 8] = [
    "landfall_check_code_total",
    "landfall_process_cpu_seconds_total",
    "landfall_store_rows_total",
    "landfall_store_sync_seconds_total",
    "landfall_store_syncs_total",
    "landfall_store_write_seconds_total",
    "landfall_store_writes_total",
    // Until the first connection nobody sees anything.
    "landfall_unseen_seconds_total",
];

/// Some of the threads that are watched; each one from the moment when it runs.
const WATCHED: [&str; 3] = ["results", "judge-0", "shard-1"];

#[expect(clippy::too_many_lines, reason = "a list")]
fn assert_all_is_0(metrics: &Metrics) {
    let is_counter = |sample: &&Sample| sample.name.ends_with("_total");
    let counters: Vec<&Sample> = metrics.samples.iter().filter(is_counter).collect();
    for sample in &counters {
        let is_of_a_start = OF_A_START.contains(&&*sample.name);
        assert!(is_of_a_start || sample.value == 0.0, "{sample:?}");
    }
    let has = |name: &str, labels: &[(&str, &str)]| {
        assert!(
            metrics.find(name, labels).next().is_some(),
            "{name} {labels:?}"
        );
    };
    for cause in [
        "stalled",
        "loss",
        "altered",
        "leaked",
        "duplicate",
        "unexpected",
        "unjudged",
        "silent",
        "finding",
    ] {
        has("landfall_incidents_total", &[("cause", cause)]);
        has("landfall_incidents_open", &[("cause", cause)]);
    }
    for schema in [
        "AppTap/12",
        "EventCapsule/2014",
        "(unknown)",
        "(none)",
        "(other)",
    ] {
        for verdict in [
            "delivered",
            "late",
            "altered",
            "missing",
            "unconfirmed",
            "rejected",
            "leaked",
            "repeated",
            "unjudged",
        ] {
            let labels = [("verdict", verdict), ("schema", schema)];
            has("landfall_events_total", &labels);
        }
        for (from, to) in [("missing", "late"), ("rejected", "leaked")] {
            let labels = [("from", from), ("to", to), ("schema", schema)];
            has("landfall_verdicts_revised_total", &labels);
        }
        for name in [
            "raw_events_total",
            "duplicates_total",
            "unexpected_total",
            "doubtful_events_total",
            "rejected_unseen_events_total",
            "pending_events",
            "overdue_events",
            "schema_unjudged_total",
        ] {
            has(&format!("landfall_{name}"), &[("schema", schema)]);
        }
    }
    for check in [
        "eventlogging",
        "schema-validity",
        "field-parity",
        "delivery-objective",
    ] {
        for kind in [
            "trap",
            "deadline",
            "memory",
            "stack",
            "bad_output",
            "declined",
            "start",
            "suspended",
            "schema",
        ] {
            let labels = [("check", check), ("kind", kind)];
            has("landfall_check_faults_total", &labels);
            has("landfall_check_rows_faulted_total", &labels);
        }
        for name in [
            "check_batches_total",
            "check_load_failures_total",
            "check_suspensions_total",
            "check_memory_limit_bytes",
            "check_call_limit_seconds",
            "check_call_longest_seconds",
        ] {
            has(&format!("landfall_{name}"), &[("check", check)]);
        }
    }
    let invalid = [("check", "schema-validity"), ("reason", "invalid_event")];
    has("landfall_check_violations_total", &invalid);
    for severity in ["info", "warning", "critical"] {
        let labels = [("reason", "below_target"), ("severity", severity)];
        has("landfall_check_findings_total", &labels);
    }
    for (stream, check, reason) in [
        ("raw", "eventlogging", "fault_trap"),
        ("raw", "landfall", "no_key"),
        ("written", "landfall", "syntax"),
    ] {
        let labels = [("stream", stream), ("check", check), ("reason", reason)];
        has("landfall_undecodable_total", &labels);
    }
    for kind in ["oversize", "multipart", "too_many_parts", "no_payload"] {
        has(
            "landfall_frames_refused_total",
            &[("stream", "written"), ("kind", kind)],
        );
    }
    for outcome in ["complete", "partial"] {
        has("landfall_reloads_total", &[("outcome", outcome)]);
    }
}

#[test]
fn every_series_that_can_rise_is_there_as_0_before_anything_happens_and_after_a_restart_again() {
    let mut sidecar = Sidecar::start(setup(""));
    let is_watched = |sidecar: &Sidecar| {
        let metrics = sidecar.metrics();
        WATCHED.iter().all(|thread| {
            let name = "landfall_thread_standing_seconds";
            metrics.find(name, &[("thread", thread)]).next().is_some()
        })
    };
    await_until("threads are watched", || is_watched(&sidecar));
    let metrics = sidecar.metrics();
    assert_all_is_0(&metrics);
    for part in ["engine", "checks", "store", "sources", "threads"] {
        assert_eq!(
            metrics.sum("landfall_ready", &[("part", part)]),
            1.0,
            "{part}"
        );
    }
    for (name, limit) in [
        ("landfall_spool_limit_bytes", 8_u64 << 30),
        ("landfall_queue_limit_bytes", 2 * (32 << 20)),
        ("landfall_ledger_entries_limit", 8_000_000),
        ("landfall_check_memory_limit_bytes", 4 * (64 << 20)),
    ] {
        assert_eq!(metrics.count(name, &[]), limit, "{name}");
    }
    let disk = metrics.count("landfall_store_disk_available_bytes", &[]);
    assert!(disk > 1 << 20, "{disk}");
    let started = metrics.sum("landfall_process_start_time_seconds", &[]);
    let clock = metrics.sum("landfall_clock_seconds", &[]);
    assert!(
        clock - 600.0 < started && started <= clock,
        "{started} {clock}"
    );

    let events: Vec<Event> = (0..20).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.land(&events[..10]);
    sidecar.await_verdict("missing", 10);
    sidecar.await_verdict("delivered", 10);
    let metrics = sidecar.metrics();
    let longest = metrics.sum(
        "landfall_check_call_longest_seconds",
        &[("check", "schema-validity")],
    );
    assert!(longest > 0.0 && longest < 10.0, "{longest}");
    sidecar.stop();
    sidecar.restart();
    await_until("threads are watched", || is_watched(&sidecar));
    let metrics = sidecar.metrics();
    assert_all_is_0(&metrics);
    let again = metrics.sum("landfall_process_start_time_seconds", &[]);
    assert!(again > started, "{again} {started}");
    sidecar.stop();
}

/// The owner of a schema or check, or nobody if there is no such series.
fn owner<'m>(
    metrics: &'m Metrics,
    name: &'m str,
    labels: &'m [(&'m str, &'m str)],
) -> Option<&'m str> {
    let mut all = metrics.find(name, labels);
    let owner = all.next().map(|sample| &*sample.labels["owner"]);
    assert!(all.next().is_none(), "{name} {labels:?} has two owners");
    owner
}

#[test]
fn owners_and_objectives_follow_the_configuration_and_go_with_what_they_are_of() {
    let schemas = tempfile::tempdir().expect("a directory");
    for name in ["AppTap", "EventCapsule"] {
        let to = schemas.path().join(name);
        std::fs::create_dir(&to).expect("a directory");
        for file in std::fs::read_dir(paths::schemas().join(name)).expect("schemas") {
            let file = file.expect("a schema");
            std::fs::copy(file.path(), to.join(file.file_name())).expect("copied");
        }
    }
    let owners = "[owners]\nlandfall = \"operators\"\nschemas = { \"App*\" = \"apps\" }\nchecks = { \"field-*\" = \"writers\" }\n";
    let mut sidecar = Sidecar::start(Setup {
        schemas: schemas.path().to_owned(),
        ..setup(owners)
    });
    let metrics = sidecar.metrics();
    let of_schema = |metrics: &Metrics, schema: &str| {
        owner(metrics, "landfall_schema_owner_info", &[("schema", schema)]).map(str::to_owned)
    };
    let of_check = |metrics: &Metrics, check: &str| {
        owner(metrics, "landfall_check_owner_info", &[("check", check)]).map(str::to_owned)
    };
    assert_eq!(of_schema(&metrics, "AppTap/12").as_deref(), Some("apps"));
    for schema in ["EventCapsule/2014", "(other)", "(unknown)", "(none)"] {
        assert_eq!(
            of_schema(&metrics, schema).as_deref(),
            Some("(nobody)"),
            "{schema}"
        );
    }
    assert_eq!(
        of_check(&metrics, "field-parity").as_deref(),
        Some("writers")
    );
    assert_eq!(
        of_check(&metrics, "eventlogging").as_deref(),
        Some("(nobody)")
    );
    assert_eq!(
        owner(&metrics, "landfall_owner_info", &[]),
        Some("operators")
    );
    let ratio = "landfall_delivery_objective_ratio";
    let target = |metrics: &Metrics, schema: &str| {
        let labels = [("schema", schema)];
        let found = metrics.find(ratio, &labels).next();
        found.map(|sample| sample.value)
    };
    assert_eq!(target(&metrics, "AppTap/12"), Some(0.9));
    assert_eq!(target(&metrics, "(unknown)"), Some(0.99));
    assert_eq!(target(&metrics, "(other)"), None, "nothing shares it");
    let late = |schema| {
        metrics.sum(
            "landfall_delivery_objective_late_counts",
            &[("schema", schema)],
        )
    };
    assert_eq!((late("AppTap/12"), late("(none)")), (1.0, 0.0));

    sidecar.reconfigure("\"App*\" = \"apps\"", "\"*\" = \"analytics\"");
    await_until("owners are reloaded", || {
        of_schema(&sidecar.metrics(), "AppTap/12").as_deref() == Some("analytics")
    });
    assert_eq!(
        of_schema(&sidecar.metrics(), "(other)").as_deref(),
        Some("analytics")
    );

    // A schema that is gone has no objective; some of its events may wait, so it has an owner.
    std::fs::remove_dir_all(schemas.path().join("AppTap")).expect("removed");
    await_until("the schema's objective is gone", || {
        target(&sidecar.metrics(), "AppTap/12").is_none()
    });
    let metrics = sidecar.metrics();
    assert_eq!(
        of_schema(&metrics, "AppTap/12").as_deref(),
        Some("analytics")
    );
    assert_eq!(target(&metrics, "EventCapsule/2014"), Some(0.99));

    sidecar.reconfigure(OBJECTIVE, "");
    await_until("the check's objectives are gone", || {
        sidecar.metrics().find(ratio, &[]).next().is_none()
    });
    let metrics = sidecar.metrics();
    assert_eq!(of_check(&metrics, "delivery-objective"), None);
    for name in [
        "memory_limit_bytes",
        "call_limit_seconds",
        "call_longest_seconds",
    ] {
        let name = format!("landfall_check_{name}");
        let mut of_it = metrics.find(&name, &[("check", "delivery-objective")]);
        assert!(of_it.next().is_none(), "{name}");
    }
    sidecar.stop();
}

#[test]
fn a_check_that_fails_to_state_its_objectives_is_reported_and_judges_and_one_that_has_none_is_not()
{
    let check = |name: &str, file: &str, config: &str| {
        format!("[[checks]]\nname = \"{name}\"\npath = \"{file}\"\nconfig = {config}\n")
    };
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm")
            + &check("older", "hostile_window.wasm", "{}")
            + &check(
                "liar",
                "hostile_objective.wasm",
                r#"{ do = "wrong_codes", when = "state" }"#,
            ),
        ..Setup::default()
    });
    let log = sidecar.log();
    assert!(
        log.contains("check liar judges, but its objectives are not shown"),
        "{log}"
    );
    assert!(!log.contains("check older"), "{log}");
    let metrics = sidecar.metrics();
    let mut ratios = metrics.find("landfall_delivery_objective_ratio", &[]);
    assert!(ratios.next().is_none());
    let output = sidecar.command(&["config", "check"]);
    let told = support::text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("hint: ") && told.contains("is 99.9, and a share is from 0 to 1"),
        "{told}"
    );
    let events: Vec<Event> = (0..3).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.land(&events);
    await_until("windows are judged by both", || {
        let metrics = sidecar.metrics();
        let judged = |check| metrics.count("landfall_check_rows_total", &[("check", check)]) > 0;
        judged("older") && judged("liar")
    });
    assert_eq!(
        sidecar.metrics().count("landfall_check_faults_total", &[]),
        0
    );
    sidecar.stop();
}

#[test]
fn buckets_of_latency_are_those_of_the_configuration() {
    let mut sidecar = Sidecar::start(setup("[metrics]\nlatency_buckets = [\"1ms\", \"1h\"]\n"));
    let events: Vec<Event> = (0..5).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.land(&events);
    sidecar.await_verdict("delivered", 5);
    let metrics = sidecar.metrics();
    let bounds: Vec<&str> = metrics
        .find(
            "landfall_delivery_latency_seconds_bucket",
            &[("schema", "AppTap/12")],
        )
        .map(|sample| &*sample.labels["le"])
        .collect();
    assert_eq!(bounds, ["0.001", "3600", "+Inf"]);
    assert_eq!(
        metrics.count(
            "landfall_delivery_latency_seconds_bucket",
            &[("le", "3600")]
        ),
        5
    );
    sidecar.stop();
}
