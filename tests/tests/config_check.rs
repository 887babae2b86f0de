//! `landfall config check` finds what `run` would refuse, and settings that would prove nothing.

mod support;

use landfall_tests::wait::await_until;
use serde_json::Value;
use support::{Setup, Sidecar, guest, run_landfall, text};

/// A directory with this configuration, an empty directory of schemas, and a few files of checks.
fn configured(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("schemas")).expect("a directory");
    let module = std::fs::read(guest("example_check.wasm")).expect("a check");
    std::fs::write(dir.path().join("half.wasm"), &module[..module.len() / 2]).expect("written");
    for name in [
        "example_check",
        "hostile_import",
        "eventlogging_codec",
        "field_parity",
    ] {
        let file = format!("{name}.wasm");
        std::fs::copy(guest(&file), dir.path().join(&file)).expect("a copy");
    }
    std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
    dir
}

/// Exit code, errors and hints.
fn checked(config: &str) -> (Option<i32>, Vec<String>, Vec<String>) {
    let dir = configured(config);
    let output = run_landfall(dir.path(), &["config", "check", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["valid"], output.status.code() == Some(0), "{answer}");
    let list = |name: &str| {
        let all = answer[name].as_array().expect("a list").iter();
        all.map(|one| one.as_str().expect("a text").to_owned())
            .collect::<Vec<_>>()
    };
    (output.status.code(), list("errors"), list("hints"))
}

fn check(name: &str, file: &str, more: &str) -> String {
    format!("[[checks]]\nname = \"{name}\"\npath = \"{file}.wasm\"\n{more}\n")
}

const JSON: &str = "[streams.raw]\ncodec = \"json\"\n";
const LIMIT: &str = "config = { at = \"/x\", max = 9 }";

#[test]
fn checks_that_run_would_refuse_are_all_reported_with_line_and_reason() {
    let config = [
        JSON.to_owned(),
        check("half", "half", ""),
        check("good", "example_check", LIMIT),
        check("misspelt", "example_check", "config = { att = \"/x\" }"),
        check("foreign", "hostile_import", ""),
    ]
    .concat();
    let (code, errors, _) = checked(&config);
    assert_eq!(code, Some(1));
    assert_eq!(errors.len(), 3, "{errors:?}");
    for (error, line, why) in [
        (
            &errors[0],
            "landfall.toml:5: checks[0].path: failed to load check half",
            "no WebAssembly",
        ),
        (
            &errors[1],
            "landfall.toml:13: checks[2].path: failed to load check misspelt",
            "it refuses its configuration",
        ),
        (
            &errors[2],
            "landfall.toml:17: checks[3].path: failed to load check foreign",
            "which no check may",
        ),
    ] {
        assert!(error.contains(line) && error.contains(why), "{error}");
    }
    let dir = configured(&config);
    let run = run_landfall(dir.path(), &["run"]);
    assert_eq!(run.status.code(), Some(2), "{}", text(&run));
    for name in ["half", "misspelt", "foreign"] {
        assert!(text(&run).contains(&format!("failed to load check {name}")));
    }
}

#[test]
fn a_check_of_another_kind_than_its_place_needs_is_reported_with_its_line() {
    let codec = "[streams.raw]\ncodec = \"limit\"\n";
    let (code, errors, _) = checked(&(codec.to_owned() + &check("limit", "example_check", LIMIT)));
    assert_eq!((code, errors.len()), (Some(1), 1));
    let wanted = "landfall.toml:2: streams.raw.codec: stream raw names the codec \"limit\"";
    assert!(errors[0].contains(wanted), "{errors:?}");
    let parity = check("parity", "field_parity", "streams = [\"raw\"]\nconfig = {}");
    let (code, errors, _) = checked(&(JSON.to_owned() + &parity));
    assert_eq!((code, errors.len()), (Some(1), 1));
    let wanted = "landfall.toml:6: checks[0].streams: the parity check \"parity\"";
    assert!(errors[0].contains(wanted), "{errors:?}");
}

#[test]
fn what_loads_and_has_no_effect_is_hinted_at() {
    let config = [
        JSON.to_owned(),
        check("codec", "eventlogging_codec", "decides = true"),
        "[deadlines.schemas]\nTypo = \"20m\"\n".into(),
        "[owners.schemas]\n\"Typo/*\" = \"team\"\n\"(other)\" = \"rest\"\n".into(),
        "[owners.checks]\ncodec = \"team\"\n\"codecs*\" = \"team\"\n".into(),
        "[metrics]\nlatency_buckets = [\"1s\", \"5m\"]\n".into(),
    ]
    .concat();
    let (code, errors, hints) = checked(&config);
    assert_eq!((code, errors), (Some(0), vec![]));
    for wanted in [
        "landfall.toml:6: checks[0].decides: codec is a codec, and only an event check decides",
        "landfall.toml:4: checks[0].name: the codec codec decodes no stream",
        "checks: no event check among them decides",
        "schemas.dir: there is no schema in ",
        "deadlines.schemas: there is no schema \"Typo\"",
        "landfall.toml:10: owners.schemas.\"Typo/*\": \"Typo/*\" is the name of no schema",
        "landfall.toml:14: owners.checks.\"codecs*\": \"codecs*\" is the name of no check",
        "landfall.toml:16: metrics.latency_buckets: the last is shorter than the longest deadline (20m)",
    ] {
        let found = hints.iter().filter(|hint| hint.contains(wanted)).count();
        assert_eq!(found, 1, "{wanted}: {hints:#?}");
    }
    assert_eq!(hints.len(), 8, "{hints:#?}");
}

#[test]
fn a_parity_check_that_compares_the_key_alone_is_hinted_at() {
    let parity = |fields: &str| {
        let more = format!(
            "streams = [\"raw\", \"written\"]\nconfig = {{ defaults = false, flatten = [], fields = [{fields}] }}"
        );
        checked(&(JSON.to_owned() + &check("parity", "field_parity", &more)))
    };
    const KEY: &str = "{ raw = \"/uuid\", written = \"/uuid\" }";
    const WANTED: &str = "landfall.toml:7: checks[0].config: the parity check parity compares \"/uuid\" (event.key) and nothing else";
    let (code, errors, hints) = parity(KEY);
    assert_eq!((code, errors), (Some(0), vec![]));
    assert!(hints.iter().any(|hint| hint.contains(WANTED)), "{hints:#?}");
    let (code, errors, hints) = parity(&format!("{KEY}, {{ raw = \"/a\", written = \"/b\" }}"));
    assert_eq!((code, errors), (Some(0), vec![]));
    assert!(
        hints.iter().all(|hint| !hint.contains("nothing else")),
        "{hints:#?}"
    );
}

#[test]
fn a_schema_that_does_not_load_is_reported_as_an_error() {
    let dir = configured(&(JSON.to_owned() + &check("limit", "example_check", LIMIT)));
    let schema = dir.path().join("schemas/Edit");
    std::fs::create_dir(&schema).expect("a directory");
    std::fs::write(schema.join("1.json"), "{ half").expect("written");
    let output = run_landfall(dir.path(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("error: "), "{}", text(&output));
    assert!(text(&output).contains("Edit/1.json"), "{}", text(&output));
    std::fs::write(schema.join("1.json"), "{}").expect("written");
    let output = run_landfall(dir.path(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let said = text(&output);
    assert!(
        said.contains("check limit: event-check 0.1.0, sha256:"),
        "{said}"
    );
    assert!(said.contains("the configuration is valid"), "{said}");
}

#[test]
fn raw_and_written_from_one_publisher_is_refused_by_config_check_and_run() {
    let one = "[streams.raw]\ncodec = \"json\"\nendpoints = [\"tcp://127.0.0.1:8600\"]\n[streams.written]\nendpoints = [\"tcp://localhost:8600\"]\n";
    let dir = configured(&(one.to_owned() + &check("limit", "example_check", LIMIT)));
    let wanted = "landfall.toml:5: streams.written.endpoints: \"tcp://localhost:8600\": it is the same as \"tcp://127.0.0.1:8600\" of streams.raw";
    for (args, code) in [(&["config", "check"][..], 1), (&["run"], 2)] {
        let output = run_landfall(dir.path(), args);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        assert!(text(&output).contains(wanted), "{}", text(&output));
    }
}

#[test]
fn a_configuration_that_runs_passes_also_while_it_runs() {
    let mut sidecar = Sidecar::start(Setup::default());
    let output = sidecar.command(&["config", "check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let kinds: Vec<_> = answer["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|check| check["kind"].as_str().expect("a kind"))
        .collect();
    assert_eq!(kinds, ["codec", "event-check", "parity-check"]);
    await_until("it is ready as before", || {
        sidecar
            .get("/readyz")
            .is_some_and(|answer| answer.status == 200)
    });
    sidecar.stop();
}
