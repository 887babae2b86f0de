//! Validates events by schemas of all drafts, both given as text.

#![allow(dead_code, reason = "not every test needs all of it")]

use landfall_document::{Documents, Pointer, SchemaSet, Validity};

/// The verdict of a schema of a draft on an event.
pub fn judge(draft: &str, keywords: &str, event: &str) -> Validity {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("s")).unwrap();
    let schema = format!(r#"{{"$schema":"http://json-schema.org/{draft}/schema#",{keywords}}}"#);
    std::fs::write(directory.path().join("s/1.json"), &schema).unwrap();
    let (set, errors) = SchemaSet::load(directory.path());
    assert!(errors.is_empty(), "{errors:?}");
    let mut documents = Documents::default();
    documents.parse(event.as_bytes(), &[event.len() as u32]);
    documents.validate(0, &Pointer::default(), set.find("s/1").unwrap())
}

/// Asserts, for every draft, the verdicts of a schema with these keywords for the property `a`.
pub fn judged_alike(keywords: &str, valid: &[&str], invalid: &[&str]) {
    for draft in DRAFTS {
        judged(draft, keywords, valid, invalid);
    }
}

pub const DRAFTS: [&str; 6] = [
    "draft-03",
    "draft-04",
    "draft-06",
    "draft-07",
    "draft/2019-09",
    "draft/2020-12",
];

pub fn judged(draft: &str, keywords: &str, valid: &[&str], invalid: &[&str]) {
    let keywords = format!(r#""properties":{{"a":{{{keywords}}}}}"#);
    for (values, expected) in [(valid, Validity::Valid), (invalid, Validity::Invalid)] {
        for value in values {
            let event = format!(r#"{{"a":{value}}}"#);
            assert_eq!(
                judge(draft, &keywords, &event),
                expected,
                "{event} by {draft}: {keywords}"
            );
        }
    }
}
