//! No schema, however many steps it takes on an event, holds up the events of another.

mod support;

use landfall_tests::wait::await_until;
use serde_json::{Value, json};
use support::{Event, Setup, Sidecar, event, event_of};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Alternatives that differ only in their innermost event: 2^levels steps to find out why none of them
/// fits.
fn recursive() -> Value {
    let branch = |kind: &str| {
        json!({ "type": "object", "required": ["kind"],
            "properties": { "kind": { "const": kind }, "child": { "$ref": "#" } } })
    };
    json!({ "$schema": DRAFT, "oneOf": [branch("and"), branch("or")] })
}

fn nested(number: u64) -> Event {
    let value = (0..40).fold(
        json!(1),
        |child, _| json!({ "kind": "and", "child": child }),
    );
    event_of(number, "Filter", 1, value)
}

/// Objects that have to be compared one by one, of which none is equal.
fn comparing() -> Value {
    let all: Vec<Value> = (0..4_000)
        .map(|number| json!({ "a": [number, "x"] }))
        .collect();
    json!({ "$schema": DRAFT, "properties": { "list": { "items":
        { "anyOf": [{ "enum": all }, { "enum": all }, { "enum": all }, true] } } } })
}

fn compared(number: u64) -> Event {
    let all: Vec<Value> = (0..400)
        .map(|number| json!({ "a": [number, "y"] }))
        .collect();
    event_of(number, "Heavy", 1, json!({ "list": all }))
}

fn schemas() -> tempfile::TempDir {
    support::schemas(&[("Filter", recursive()), ("Heavy", comparing())])
}

#[test]
fn schemas_that_take_too_many_steps_are_named_and_left_alone_and_no_other_event_waits() {
    let schemas = schemas();
    let mut sidecar = Sidecar::start(Setup {
        deadline: "10s",
        schemas: schemas.path().to_owned(),
        ..Setup::default()
    });
    let deliver = |numbers: std::ops::Range<u64>| {
        let good: Vec<Event> = numbers.map(event).collect();
        sidecar.send_raw(&good);
        sidecar.land(&good);
    };
    let of_schema = |name: &str, schema: &str| sidecar.metrics().count(name, &[("schema", schema)]);
    let faults = |kind: &str| {
        let labels = [("check", "schema-validity"), ("kind", kind)];
        sidecar
            .metrics()
            .count("landfall_check_faults_total", &labels)
    };

    sidecar.send_raw(&[nested(1000)]);
    sidecar.send_raw(&(1001..1004).map(compared).collect::<Vec<_>>());
    deliver(0..20);
    sidecar.await_verdict("delivered", 20);
    // An invalid event is rejected; only the place of the error cannot be found in time.
    sidecar.await_verdict("rejected", 1);
    sidecar.await_verdict("unjudged", 3);
    await_until("both schemas are named", || {
        of_schema("landfall_schema_unexplained_total", "Filter/1") == 1
            && of_schema("landfall_schema_unjudged_total", "Heavy/1") == 3
    });
    assert_eq!(
        (faults("schema"), faults("deadline"), faults("trap")),
        (3, 0, 0)
    );
    let log = sidecar.log();
    for schema in ["Filter/1", "Heavy/1"] {
        let is_it = |line: &&str| line.contains("takes too many steps") && line.contains(schema);
        assert_eq!(log.lines().filter(is_it).count(), 1, "{log}");
    }

    // Again and again: then it is suspended, and costs nothing.
    let many: Vec<Event> = (2000..2400).map(compared).collect();
    sidecar.send_raw(&many);
    deliver(20..40);
    sidecar.await_verdict("delivered", 40);
    sidecar.await_verdict("unjudged", 403);
    assert!(of_schema("landfall_schema_suspensions_total", "Heavy/1") >= 1);
    assert_eq!(
        (faults("deadline"), faults("suspended"), faults("trap")),
        (0, 0, 0)
    );
    assert!(
        sidecar.log().contains("suspended for a while"),
        "{}",
        sidecar.log()
    );
    await_until("a sample shows the event and the schema", || {
        sidecar.query(
            "SELECT count(*) FROM samples WHERE kind = 'fault' AND detail LIKE '%schema Heavy/1%'",
        ) > 0
    });
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn schema_validate_answers_on_an_event_that_takes_too_many_steps() {
    let schemas = schemas();
    let mut value = json!(1);
    for _ in 0..40 {
        value = json!({ "kind": "and", "child": value });
    }
    std::fs::write(schemas.path().join("event.ndjson"), value.to_string()).expect("written");
    let args = [
        "schema",
        "validate",
        "--schema",
        "Filter/1.json",
        "event.ndjson",
    ];
    let output = support::run_landfall(schemas.path(), &args);
    let answer = support::text(&output);
    assert_eq!(output.status.code(), Some(1), "{answer}");
    assert!(
        answer.contains("is not valid; finding the place would take too many steps"),
        "{answer}"
    );
}
