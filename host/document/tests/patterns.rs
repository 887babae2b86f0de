//! Patterns with look-around or back-references, which can take exponentially many steps. If one gives up, what
//! depends on it is unjudged; all else is judged, and nothing panics.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use landfall_document::{Documents, Pointer, SchemaSet, Validity, Violation};

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics also where they are caught.
fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            hook(info);
        }));
    });
}

fn judge(schema: &str, event: &str) -> (Validity, Vec<Violation>) {
    count_panics();
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("s")).unwrap();
    let schema = schema.replacen(
        '{',
        r#"{"$schema":"http://json-schema.org/draft-07/schema#","#,
        1,
    );
    std::fs::write(directory.path().join("s/1.json"), &schema).unwrap();
    let (set, errors) = SchemaSet::load(directory.path());
    assert!(errors.is_empty(), "{errors:?}");
    let compiled = set.find("s/1").unwrap();
    let mut documents = Documents::default();
    documents.parse(event.as_bytes(), &[event.len() as u32]);
    let whole = Pointer::default();
    let validity = documents.validate(0, &whole, compiled);
    let told = documents.explain(0, &whole, compiled, 5);
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "{schema}");
    assert_eq!(
        validity == Validity::Valid,
        told.is_empty(),
        "{schema}: {told:?}"
    );
    (validity, told)
}

/// Takes 2^28 steps by `HARD`.
fn hard() -> String {
    format!("{}d", "ab".repeat(28))
}

const HARD: &str = "^(a|b|ab)*(?!x)c$";

fn of(keywords: &str) -> String {
    format!("{{{}}}", keywords.replace("HARD", HARD))
}

#[test]
fn an_event_whose_judgement_hangs_on_a_pattern_that_gives_up_is_unjudged() {
    let (a, hard) = (format!(r#"{{"a":"{}"}}"#, hard()), hard());
    for (schema, event) in [
        (of(r#""properties":{"a":{"pattern":"HARD"}}"#), a.clone()),
        (
            of(r#""properties":{"a":{"not":{"pattern":"HARD"}}}"#),
            a.clone(),
        ),
        (
            of(
                r##""properties":{"a":{"$ref":"#/definitions/p"}},"definitions":{"p":{"pattern":"HARD"}}"##,
            ),
            a.clone(),
        ),
        (
            of(r#""properties":{"a":{"oneOf":[{"pattern":"HARD"},{"minLength":1}]}}"#),
            a,
        ),
        (
            of(r#""patternProperties":{"HARD":{"type":"null"}}"#),
            format!(r#"{{"{hard}":1}}"#),
        ),
        (
            of(
                r#""properties":{"b":{}},"patternProperties":{"HARD":{}},"additionalProperties":false"#,
            ),
            format!(r#"{{"{hard}":1}}"#),
        ),
    ] {
        let (validity, told) = judge(&schema, &event);
        assert_eq!(validity, Validity::Unjudged, "{schema}");
        assert!(
            told[0].message.starts_with("could not be judged"),
            "{told:?}"
        );
    }
}

#[test]
fn what_does_not_hang_on_it_is_judged() {
    let event = format!(r#"{{"a":"{}","b":1}}"#, hard());
    for (schema, expected) in [
        (
            of(r#""properties":{"a":{"anyOf":[{"pattern":"HARD"},{"minLength":3}]}}"#),
            Validity::Valid,
        ),
        (
            of(r#""properties":{"a":{"pattern":"HARD"}},"required":["c"]"#),
            Validity::Invalid,
        ),
        (
            of(r#""properties":{"a":{"pattern":"HARD"},"b":{"type":"string"}}"#),
            Validity::Invalid,
        ),
        (
            of(r#""properties":{"b":{"type":"string"},"a":{"pattern":"HARD"}}"#),
            Validity::Invalid,
        ),
        // Matched or not, the pattern leads to different errors, and there is none in common.
        (
            of(
                r#""properties":{"a":{"if":{"pattern":"HARD"},"then":{"maxLength":1},"else":{"maxLength":2}}}"#,
            ),
            Validity::Invalid,
        ),
        (
            of(r#""properties":{"a":{"pattern":"^(?!zz)ab"}}"#),
            Validity::Valid,
        ),
        (
            of(r#""properties":{"a":{"pattern":"^(?!ab)"}}"#),
            Validity::Invalid,
        ),
        (
            of(r#""properties":{"a":{"pattern":"^(a)\\1"}}"#),
            Validity::Invalid,
        ),
    ] {
        assert_eq!(judge(&schema, &event).0, expected, "{schema}");
    }
}

#[test]
fn more_open_questions_than_can_be_tried_are_told_without_a_panic() {
    let texts: Vec<String> = (0..20)
        .map(|index| format!("\"{}{index}\"", hard()))
        .collect();
    let event = format!(r#"{{"list":[{}],"b":[[[1]]]}}"#, texts.join(","));
    let schema = of(r#""properties":{"list":{"items":{"pattern":"HARD"}},"b":{"type":"string"}}"#);
    let (validity, _) = judge(&schema, &event);
    assert_eq!(validity, Validity::Invalid);
    let schema = of(r#""properties":{"list":{"items":{"pattern":"HARD"}}}"#);
    assert_eq!(judge(&schema, &event).0, Validity::Unjudged);
}

#[test]
fn a_pattern_without_them_never_gives_up() {
    let event = format!(r#"{{"a":"{}d"}}"#, "ab".repeat(100_000));
    let schema = r#"{"properties":{"a":{"pattern":"^(a|b|ab)*c$"}}}"#;
    assert_eq!(judge(schema, &event).0, Validity::Invalid);
    assert_eq!(judge(schema, &event.replace('d', "c")).0, Validity::Valid);
}
