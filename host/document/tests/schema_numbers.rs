//! Numbers of any size against bounds and divisors of any size, as Python compares them.

use landfall_document::{Documents, Pointer, SchemaSet, Validity};

/// What a schema of a draft says of an event.
fn judge(draft: &str, keywords: &str, event: &str) -> Validity {
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

/// By a property `a` of such keywords, in every draft.
fn judged_alike(keywords: &str, valid: &[&str], invalid: &[&str]) {
    for draft in ALL_DRAFTS {
        judged(draft, keywords, valid, invalid);
    }
}

const ALL_DRAFTS: [&str; 6] = [
    "draft-03",
    "draft-04",
    "draft-06",
    "draft-07",
    "draft/2019-09",
    "draft/2020-12",
];

fn judged(draft: &str, keywords: &str, valid: &[&str], invalid: &[&str]) {
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

#[test]
fn integers_beyond_64_bits_are_integers_and_compare_exactly_with_bounds() {
    let huge = "9".repeat(400);
    judged_alike(r#""type":"integer""#, &["18446744073709551616", &huge], &[]);
    judged_alike(
        r#""minimum":20000000000000000000001"#,
        &["20000000000000000000001", "2.0000000000000004e22", &huge],
        // One less, and the same double.
        &[
            "20000000000000000000000",
            "2e22",
            "18446744073709551615",
            "-1",
            "1.5",
        ],
    );
    judged_alike(
        r#""maximum":-20000000000000000000001"#,
        &["-20000000000000000000001", &format!("-{huge}")],
        &[
            "-20000000000000000000000",
            "-2e22",
            "-9223372036854775808",
            &huge,
        ],
    );
    // As a double it is 10000000000000000905969664.
    judged_alike(
        r#""maximum":1e25"#,
        &["10000000000000000905969664", "1e25"],
        &["10000000000000000905969665", &huge],
    );
    judged_alike(
        r#""minimum":9007199254740992.0"#,
        &["9007199254740992", "9007199254740993"],
        &["9007199254740991", "9007199254740991.0"],
    );
    for draft in ["draft-06", "draft-07", "draft/2019-09", "draft/2020-12"] {
        judged(
            draft,
            r#""exclusiveMinimum":1e25,"exclusiveMaximum":10000000000000000905969666"#,
            &["10000000000000000905969665"],
            &[
                "1e25",
                "10000000000000000905969664",
                "10000000000000000905969666",
            ],
        );
    }
    for draft in ["draft-03", "draft-04"] {
        judged(
            draft,
            r#""minimum":1e25,"exclusiveMinimum":true,"maximum":1e25,"exclusiveMaximum":false"#,
            &[],
            &[
                "1e25",
                "10000000000000000905969664",
                "10000000000000000905969665",
            ],
        );
    }
    judged_alike(
        r#""enum":[18446744073709551615]"#,
        &["18446744073709551615"],
        &["18446744073709551614"],
    );
}

#[test]
fn a_quotient_beyond_a_double_is_taken_exactly() {
    for draft in ["draft-04", "draft-07", "draft/2020-12"] {
        judged(
            draft,
            r#""multipleOf":5e-324"#,
            &[
                "1",
                "-3",
                "1e308",
                "1.5",
                "18446744073709551615",
                "123456789012345678901234567890",
            ],
            &[],
        );
        // Three times the least double; and 1e308 is a power of two times five to the 308th.
        judged(
            draft,
            r#""multipleOf":1.5e-323"#,
            &["3", "1.5", "9"],
            &["1", "4", "1e308"],
        );
        judged(
            draft,
            r#""multipleOf":0.5"#,
            &["1e308", "1.7976931348623157e308"],
            &["0.25"],
        );
    }
}
