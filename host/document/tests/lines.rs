//! `validate_lines`, as the command line shows it.

use std::path::Path;

use landfall_document::{LinesError, SchemaRules, Summary, validate_lines};

fn schemas() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn run(
    file: &Path,
    root: Option<&Path>,
    lines: &str,
    json: bool,
) -> (Result<Summary, LinesError>, String) {
    let mut out = String::new();
    let summary = validate_lines(
        file,
        root,
        SchemaRules::default(),
        lines.as_bytes(),
        &mut |answer| {
            out += answer;
            out += "\n";
            Ok(())
        },
        &mut |_| {},
        json,
    );
    (summary, out)
}

const EVENTS: &str = concat!(
    r#"{"id":1,"title":"A","ns":0}"#,
    "\n\n  \r\n",
    r#"{"id":-1,"title":"","ns":0}"#,
    "\r\n",
    r#"{"id":1,"title":"A","ns":NaN}"#,
    "\n{\"id\":1\n[]",
);

#[test]
fn each_event_gets_one_line() {
    let file = schemas().join("PageChange/fragments/page/1.0.0.json");
    let (summary, out) = run(&file, None, EVENTS, false);
    assert_eq!(
        summary.unwrap(),
        Summary {
            valid: 1,
            invalid: 4,
            undecodable: 1
        }
    );
    assert_eq!(
        out.lines().collect::<Vec<_>>(),
        [
            "valid",
            "invalid: /id: value is less than the minimum of 0; /title: value is shorter than 1 character",
            "invalid: the event holds NaN, which JSON does not have",
            "invalid: the event is no JSON: unexpected at byte 8",
            "invalid: value is not of type \"object\"",
        ]
    );
}

#[test]
fn each_event_gets_one_json_object() {
    let file = schemas().join("PageChange/fragments/page/1.0.0.json");
    let (_, out) = run(&file, None, EVENTS, true);
    let answers: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 5);
    assert_eq!(answers[0], serde_json::json!({"valid": true, "errors": []}));
    assert_eq!(
        answers[1]["errors"][0],
        serde_json::json!({"pointer": "/id", "message": "value is less than the minimum of 0", "schema_pointer": "/properties/id/minimum"})
    );
    assert_eq!(answers[2]["valid"], false);
    assert_eq!(
        answers[2]["errors"][0]["message"],
        "the event holds NaN, which JSON does not have"
    );
}

#[test]
fn references_are_followed_from_the_place_that_the_identifier_tells_or_the_given_one() {
    let file = schemas().join("PageChange/2.0.0.json");
    let event = r#"{"change":"edit","page":{"id":1,"title":"A","ns":0},"performer":{"text":"x","groups":[]},
        "revision":{"id":1,"at":"now","sizeBytes":1,"slots":{"main":{"contentModel":"text","sizeBytes":1}}}}"#
        .replace('\n', " ");
    let (summary, out) = run(&file, None, &event, false);
    assert_eq!(
        summary.unwrap(),
        Summary {
            valid: 1,
            invalid: 0,
            undecodable: 0
        },
        "{out}"
    );
    let (summary, _) = run(
        &file,
        Some(&schemas()),
        &event.replace("\"ns\":0", "\"ns\":\"0\""),
        false,
    );
    assert_eq!(
        summary.unwrap(),
        Summary {
            valid: 0,
            invalid: 1,
            undecodable: 0
        }
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let (summary, _) = run(&file, Some(elsewhere.path()), &event, false);
    let error = summary.unwrap_err().to_string();
    assert!(
        error.contains("the reference leads to PageChange/fragments/page/1.0.0, which is not in"),
        "{error}"
    );
}

#[test]
fn a_schema_that_is_not_there_is_an_error_that_names_it() {
    let (summary, out) = run(Path::new("/absent/1.json"), None, EVENTS, false);
    let error = summary.unwrap_err().to_string();
    assert!(
        error.starts_with("failed to load the schema /absent/1.json: it cannot be read:"),
        "{error}"
    );
    assert_eq!(out, "");
}

#[test]
fn a_line_without_end_is_refused() {
    let file = schemas().join("PageTiming/3.json");
    let (summary, _) = run(&file, None, &" ".repeat(17 * 1024 * 1024), false);
    assert!(
        summary
            .unwrap_err()
            .to_string()
            .contains("failed to read line 1")
    );
}

#[test]
fn with_a_root_references_by_identifier_lead_where_they_do_in_the_sidecar() {
    let root = tempfile::tempdir().unwrap();
    let schema =
        |rest: &str| format!(r#"{{"$schema":"http://json-schema.org/draft-07/schema#",{rest}}}"#);
    for (file, text) in [
        (
            "named/1.json",
            schema(r#""$id":"https://example.org/named","type":"integer""#),
        ),
        (
            "use/1.json",
            schema(r#""properties":{"a":{"$ref":"https://example.org/named#"}}"#),
        ),
        ("broken/1.json", "{".to_owned()),
    ] {
        std::fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
        std::fs::write(root.path().join(file), text).unwrap();
    }
    let file = root.path().join("use/1.json");
    let (summary, out) = run(&file, Some(root.path()), "{\"a\":1}\n{\"a\":\"x\"}", false);
    assert_eq!(
        summary.unwrap(),
        Summary {
            valid: 1,
            invalid: 1,
            undecodable: 0
        },
        "{out}"
    );
}

#[test]
fn an_event_that_cannot_be_judged_is_not_valid_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("s.json");
    let schema =
        r#"{"$schema":"http://json-schema.org/draft-07/schema#","pattern":"^(a|b|ab)*(?!x)c$"}"#;
    std::fs::write(&file, schema).unwrap();
    let (summary, out) = run(
        &file,
        None,
        &format!("\"{}d\"\n\"abc\"", "ab".repeat(28)),
        false,
    );
    assert_eq!(
        summary.unwrap(),
        Summary {
            valid: 1,
            invalid: 1,
            undecodable: 0
        }
    );
    assert!(out.starts_with("invalid: could not be judged"), "{out}");
}

#[test]
fn lines_that_are_no_documents_are_counted_apart() {
    let file = schemas().join("PageChange/fragments/page/1.0.0.json");
    for (lines, undecodable, documents) in [
        ("", 0, 0),
        ("\n \n", 0, 0),
        ("{\n", 1, 0),
        ("\n{\n}\n", 2, 0),
        ("{\n{}\n", 1, 1),
        ("{\n[]\nNaN\n", 1, 2),
    ] {
        let summary = run(&file, None, lines, false).0.unwrap();
        assert_eq!(summary.undecodable, undecodable, "{lines:?}");
        assert_eq!(summary.documents(), documents, "{lines:?}");
    }
}
