//! Where commands search schemas, and by which rules they read them.

mod support;

use landfall_tests::paths;
use support::{run_landfall, text};

#[test]
fn schema_validate_takes_a_draft03_schema_as_it_is_written_unless_a_configuration_closes_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let write =
        |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    write(
        "schema.json",
        r#"{"$schema":"http://json-schema.org/draft-03/schema#","properties":{"a":{"type":"string"}}}"#,
    );
    write("event.ndjson", "{\"a\":\"x\",\"more\":1}\n");
    write("default.toml", "");
    write("closed.toml", "[schemas]\ndraft03 = \"closed\"\n");
    write("open.toml", "[schemas]\ndraft03 = \"open\"\n");
    write("wrong.toml", "[schemas]\ndraft03 = \"ajar\"\n");
    let validate = [
        "schema",
        "validate",
        "--schema",
        "schema.json",
        "event.ndjson",
    ];
    for (more, code) in [
        (&[][..], 0),
        (&["--draft03", "closed"], 1),
        (&["--draft03", "open"], 0),
        (&["--config", "default.toml"], 1),
        (&["--config", "closed.toml"], 1),
        (&["--config", "open.toml"], 0),
        (&["--config", "closed.toml", "--draft03", "open"], 0),
        (&["--config", "open.toml", "--draft03", "closed"], 1),
        (&["--config", "wrong.toml"], 2),
        (&["--draft03", "ajar"], 2),
    ] {
        let output = run_landfall(dir.path(), &[&validate, more].concat());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{more:?}: {}",
            text(&output)
        );
    }
}

#[test]
fn a_program_that_is_copied_with_its_schemas_finds_them_beside_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let make = |path: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        path
    };
    let program = make("usr/bin/landfall");
    std::fs::copy(paths::landfall(), &program).expect("copied");
    let schema = r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#;
    std::fs::write(make("usr/share/landfall/schemas/App/1.json"), schema).expect("written");
    let config = r#"
        streams = { raw = { codec = "json" }, written = { codec = "json" } }
        [[checks]]
        name = "schema-validity"
        path = "schema_validity.wasm"
        streams = ["raw"]
        decides = true
        config = { at = "/event" }
    "#;
    std::fs::write(make("etc/landfall.toml"), config).expect("written");
    let event =
        r#"{"uuid":"a","dt":"2026-01-01T00:00:00Z","schema":"App","revision":1,"event":{}}"#;
    std::fs::write(make("events.ndjson"), format!("{event}\n")).expect("written");
    let audit = || {
        let mut command = std::process::Command::new(&program);
        command
            .current_dir(dir.path())
            .args(["audit", "--config", "etc/landfall.toml"]);
        command.args(["--raw", "events.ndjson", "--written", "events.ndjson"]);
        text(&command.output().expect("it runs"))
    };
    let answer = audit();
    assert!(answer.contains("1 delivered"), "{answer}");
    // A directory of that name beside the configuration comes first.
    std::fs::create_dir(dir.path().join("etc/schemas")).expect("made");
    let answer = audit();
    assert!(
        answer.contains("schema-validity: unknown_schema"),
        "{answer}"
    );
}
