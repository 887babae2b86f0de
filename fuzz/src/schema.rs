//! The loader of schemas, and validation by what it loads. The input is a schema, a line `---`, and an event
//! in each line.
//!
//! A schema is loaded or refused with a reason, alike in a directory and on its own. A verdict comes in time,
//! is the same for an event's canonical text, and is told: violations are there if it is invalid, bounded and
//! without control characters.

use std::time::Duration;

use landfall_document::{
    Documents, Pointer, RowState, Schema, SchemaRules, SchemaSet, VIOLATION_TEXT_BYTES_MAX,
    Validity, processor_time,
};

use crate::input::parts;

/// Processor's time of one verdict: far more than a validation may take, for builds that count their edges
/// are slow.
const VERDICT_MAX: Duration = Duration::from_secs(10);

/// Events of one input that are judged.
const EVENTS_MAX: usize = 16;

pub fn schema(data: &[u8]) {
    let (text, events) = parts(data);
    let directory = tempfile::tempdir().expect("a directory");
    let folder = directory.path().join("Fuzzed");
    std::fs::create_dir(&folder).expect("a folder");
    let path = folder.join("1.json");
    std::fs::write(&path, text).expect("a file");
    let (set, errors) = SchemaSet::load(directory.path());
    for error in &errors {
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(set.len() + errors.len(), 1, "loaded, or refused once");
    let found = set.find("Fuzzed/1");
    let alone = Schema::load_file(&path, Some(directory.path()), SchemaRules::default());
    assert_eq!(found.is_some(), alone.is_ok(), "alone it is {alone:?}");
    let Some(schema) = found else {
        return;
    };
    for event in events.split(|&byte| byte == b'\n').take(EVENTS_MAX) {
        is_judged(schema, event);
    }
}

fn is_judged(schema: &Schema, event: &[u8]) {
    let whole = Pointer::default();
    let documents = parsed(event);
    let verdict = within(|| documents.validate(0, &whole, schema));
    let explanation = within(|| documents.explanation(0, &whole, schema, 5));
    if documents.state(0) != RowState::Good {
        assert_eq!(verdict, Validity::NoValue);
        assert_eq!(explanation.violations, []);
        return;
    }
    assert!(explanation.violations.len() <= 5);
    for violation in &explanation.violations {
        for text in [
            &violation.pointer,
            &violation.schema_pointer,
            &violation.message,
        ] {
            assert!(text.len() <= VIOLATION_TEXT_BYTES_MAX);
            assert!(!text.contains(char::is_control));
        }
    }
    let mut canonical = Vec::new();
    if let Some(value) = documents.value(0, &whole) {
        value.write_canonical(&mut canonical);
    }
    let documents = parsed(&canonical);
    let again = within(|| documents.validate(0, &whole, schema));
    // What takes too long is told by the clock, and once more may take less.
    let is_by_clock = |verdict| {
        matches!(
            verdict,
            Validity::Exhausted | Validity::Unjudged | Validity::NoValue
        )
    };
    if is_by_clock(verdict) || is_by_clock(again) || explanation.is_exhausted {
        assert_ne!(verdict, Validity::NoValue);
        return;
    }
    assert_eq!(again, verdict, "of the canonical text");
    let is_valid = explanation.violations.is_empty();
    assert_eq!(is_valid, verdict == Validity::Valid, "{explanation:?}");
}

fn parsed(event: &[u8]) -> Documents {
    let mut documents = Documents::default();
    documents.parse(event, &[event.len() as u32]);
    documents
}

fn within<T>(work: impl FnOnce() -> T) -> T {
    let start = processor_time();
    let done = work();
    let took = processor_time().saturating_sub(start);
    assert!(took < VERDICT_MAX, "it took {took:?}");
    done
}
