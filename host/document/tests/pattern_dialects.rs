//! Patterns in each dialect, in schemas: what they match, what is refused, and the messages.

use std::fs;

use landfall_document::{
    Documents, PatternDialect, Pointer, SchemaRules, SchemaSet, Validity, translate_pattern,
};
use serde_json::json;

const DRAFT_07: &str = "http://json-schema.org/draft-07/schema#";

fn by(patterns: PatternDialect) -> SchemaRules {
    SchemaRules {
        patterns,
        ..SchemaRules::default()
    }
}

fn validity(set: &SchemaSet, label: &str, event: &serde_json::Value) -> Validity {
    let event = event.to_string();
    let mut documents = Documents::default();
    documents.parse(event.as_bytes(), &[event.len() as u32]);
    documents.validate(0, &Pointer::default(), set.find(label).expect(label))
}

/// A set of one schema for each of the keywords, by their number.
fn load(schemas: &[serde_json::Value], dialect: PatternDialect) -> (SchemaSet, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("s")).unwrap();
    for (number, schema) in schemas.iter().enumerate() {
        let mut schema = schema.clone();
        if schema.get("$schema").is_none() {
            schema["$schema"] = DRAFT_07.into();
        }
        let path = directory.path().join(format!("s/{number}.json"));
        fs::write(path, schema.to_string()).unwrap();
    }
    let (set, errors) = SchemaSet::load_by(directory.path(), by(dialect));
    let root = directory.path().display().to_string();
    let errors = errors
        .iter()
        .map(|error| error.to_string().replace(&root, ""));
    (set, errors.collect())
}

use PatternDialect::{Ecma262, Python2, Python3};

/// Pattern, text, and whether the text matches it by Python 3, Python 2 and ECMA-262; `None` where the
/// dialect refuses it.
type Row = (&'static str, &'static str, [Option<bool>; 3]);

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // What the dialects have in common.
    ("^abc$", "abc", [YES, YES, YES]),
    ("b", "abc", [YES, YES, YES]),
    ("^[a-c]+$", "abcd", [NO, NO, NO]),
    // The end, and the end of the last line.
    ("^abc$", "abc\n", [YES, YES, NO]),
    ("^abc$", "abc\n\n", [NO, NO, NO]),
    ("^(abc|d)$", "d\n", [YES, YES, NO]),
    (r"^abc\Z", "abc\n", [NO, NO, None]),
    ("a$\n", "a\n", [YES, YES, NO]),
    ("^$", "\n", [YES, YES, NO]),
    // Classes.
    (r"^\w+$", "\u{141}ukasz", [YES, NO, NO]),
    (r"^\w+$", "\u{65e5}\u{672c}", [YES, NO, NO]),
    (r"^\w$", "\u{b2}", [YES, NO, NO]),
    (r"^\w$", "\u{300}", [NO, NO, NO]),
    (r"^\w$", "\u{203f}", [NO, NO, NO]),
    (r"^\W$", "\u{e9}", [NO, YES, YES]),
    (r"^\d+$", "\u{661}\u{662}", [YES, NO, NO]),
    (r"^\d$", "\u{b2}", [NO, NO, NO]),
    (r"^\D$", "\u{661}", [NO, YES, YES]),
    (r"^[\D]$", "\u{661}", [NO, YES, YES]),
    (r"^[^\d]$", "\u{661}", [NO, YES, YES]),
    (r"^\s$", "\u{a0}", [YES, NO, YES]),
    (r"^\s$", "\u{85}", [YES, NO, NO]),
    (r"^\s$", "\u{1c}", [YES, NO, NO]),
    (r"^\s$", "\u{feff}", [NO, NO, YES]),
    (r"^\s$", "\u{180e}", [NO, NO, NO]),
    (r"^\S+$", "a\u{2003}b", [NO, YES, NO]),
    (r"^.$", "\r", [YES, YES, NO]),
    (r"^.$", "\u{2028}", [YES, YES, NO]),
    (r"^.$", "\n", [NO, NO, NO]),
    (r"^.$", "\u{1F600}", [YES, YES, YES]),
    (r"\b\u00e9", "\u{e9}", [YES, NO, NO]),
    ("\\b\u{e9}", "\u{e9}", [YES, NO, NO]),
    (r"a\b", "a\u{e9}", [NO, YES, YES]),
    (r"^\B", "", [NO, NO, YES]),
    (r"a\Bb", "ab", [YES, YES, YES]),
    // Case.
    ("(?i)^[a-z]+$", "ABC", [YES, YES, None]),
    ("(?i)^k$", "\u{212a}", [YES, NO, None]),
    ("(?i)^s$", "\u{17f}", [YES, NO, None]),
    ("(?i)^\u{130}$", "i", [YES, NO, None]),
    ("(?i)^\u{131}$", "I", [YES, NO, None]),
    ("(?i)^\u{df}$", "\u{1e9e}", [YES, NO, None]),
    ("(?i)^\u{e9}$", "\u{c9}", [YES, NO, None]),
    ("(?i)^[^k]$", "\u{212a}", [NO, YES, None]),
    ("(?i)^\u{3c3}$", "\u{3c2}", [YES, NO, None]),
    ("(?iu)^\u{e9}$", "\u{c9}", [YES, YES, None]),
    ("(?iu)^k$", "\u{212a}", [YES, YES, None]),
    ("(?ia)^k$", "\u{212a}", [NO, None, None]),
    ("(?ia)^k$", "K", [YES, None, None]),
    ("(?u)^\\w$", "\u{e9}", [YES, YES, None]),
    ("(?a)^\\w$", "\u{e9}", [NO, None, None]),
    ("^(?i:a)b$", "Ab", [YES, None, None]),
    ("(?i)^a(?-i:b)$", "AB", [NO, None, None]),
    ("a(?i)", "A", [None, YES, None]),
    ("(?L)a", "a", [None, None, None]),
    // Lines, dots and comments.
    ("(?m)^b$", "a\nb\nc", [YES, YES, None]),
    ("(?s)^.$", "\n", [YES, YES, None]),
    ("(?x) ^ a b # c\n $", "ab", [YES, YES, None]),
    ("^a(?#b)c$", "ac", [YES, YES, None]),
    // Braces.
    ("^{[a-z]+}$", "{ab}", [YES, YES, None]),
    ("^a{,3}$", "aa", [YES, YES, None]),
    ("^a{,3}$", "aaaa", [NO, NO, None]),
    ("^a{,}$", "aaaa", [YES, YES, None]),
    ("^x{}$", "x{}", [YES, YES, None]),
    ("^x{1$", "x{1", [YES, YES, None]),
    ("^x{1, 2}$", "x{1, 2}", [YES, YES, None]),
    ("^x{1,2}$", "xx", [YES, YES, YES]),
    ("^}$", "}", [YES, YES, None]),
    ("^]$", "]", [YES, YES, None]),
    // Groups and references.
    ("^(?P<y>[0-9]{4})$", "2014", [YES, YES, None]),
    ("^(?P<y>a)(?P=y)$", "aa", [YES, YES, None]),
    ("^(?<y>a)\\k<y>$", "aa", [None, None, YES]),
    (r"^(a)\1$", "aa", [YES, YES, YES]),
    (r"^(a)?\1b$", "b", [NO, NO, YES]),
    (r"\1(a)", "a", [None, None, YES]),
    ("^(a)?(?(1)b|c)$", "ab", [YES, YES, None]),
    ("^(a)?(?(1)b|c)$", "ac", [NO, NO, None]),
    ("^(a)?(?(1)b|c)$", "c", [YES, YES, None]),
    ("^(?!ab)a", "ac", [YES, YES, YES]),
    ("(?<=a)b", "ab", [YES, YES, YES]),
    ("(?<=a+)b", "aab", [None, None, YES]),
    ("^(?>a+)a", "aaa", [NO, None, None]),
    ("^a++a", "aaa", [NO, None, None]),
    // Brackets.
    ("^[]a]$", "]", [YES, YES, None]),
    ("^[^]a]$", "]", [NO, NO, None]),
    ("^[^]$", "\n", [None, None, YES]),
    ("[]", "a", [None, None, NO]),
    ("^[a-]$", "-", [YES, YES, YES]),
    (r"^[\w-]$", "-", [YES, YES, YES]),
    (r"[a-\d]", "a", [None, None, None]),
    (r"[z-a]", "a", [None, None, None]),
    ("^[[a]$", "[", [YES, YES, YES]),
    ("^[a&&b]$", "&", [YES, YES, YES]),
    (r"^[\b]$", "\u{8}", [YES, YES, YES]),
    // Escapes.
    (r"\Aab\Z", "ab", [YES, YES, None]),
    (r"^\/$", "/", [YES, YES, YES]),
    (r"^\-$", "-", [YES, YES, None]),
    (r"^[\-]$", "-", [YES, YES, YES]),
    (r"^\_$", "_", [YES, YES, None]),
    (r"^\q$", "q", [None, YES, None]),
    (r"^\x41$", "A", [YES, YES, YES]),
    (r"^\u0041$", "A", [YES, NO, YES]),
    (r"^\u{1F600}$", "\u{1F600}", [None, NO, YES]),
    (r"^\ud83d\ude00$", "\u{1F600}", [NO, NO, YES]),
    (r"^\U0001F600$", "\u{1F600}", [YES, NO, None]),
    (r"^\cJ$", "\n", [None, NO, YES]),
    (r"^\a$", "\u{7}", [YES, YES, None]),
    (r"^\0$", "\u{0}", [YES, YES, YES]),
    (r"^\012$", "\n", [YES, YES, None]),
    (r"^\141$", "a", [YES, YES, None]),
    (r"\400", "\u{0}", [None, YES, None]),
    (r"^\p{L}$", "\u{e9}", [None, NO, YES]),
    (r"^\p{Script=Greek}$", "\u{3b1}", [None, NO, YES]),
    (r"^\P{Lu}$", "A", [None, NO, NO]),
    (r"\p{greek}", "a", [None, NO, None]),
    (r"\N{BULLET}", "a", [None, NO, None]),
    // What is wrong.
    ("a**", "a", [None, None, None]),
    ("^*", "a", [None, None, None]),
    ("(a", "a", [None, None, None]),
    ("a)", "a", [None, None, None]),
    ("a{2,1}", "a", [None, None, None]),
    ("a\\", "a", [None, None, None]),
    ("[a", "a", [None, None, None]),
    ("(?=a)*", "b", [YES, YES, None]),
    (r"\b*", "b", [None, None, None]),
    (r"(?P<n>a)(?P<n>b)", "ab", [None, None, None]),
];

#[test]
fn patterns_mean_what_they_mean_in_their_dialect() {
    for (index, dialect) in [Python3, Python2, Ecma262].into_iter().enumerate() {
        let rows = TABLE.iter().filter(|row| row.2[index].is_some());
        let rows: Vec<&Row> = rows.collect();
        let schemas: Vec<_> = rows
            .iter()
            .map(|row| json!({ "properties": { "a": { "pattern": row.0 } } }))
            .collect();
        let (set, errors) = load(&schemas, dialect);
        assert!(errors.is_empty(), "{dialect:?}: {errors:#?}");
        for (number, (pattern, text, expected)) in rows.into_iter().enumerate() {
            let judged = validity(&set, &format!("s/{number}"), &json!({ "a": text }));
            let judged = judged == Validity::Valid;
            assert_eq!(
                Some(judged),
                expected[index],
                "{pattern:?} on {text:?}, {dialect:?}"
            );
        }
        for (pattern, ..) in TABLE.iter().filter(|row| row.2[index].is_none()) {
            assert!(
                translate_pattern(pattern, dialect, u64::MAX).is_err(),
                "{pattern:?} is taken for {dialect:?}"
            );
        }
    }
}

#[test]
fn names_of_properties_match_patterns_as_texts_do() {
    let schemas = [
        json!({ "patternProperties": { r"^\d+$": { "type": "null" } }, "additionalProperties": false }),
        // Two patterns with one text for the engine: both apply.
        json!({ "patternProperties": { "^[0-9]$": { "type": "integer" }, "^[0-8]$|^9$": { "minimum": 5 } } }),
        json!({ "propertyNames": { "pattern": "^a$" } }),
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "patternProperties": { "(?i)^a": true },
            "unevaluatedProperties": false,
        }),
    ];
    let (set, errors) = load(&schemas, Python3);
    assert!(errors.is_empty(), "{errors:#?}");
    for (label, valid, invalid) in [
        ("s/0", json!({ "\u{661}\n": null }), json!({ "\u{661}": 1 })),
        ("s/0", json!({}), json!({ "a": null })),
        ("s/1", json!({ "7": 7 }), json!({ "7": 4 })),
        ("s/1", json!({ "9": 7 }), json!({ "9": 7.5 })),
        ("s/2", json!({ "a\n": 1 }), json!({ "ab": 1 })),
        ("s/3", json!({ "Ab": 1 }), json!({ "b": 1 })),
    ] {
        assert_eq!(
            validity(&set, label, &valid),
            Validity::Valid,
            "{valid} by {label}"
        );
        assert_eq!(
            validity(&set, label, &invalid),
            Validity::Invalid,
            "{invalid} by {label}"
        );
    }
}

#[test]
fn a_violation_tells_the_pattern_and_its_place_as_they_were_written() {
    let (set, _) = load(
        &[
            json!({ "properties": { "a": { "pattern": r"^\d$" } } }),
            json!({ "patternProperties": { r"^\w/$": { "type": "null" } } }),
            json!({ "propertyNames": { "pattern": r"^\d$" } }),
        ],
        Python3,
    );
    let told = |label: &str, event: serde_json::Value| {
        let event = event.to_string();
        let mut documents = Documents::default();
        documents.parse(event.as_bytes(), &[event.len() as u32]);
        let told = documents.explain(0, &Pointer::default(), set.find(label).unwrap(), 1);
        (told[0].schema_pointer.clone(), told[0].message.clone())
    };
    assert_eq!(
        told("s/0", json!({ "a": "x" })),
        (
            "/properties/a/pattern".into(),
            r#"value does not match "^\d$""#.into()
        )
    );
    assert_eq!(
        told("s/1", json!({ "a/": 1 })),
        (
            r"/patternProperties/^\w~1$/type".into(),
            "value is not of type \"null\"".into()
        )
    );
    let (pointer, message) = told("s/2", json!({ "x": 1 }));
    assert_eq!(pointer, "/propertyNames/pattern");
    assert!(message.contains(r"^\d$"), "{message}");
}

#[test]
fn a_refused_pattern_is_told_with_its_place_and_the_reason() {
    let (_, errors) = load(
        &[
            json!({ "properties": { "a": { "pattern": "ab(c" } } }),
            json!({ "patternProperties": { "a**": {} } }),
            json!({ "items": { "pattern": r"x\N{BULLET}" } }),
            json!({ "pattern": "(?:[0-9]{1000}){1000}{1}" }),
            json!({ "pattern": "(?:(?:[a-z]{1000}){1000})" }),
            json!({ "$schema": "http://json-schema.org/draft-03/schema#",
                    "properties": { "a": { "type": [{ "pattern": "a(?i)" }] } } }),
            json!({ "definitions": { "unused": { "pattern": "[z-a]" } } }),
        ],
        Python3,
    );
    let all = errors.join("\n");
    for expected in [
        "/s/0.json: at /properties/a/pattern: the pattern is refused, read as one of python3: at character \
         3 of the pattern: this bracket is not closed",
        "/s/1.json: at /patternProperties/a**: the pattern is refused, read as one of python3: at character \
         3 of the pattern: this quantifier follows another one",
        "/s/2.json: at /items/pattern: the pattern is refused, read as one of python3: at character 2 of \
         the pattern: names of characters",
        "/s/3.json: at /pattern: the pattern is refused, read as one of python3: at character 22",
        "/s/4.json: at /pattern: the pattern is refused, read as one of python3: compiled, the pattern takes \
         more than 64 MiB: repeat less",
        "/s/5.json: at /properties/a/type/0/pattern: the pattern is refused",
        "/s/6.json: at /definitions/unused/pattern: the pattern is refused",
    ] {
        assert!(all.contains(expected), "{expected} is not in:\n{all}");
    }
    assert_eq!(errors.len(), 7, "{all}");
}

#[test]
fn large_counts_are_taken_within_the_bound() {
    let schemas = [
        json!({ "pattern": "^.{0,20000}$" }),
        json!({ "pattern": r"^\w{1,255}$" }),
        json!({ "pattern": "^[a-z]{1,65535}$" }),
    ];
    let (set, errors) = load(&schemas, Python3);
    assert!(errors.is_empty(), "{errors:#?}");
    let of = |count: usize| json!("x".repeat(count));
    for (label, most) in [("s/0", 20_000), ("s/1", 255), ("s/2", 65_535)] {
        assert_eq!(validity(&set, label, &of(most)), Validity::Valid, "{label}");
        assert_eq!(
            validity(&set, label, &of(most + 1)),
            Validity::Invalid,
            "{label}"
        );
    }
}
