//! Events in, reasons out, with a closure in place of the host's schemas.

use landfall_guest::schemas::Validity;
use landfall_guest::test::EventHarness;
use schema_validity::SchemaValidity;
use serde_json::Value;

/// Knows two schemas: `Edit/1` wants an integer `n`, `Capsule/1` wants a `wiki`.
fn schemas(_at: &str, value: &Value, name: &str) -> Validity {
    let holds = match name {
        "Edit/1" => value["n"].is_i64(),
        "Capsule/1" => value["wiki"].is_string(),
        "page/move/1.0.0" => value["page"].is_i64(),
        _ => return Validity::NoSchema,
    };
    if holds {
        Validity::Valid
    } else {
        Validity::Invalid
    }
}

fn harness(config: &str) -> EventHarness<SchemaValidity> {
    EventHarness::new(config).schemas(schemas)
}

#[test]
fn an_event_is_judged_by_the_schema_that_it_names() {
    let cases = [
        (r#"{"schema":"Edit","revision":1,"event":{"n":1}}"#, "pass"),
        (
            r#"{"schema":"Edit","revision":"1","event":{"n":1}}"#,
            "pass",
        ),
        (
            r#"{"schema":"Edit","revision":1,"event":{"n":"1"}}"#,
            "invalid_event",
        ),
        (
            r#"{"schema":"Edit","revision":1,"event":null}"#,
            "invalid_event",
        ),
        (r#"{"schema":"Edit","revision":1}"#, "no_event"),
        (
            r#"{"schema":"Edit","revision":2,"event":{"n":1}}"#,
            "unknown_schema",
        ),
        (
            r#"{"schema":"\u0045dit","revision":1,"event":{"n":1}}"#,
            "pass",
        ),
        (
            r#"{"schema":"Edit","revision":1.0,"event":{"n":1}}"#,
            "no_schema",
        ),
        (
            r#"{"schema":"Edit","revision":null,"event":{"n":1}}"#,
            "no_schema",
        ),
        (r#"{"schema":"Edit","event":{"n":1}}"#, "no_schema"),
        (r#"{"schema":"","revision":1,"event":{"n":1}}"#, "no_schema"),
        (r#"{"schema":7,"revision":1,"event":{"n":1}}"#, "no_schema"),
        (r#"{"revision":1,"event":{"n":1}}"#, "no_schema"),
        ("{}", "no_schema"),
        ("[]", "no_schema"),
    ];
    let (documents, expected): (Vec<&str>, Vec<&str>) = cases.into_iter().unzip();
    assert_eq!(harness("{}").reasons(&documents), expected, "as one batch");
    for (document, expected) in cases {
        assert_eq!(harness("{}").reasons(&[document]), [expected], "{document}");
    }
}

#[test]
fn the_capsule_is_judged_first() {
    let config = r#"{"capsule":{"schema":"Capsule/1"}}"#;
    let cases = [
        (
            r#"{"wiki":"en","schema":"Edit","revision":1,"event":{"n":1}}"#,
            "pass",
        ),
        (
            r#"{"wiki":3,"schema":"Edit","revision":1,"event":{"n":1}}"#,
            "invalid_capsule",
        ),
        (
            r#"{"wiki":3,"schema":"Edit","revision":1,"event":{"n":"1"}}"#,
            "invalid_capsule",
        ),
        (
            r#"{"wiki":"en","schema":"Edit","revision":1,"event":{"n":"1"}}"#,
            "invalid_event",
        ),
        (
            r#"{"wiki":3,"schema":"Edit","revision":9,"event":{}}"#,
            "invalid_capsule",
        ),
        (r#"{"wiki":"en"}"#, "no_schema"),
    ];
    let (documents, expected): (Vec<&str>, Vec<&str>) = cases.into_iter().unzip();
    assert_eq!(harness(config).reasons(&documents), expected);
    let missing = r#"{"capsule":{"schema":"Capsule/2"}}"#;
    assert_eq!(harness(missing).reasons(&[cases[0].0]), ["unknown_schema"]);
}

#[test]
fn name_and_revision_may_stand_in_one_uri() {
    let config = r#"{"uri":"/$schema","at":""}"#;
    let cases = [
        (r#"{"$schema":"/page/move/1.0.0","page":1}"#, "pass"),
        (r#"{"$schema":"page/move/1.0.0","page":1}"#, "pass"),
        (r#"{"$schema":"/page/move/1.0.0"}"#, "invalid_event"),
        (
            r#"{"$schema":"/page/move/2.0.0","page":1}"#,
            "unknown_schema",
        ),
        (r#"{"$schema":"1.0.0","page":1}"#, "no_schema"),
        (r#"{"$schema":"/page/","page":1}"#, "no_schema"),
        (r#"{"page":1}"#, "no_schema"),
    ];
    let (documents, expected): (Vec<&str>, Vec<&str>) = cases.into_iter().unzip();
    assert_eq!(harness(config).reasons(&documents), expected);
}

#[test]
fn what_the_pipeline_leaves_out_is_filtered_whether_valid_or_not() {
    let config = r#"{"capsule":{"schema":"Capsule/1"},"blocked":["Secret"],
        "bots":{"contains":["Bot/","spider"]}}"#;
    let cases = [
        (
            r#"{"wiki":"en","schema":"Secret","revision":1,"event":{}}"#,
            "blocked_schema",
        ),
        (
            r#"{"schema":"Secret","revision":99,"event":3}"#,
            "blocked_schema",
        ),
        (
            r#"{"schema":"Edit","revision":1,"userAgent":"Foobot/2.1"}"#,
            "bot",
        ),
        (
            r#"{"schema":"None","revision":1,"userAgent":"A SPIDER"}"#,
            "bot",
        ),
        (r#"{"userAgent":{"is_bot":true,"os":"x"}}"#, "bot"),
        (
            r#"{"wiki":"en","schema":"Edit","revision":1,"event":{"n":1},"userAgent":{"is_bot":false}}"#,
            "pass",
        ),
        (
            r#"{"wiki":"en","schema":"Edit","revision":1,"event":{"n":1},"userAgent":"Mozilla"}"#,
            "pass",
        ),
        (
            r#"{"wiki":"en","schema":"Secrets","revision":1,"event":{}}"#,
            "unknown_schema",
        ),
    ];
    let (documents, expected): (Vec<&str>, Vec<&str>) = cases.into_iter().unzip();
    assert_eq!(harness(config).reasons(&documents), expected);
}

#[test]
fn only_the_first_violations_of_a_batch_are_explained() {
    let invalid = r#"{"schema":"Edit","revision":1,"event":{"n":"1"}}"#;
    let judged = harness("{}").judge(&[invalid; 10]);
    assert!(judged.iter().all(|one| one.reason == Some("invalid_event")));
    let explained: Vec<usize> = judged.iter().map(|one| one.details.len()).collect();
    assert_eq!(explained, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    assert!(judged[0].details[0].contains("Edit/1"), "{:?}", judged[0]);
}

#[test]
fn nothing_is_kept_from_one_batch_to_the_next() {
    let mut harness = harness(r#"{"capsule":{"schema":"Capsule/1"}}"#);
    let good = r#"{"wiki":"en","schema":"Edit","revision":1,"event":{"n":1}}"#;
    assert_eq!(
        harness.reasons(&[good, "{}", good]),
        ["pass", "no_schema", "pass"]
    );
    assert_eq!(harness.reasons(&[good]), ["pass"]);
    assert_eq!(harness.reasons(&[]), [""; 0]);
}

#[test]
fn refusals_name_the_field() {
    let cases = [
        (
            r#"{"name":"schema"}"#,
            "`name`: `schema` is no JSON pointer: begin it with `/`",
        ),
        (
            r#"{"bots":{"at":"x"}}"#,
            "`bots.at`: `x` is no JSON pointer: begin it with `/`",
        ),
        (
            r#"{"capsule":{"schema":"EventCapsule"}}"#,
            "`capsule.schema`: `EventCapsule` lacks its revision: write it as `name/revision`",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(EventHarness::<SchemaValidity>::refusal(config), expected);
    }
    let refusal = EventHarness::<SchemaValidity>::refusal(r#"{"block":[]}"#);
    assert!(refusal.contains("unknown field `block`"), "{refusal}");
}
