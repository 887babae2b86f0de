//! A schema that takes long but answers does not hold up the events of another, is not reported as a fault of
//! the check that asks for it, and does not answer wrongly.

mod support;

use landfall_tests::wait::await_until;
use serde_json::{Value, json};
use support::{Event, Setup, Sidecar, event, event_of};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Texts of JSON, all different, as an `enum` has them.
fn words(kind: &str, count: usize) -> Vec<Value> {
    let all = (0..count).map(|number| json!({ "a": [number, kind] }));
    all.collect()
}

/// Items that each have to be compared with 600 objects.
fn items(others: &Value) -> Value {
    let any = json!([{ "enum": words("x", 300) }, { "enum": words("z", 300) }, others]);
    json!({ "$schema": DRAFT, "type": "object", "properties":
        { "items": { "type": "array", "items": { "anyOf": any } } } })
}

fn patterns(all: &[&str]) -> Value {
    let all: Vec<Value> = all.iter().map(|text| json!({ "pattern": text })).collect();
    json!({ "$schema": DRAFT, "properties": { "text": { "allOf": all } } })
}

/// An event with this many items that no `enum` has, except the given ones.
fn unlike(number: u64, schema: &str, count: usize, last: Option<Value>) -> Event {
    let mut all = words("y", count);
    all.extend(last);
    event_of(number, schema, 1, json!({ "items": all }))
}

/// A text of two letters in no order, the same each time.
fn letters(count: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let letters = (0..count).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state & 1 == 0 { 'a' } else { 'b' }
    });
    letters.collect()
}

fn start(schemas: &tempfile::TempDir) -> Sidecar {
    Sidecar::start(Setup {
        deadline: "10s",
        schemas: schemas.path().to_owned(),
        frame_bytes_max: "4MiB",
        ..Setup::default()
    })
}

/// Events of a schema that have this verdict.
fn of(sidecar: &Sidecar, schema: &str, verdict: &str) -> u64 {
    let labels = [("schema", schema), ("verdict", verdict)];
    sidecar.metrics().count("landfall_events_total", &labels)
}

fn unjudged_by(sidecar: &Sidecar, schema: &str) -> u64 {
    let labels = [("schema", schema)];
    sidecar
        .metrics()
        .count("landfall_schema_unjudged_total", &labels)
}

/// All faults but those of schemas, over all checks.
fn faults_of_checks(sidecar: &Sidecar) -> f64 {
    let metrics = sidecar.metrics();
    let of = |labels: &[(&str, &str)]| metrics.sum("landfall_check_faults_total", labels);
    of(&[]) - of(&[("kind", "schema")])
}

/// Sends slow events among good ones of another schema, all of which are delivered.
fn flood(sidecar: &Sidecar, slow: &[Event], good: std::ops::Range<u64>) {
    let good: Vec<Event> = good.map(event).collect();
    let part = good.len().div_ceil(slow.len().max(1)).max(1);
    let mut rest = good.chunks(part);
    for event in slow {
        sidecar.send_raw(std::slice::from_ref(event));
        sidecar.send_raw(rest.next().unwrap_or_default());
    }
    rest.for_each(|events| sidecar.send_raw(events));
    sidecar.land(&good);
}

#[test]
fn large_events_whose_schema_takes_long_just_within_its_steps_cost_no_other_schema_anything() {
    const LARGE: usize = 12_000;
    let schemas = support::schemas(&[
        ("Slow", items(&json!(true))),
        (
            "Strict",
            items(
                &json!({ "properties": { "a": { "items": [{ "type": "integer" }, { "const": "y" }] } } }),
            ),
        ),
    ]);
    let mut sidecar = start(&schemas);
    let valid = (1000..1040).map(|number| unlike(number, "Slow", LARGE, None));
    let strict = (2000..2010).map(|number| {
        // Every other one is not valid, and only its last item shows that.
        let last = if number % 2 == 0 { "w" } else { "y" };
        unlike(number, "Strict", LARGE, Some(json!({ "a": [1, last] })))
    });
    let slow: Vec<Event> = valid.chain(strict).collect();
    assert!(slow.iter().all(|event| event.frame.len() > 240_000));
    flood(&sidecar, &slow, 0..400);

    // Judged events have the right verdict, and the rest are unjudged.
    await_until("all are reported", || {
        let told = |schema: &str| {
            let verdicts = ["missing", "rejected", "unjudged"];
            verdicts.map(|verdict| of(&sidecar, schema, verdict))
        };
        let ([missing, rejected, unjudged], strict) = (told("Slow/1"), told("Strict/1"));
        assert_eq!(rejected, 0, "of the valid ones");
        assert!(strict[0] <= 5 && strict[1] <= 5, "{strict:?}");
        missing + unjudged == 40 && strict.iter().sum::<u64>() == 10
    });
    assert!(of(&sidecar, "Slow/1", "missing") > 0, "some are judged");
    assert_eq!(of(&sidecar, "AppTap/12", "unjudged"), 0);
    sidecar.await_verdict("delivered", 400);
    assert_eq!(faults_of_checks(&sidecar), 0.0, "{}", sidecar.log());
    for schema in ["Slow/1", "Strict/1"] {
        let unjudged = of(&sidecar, schema, "unjudged");
        assert_eq!(unjudged_by(&sidecar, schema), unjudged, "{schema}");
    }
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn many_events_that_each_take_a_little_longer_are_judged_and_no_fault_of_the_check() {
    let schemas = support::schemas(&[("Mid", items(&json!({ "const": { "a": [0, "y"] } })))]);
    let mut sidecar = start(&schemas);
    let slow: Vec<Event> = (0..1000)
        .map(|number| {
            let last = json!({ "a": [299, "z"] });
            let mut event = unlike(1000 + number, "Mid", 1, Some(last.clone()));
            if number % 10 != 0 {
                let all: Vec<&Value> = std::iter::repeat_n(&last, 15).collect();
                event = event_of(1000 + number, "Mid", 1, json!({ "items": all }));
            } else if number % 20 == 0 {
                event = unlike(1000 + number, "Mid", 2, None);
            }
            event
        })
        .collect();
    flood(&sidecar, &slow, 0..400);
    sidecar.await_verdict("delivered", 400);
    sidecar.await_verdict("missing", 950);
    sidecar.await_verdict("rejected", 50);
    assert_eq!(of(&sidecar, "Mid/1", "unjudged"), 0);
    assert_eq!(faults_of_checks(&sidecar), 0.0, "{}", sidecar.log());
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn patterns_that_look_long_at_a_text_are_bounded_in_time_and_their_schema_is_named() {
    let many: Vec<String> = (0..30)
        .map(|number| format!("a.{{{}}}!", 200 + number))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let schemas = support::schemas(&[
        ("Wide", patterns(&["(?:.{0,999}.{0,999}.{0,999})!$"])),
        ("Many", patterns(&many)),
    ]);
    let mut sidecar = start(&schemas);
    let text = |number: u64, schema: &str, text: String| {
        event_of(number, schema, 1, json!({ "text": text }))
    };
    let mut slow = Vec::new();
    for number in 0..10 {
        // Just below the limit, so it is started: it takes most of a second. Half of them are not valid.
        let end = if number % 2 == 0 { "!" } else { "?" };
        slow.push(text(1000 + number, "Wide", letters(20_000) + end));
        // Above the limit: never started.
        slow.push(text(2000 + number, "Wide", letters(200_000) + end));
        // Thirty patterns, each a quarter of a second.
        slow.push(text(
            3000 + number,
            "Many",
            letters(200_000) + &"!".repeat(300),
        ));
    }
    flood(&sidecar, &slow, 0..400);
    await_until("all are reported", || {
        let told = |schema: &str| {
            let verdicts = ["missing", "rejected", "unjudged"];
            verdicts.map(|verdict| of(&sidecar, schema, verdict))
        };
        let (wide, many) = (told("Wide/1"), told("Many/1"));
        assert!(
            wide[0] <= 5 && wide[1] <= 5 && many[1] == 0,
            "{wide:?} {many:?}"
        );
        wide.iter().sum::<u64>() == 20 && many.iter().sum::<u64>() == 10
    });
    assert_eq!(of(&sidecar, "AppTap/12", "unjudged"), 0);
    sidecar.await_verdict("delivered", 400);
    assert_eq!(faults_of_checks(&sidecar), 0.0, "{}", sidecar.log());
    for schema in ["Wide/1", "Many/1"] {
        let is_it = |line: &&str| line.contains("takes too many steps") && line.contains(schema);
        let told = || sidecar.log().lines().filter(is_it).count();
        await_until("the schema is named", || {
            unjudged_by(&sidecar, schema) >= 1 && told() > 0
        });
        assert_eq!(told(), 1, "{}", sidecar.log());
    }
    sidecar.assert_balanced();
    sidecar.stop();
}
