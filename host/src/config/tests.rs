//! The default has the values that its text shows, and every error has its place and remedy.
//!
//! Long: it is one table of errors for each section.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::of(
        variables
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned())),
    )
}

/// Loads a text as a file; messages begin with `landfall.toml`.
pub(super) fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("landfall.toml");
    std::fs::write(&file, text).unwrap();
    let loaded = Config::load_with(Some(&file), &environment(variables));
    let prefix = format!("{}/", directory.path().display());
    loaded.map_err(|errors| errors.to_string().replace(&prefix, ""))
}

#[test]
fn the_default_text_is_the_default() {
    let mut config = load(DEFAULT_TEXT, &[]).unwrap();
    config.places = Places::default();
    assert_eq!(config, Config::default());
}

#[test]
fn every_setting_stands_in_the_default_text() {
    let mut findings = Findings::default();
    let table = node::parse(DEFAULT_TEXT, &mut findings.errors);
    Config::read(table, &mut findings);
    assert_eq!(findings.errors, []);
    let unset: Vec<_> = findings
        .fields
        .iter()
        .filter(|field| !findings.origins.contains_key(*field))
        // The first check shows every setting of a check.
        .filter(|field| !field.starts_with("checks[") || field.starts_with("checks[0]"))
        .collect();
    assert!(unset.is_empty(), "not in default.toml: {unset:?}");
}

#[test]
fn every_setting_of_the_default_text_has_a_comment_before_it() {
    let mut commented = false;
    // A stream's second description, and the checks after the first, repeat settings.
    let mut seen = BTreeSet::new();
    for line in DEFAULT_TEXT.lines() {
        let key = line.split(" = ").next().unwrap_or_default();
        match line.chars().next() {
            Some('#') => commented = true,
            None => commented = false,
            Some('[') => {}
            Some(_) => assert!(
                !seen.insert(key.to_owned()) || commented,
                "no comment before: {line}"
            ),
        }
    }
}

#[test]
fn an_empty_file_is_the_default_and_a_missing_one_is_an_error() {
    let mut config = load("", &[]).unwrap();
    config.places = Places::default();
    assert_eq!(config, Config::default());
    let missing = Config::load_with(
        Some(Path::new("/nowhere/landfall.toml")),
        &Environment::default(),
    );
    let message = missing.unwrap_err().to_string();
    assert!(
        message.starts_with("/nowhere/landfall.toml: failed to read it: "),
        "{message}"
    );
}

#[test]
fn all_errors_are_reported_at_once_with_line_field_and_remedy() {
    let text = r#"[clock]
speed = "fast"
[event]
key = "uuid"
[streams.raw]
endpoint = ["tcp://127.0.0.1:8421"]
endpoints = ["tcp://::1:8421", "tcp://a:1", "tcp://a:1"]
hwm_frames = -1
frame_bytes_max = "1GiB"
codec = "protobuf"
[deadlines.schemas]
"Edit/11" = 20
[windows]
length = "5 minutes"
[store]
dir = 7
[http]
listen = "localhost"
[log]
level = "loud"
[[checks]]
name = "Bad Name"
path = "a.wasm"
decides = "yes"
[[checks]]
name = "twice"
path = "b.wasm"
streams = ["row"]
[[checks]]
name = "twice"
colour = 1
[stroe]
dir = "x"
"#;
    insta::assert_snapshot!(load(text, &[]).unwrap_err());
}

#[test]
fn syntax_errors_name_their_line() {
    let message = load("[clock]\nspeed = \n[event\n", &[]).unwrap_err();
    assert!(message.starts_with("landfall.toml:2: "), "{message}");
    assert!(message.contains("\nlandfall.toml:3: "), "{message}");
}

#[test]
fn the_environment_overrides_the_file() {
    let variables = [
        ("LANDFALL__STORE__DIR", "/data/2014"),
        ("LANDFALL__CLOCK__SPEED", "600"),
        ("LANDFALL__LOG__LEVEL", "debug"),
        (
            "LANDFALL__STREAMS__RAW__ENDPOINTS",
            r#"["ipc:///a", "ipc:///b"]"#,
        ),
        ("LANDFALL__STREAMS__WRITTEN__ENDPOINTS", "tcp://[::1]:8600"),
        ("LANDFALL__STREAMS__RAW__IPV6", "false"),
        ("LANDFALL__JUDGE__WORKERS", "3"),
        ("LANDFALL__DEADLINES__SCHEMAS", r#"{ "Edit/11" = "20m" }"#),
        ("LANDFALL__HTTP__LISTEN", ""),
        ("LANDFALL_GUESTS", "/guests"),
        ("HOME", "/root"),
    ];
    let config = load("[store]\ndir = \"here\"\nkeep = \"1d\"\n", &variables).unwrap();
    assert_eq!(config.store_dir(), Path::new("/data/2014"));
    assert_eq!(config.store.keep, Duration::from_secs(86_400));
    assert_eq!(config.clock.speed, 600.0);
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(
        config.streams.raw.source.endpoints(),
        ["ipc:///a", "ipc:///b"]
    );
    assert_eq!(
        config.streams.written.source.endpoints(),
        ["tcp://[::1]:8600"]
    );
    assert!(!config.streams.raw.source.zmq().unwrap().ipv6);
    assert_eq!(config.judge.workers(), 3);
    assert_eq!(config.deadlines.of("Edit/11"), Duration::from_secs(1200));
    assert_eq!(config.http.listen, None);
    assert_eq!(config.places.guests.as_deref(), Some(Path::new("/guests")));
}

#[test]
fn errors_of_the_environment_name_the_variable() {
    let variables = [
        ("LANDFALL__STORE__KEEP", "forever"),
        ("LANDFALL__STORE__DIRR", "/data"),
        ("LANDFALL__STORE__DIR__X", "/data"),
        ("LANDFALL__", "1"),
    ];
    insta::assert_snapshot!(load("[store]\ndir = \"here\"\n", &variables).unwrap_err());
}

#[test]
fn a_variable_of_many_parts_is_refused_before_tables_are_made_of_it() {
    // As long as the system lets one be.
    let name = format!("LANDFALL__{}", ["A"; 40_000].join("__"));
    let message = load("", &[(&name, "1")]).unwrap_err();
    assert!(
        message.contains("its name has 40000 parts"),
        "{}",
        &message[..200]
    );
    let deepest = "LANDFALL__STREAMS__RAW__TOPICS";
    assert!(load("", &[(deepest, "[\"a\"]")]).is_ok());
}

#[test]
fn origins_of_a_replay_are_times_or_texts() {
    for origin in [
        "\"2014-11-18T02:00:00Z\"",
        "2014-11-18T02:00:00Z",
        "\"2014-11-18T03:00:00+01:00\"",
    ] {
        let config = load(&format!("[clock]\norigin = {origin}\n"), &[]).unwrap();
        assert_eq!(config.clock.origin_ms, Some(1_416_276_000_000), "{origin}");
    }
}

#[test]
fn a_checks_configuration_becomes_json() {
    let text = r#"
[[checks]]
name = "eventlogging"
path = "x.wasm"
[checks.config]
share = 0.999
since = 2014-11-18T02:00:00Z
pairs = [{ raw = "/event/action", written = "/event_action" }]
[checks.limits]
memory = "1MiB"
"#;
    let config = load(text, &[]).unwrap();
    let expected = serde_json::json!({
        "share": 0.999,
        "since": "2014-11-18T02:00:00Z",
        "pairs": [{ "raw": "/event/action", "written": "/event_action" }],
    });
    assert_eq!(config.checks.len(), 1);
    assert_eq!(config.checks[0].config, expected);
    assert_eq!(config.checks[0].limits.memory, 1 << 20);
    let infinite = load(
        "[[checks]]\nname = \"eventlogging\"\npath = \"x\"\nconfig = { a = [1, inf] }\n",
        &[],
    );
    assert!(
        infinite
            .unwrap_err()
            .contains("checks[0].config.a[1]: found inf")
    );
}

#[test]
fn what_is_probably_not_meant_is_hinted_at() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("landfall.toml");
    let text = "[deadlines]\ndefault = \"1m\"\n[streams.raw]\nendpoints = []\n[store]\nkeep = \"1m\"\n[windows]\nlength = \"1m\"\n[ledger]\nhorizon = \"30s\"\n";
    std::fs::write(&file, text).unwrap();
    let hints = inspect(Some(&file), &Environment::default(), For::Anything)
        .unwrap()
        .hints;
    let fields: Vec<_> = hints.iter().map(|hint| hint.error.field.as_str()).collect();
    assert_eq!(
        fields,
        ["streams.raw.endpoints", "incidents.stall", "ledger.horizon"]
    );
}

#[test]
fn a_size_or_duration_with_which_nothing_can_work_is_refused_with_the_least_that_can() {
    for (table, setting, wanted) in [
        (
            "streams.raw",
            "frame_bytes_max = \"1B\"",
            "from 256B to 16MiB",
        ),
        ("streams.raw", "frame_bytes_max = 0", "from 256B to 16MiB"),
        ("streams.raw", "hwm_frames = 1", "from 10 to 1000000"),
        (
            "streams.raw",
            "silence = \"1ms\"",
            "from 1s to 36600d; \"0s\" is never",
        ),
        ("streams.raw", "reconnect_min = \"1ms\"", "from 10ms to 1h"),
        ("streams.raw", "reconnect_max = \"1ms\"", "from 10ms to 1h"),
        ("streams.raw", "keepalive_idle = \"1ms\"", "from 1s to 1h"),
        (
            "streams.raw",
            "keepalive_interval = \"0s\"",
            "from 1s to 1h",
        ),
        ("deadlines", "default = \"1ms\"", "from 100ms to 36600d"),
        (
            "deadlines",
            "schemas = { Edit = \"0s\" }",
            "from 100ms to 36600d",
        ),
        ("windows", "length = \"1ms\"", "from 1s to 1d"),
        ("incidents", "stall = \"1ms\"", "from 1s to 36600d"),
        (
            "incidents",
            "stall_schema = \"1ms\"",
            "from 1s to 36600d; \"0s\" is never",
        ),
        ("incidents", "clear = \"0s\"", "from 1s to 36600d"),
        ("ledger", "horizon = \"0s\"", "from 1s to 36600d"),
        ("ledger", "unexpected_grace = \"0s\"", "from 1s to 36600d"),
        ("ledger", "settled_max = 1", "from 1000 to 1000000000"),
        ("ledger", "pending_max = 1", "from 1000 to 1000000000"),
        ("judge", "queue_bytes_max = \"1B\"", "from 64KiB to 16GiB"),
        ("judge", "batch_bytes_max = \"1B\"", "from 1KiB to 64MiB"),
        ("judge", "batch_wait = \"1m\"", "from 0s to 50ms"),
        ("judge", "batch_wait_max = \"1m\"", "from 0s to 500ms"),
        ("store", "spool_bytes_max = \"1B\"", "from 64MiB to 16TiB"),
        ("store", "keep = \"1s\"", "from 1m to 36600d"),
        ("store", "keep = \"1m\"", "it is shorter than a window (5m)"),
        ("compile", "time_max = \"1ms\"", "from 1s to 1h"),
        ("compile", "memory_max = \"1B\"", "from 64MiB to 1TiB"),
        (
            "compile",
            "cache_bytes_max = \"1B\"",
            "from 1MiB to 16TiB; 0 is none",
        ),
        (
            "[checks]",
            "limits = { memory = \"1B\" }",
            "from 64KiB to 1GiB",
        ),
        (
            "[checks]",
            "limits = { batch_time = \"1ms\" }",
            "from 10ms to 1m",
        ),
        (
            "[checks]",
            "limits = { start_time = \"1ms\" }",
            "from 10ms to 1m",
        ),
        (
            "[checks]",
            "limits = { output_bytes_max = 1 }",
            "from 64KiB to 1GiB",
        ),
        (
            "[checks]",
            "limits = { batches_per_instance = 0 }",
            "from 1 to 1000000000",
        ),
    ] {
        let name = setting.split(" = ").next().unwrap();
        let key = if table == "[checks]" {
            setting.split(['{', '=']).nth(2).unwrap().trim()
        } else {
            name
        };
        let message = load(&format!("[{table}]\n{setting}\n"), &[]).unwrap_err();
        let line = message.lines().find(|line| line.contains(key));
        let line = line.unwrap_or_else(|| panic!("{setting}: {message}"));
        assert!(line.contains(wanted), "{setting}: {message}");
    }
    for (table, setting) in [
        ("streams.written", "silence = \"0s\""),
        ("incidents", "stall_schema = \"0s\""),
        ("compile", "cache_bytes_max = 0"),
        ("streams.written", "frame_bytes_max = 256"),
    ] {
        let loaded = load(&format!("[{table}]\n{setting}\n"), &[]);
        assert!(loaded.is_ok(), "{setting}: {loaded:?}");
    }
}

#[test]
fn limits_with_which_a_check_fails_on_what_the_streams_bring_are_hinted_at() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("landfall.toml");
    let text = r#"[streams.raw]
codec = "codec"
[[checks]]
name = "codec"
path = "x"
limits = { output_bytes_max = "512KiB" }
[[checks]]
name = "event"
path = "y"
decides = true
limits = { memory = "64KiB", output_bytes_max = "64KiB" }
[[checks]]
name = "other"
path = "y"
limits = { memory = "1MiB" }
"#;
    std::fs::write(&file, text).unwrap();
    let hints = inspect(Some(&file), &Environment::default(), For::Anything)
        .unwrap()
        .hints;
    let reported: Vec<_> = hints.iter().map(ToString::to_string).collect();
    let reported: Vec<_> = reported
        .iter()
        .filter_map(|hint| hint.split_once("checks[").map(|(_, hint)| hint))
        .filter_map(|hint| hint.split_once(';').map(|(found, _)| found))
        .collect();
    assert_eq!(
        reported,
        [
            "0].limits.output_bytes_max: it is less than the size that a frame may have (1MiB)",
            "1].limits.memory: it is less than the size that a batch may have (1MiB)",
        ]
    );
}

#[test]
fn config_check_names_files_that_are_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("landfall.toml");
    std::fs::write(
        &file,
        "[[checks]]\nname = \"eventlogging\"\npath = \"no-such.wasm\"\n",
    )
    .unwrap();
    let message = Config::check(Some(&file), &Environment::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("landfall.toml:3: checks[0].path: no-such.wasm is in none of: "),
        "{message}"
    );
    assert!(message.contains("schemas.dir: "), "{message}");
}

#[test]
fn the_sidecar_needs_an_endpoint_for_each_stream_and_nothing_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("landfall.toml");
    std::fs::write(
        &file,
        "[streams.raw]\nendpoints = []\n[streams.written]\nendpoints = []\n",
    )
    .unwrap();
    assert!(Config::load_with(Some(&file), &Environment::default()).is_ok());
    let message = Config::load_to_run(Some(&file)).unwrap_err().to_string();
    for line in [
        "landfall.toml:2: streams.raw.endpoints: there are none; name the publisher",
        "landfall.toml:4: streams.written.endpoints: there are none; name the publisher",
    ] {
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn a_check_may_not_ask_for_more_memory_than_the_pool_has() {
    let text = |memory| {
        format!(
            "[[checks]]\nname = \"eventlogging\"\npath = \"x\"\nlimits = {{ memory = \"{memory}\" }}\n"
        )
    };
    assert!(load(&text("1GiB"), &[]).is_ok());
    let message = load(&text("2GiB"), &[]).unwrap_err();
    assert!(
        message.contains("landfall.toml:4: checks[0].limits.memory: ") && message.contains("1GiB"),
        "{message}"
    );
}

/// The errors and hints of a text, one line each, for a command that subscribes.
fn proof(text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("landfall.toml");
    let text = format!("[schemas]\ndir = \".\"\n{text}");
    std::fs::write(
        &file,
        text.clone()
            + "[[checks]]\nname = \"eventlogging\"\npath = \"landfall.toml\"\ndecides = true\n",
    )
    .unwrap();
    let prefix = format!("{}/", directory.path().display());
    let lines = match Config::check(Some(&file), &Environment::default()) {
        Ok(inspected) => inspected
            .hints
            .iter()
            .map(|hint| format!("hint {hint}"))
            .collect::<Vec<_>>(),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    };
    let refused_to_run = Config::load_to_run(Some(&file)).is_err();
    assert_eq!(
        refused_to_run,
        lines.iter().any(|line| !line.starts_with("hint ")),
        "an error for `config check` is an error for `run`: {lines:?}"
    );
    assert!(Config::load_with(Some(&file), &Environment::default()).is_ok());
    lines.iter().map(|line| line.replace(&prefix, "")).collect()
}

#[test]
fn what_proves_nothing_is_an_error_for_who_listens_and_a_hint_where_it_may_be_meant() {
    let streams = |raw: &str, written: &str, more: &str| {
        format!(
            "[streams.raw]\nendpoints = [{raw:?}]\n{more}\n[streams.written]\nendpoints = [{written:?}]\n"
        )
    };
    let (here, there) = ("tcp://127.0.0.1:8600", "tcp://127.0.0.1:8601");
    let topics = |raw: &str, written: &str| {
        let text = streams(here, here, &format!("topics = {raw}"));
        text + &format!("topics = {written}\n")
    };
    for (text, wanted) in [
        (streams(here, there, ""), None),
        (
            streams(here, here, ""),
            Some(
                "landfall.toml:7: streams.written.endpoints: \"tcp://127.0.0.1:8600\": it is an endpoint of streams.raw too; name the writer's publisher",
            ),
        ),
        (
            streams("tcp://localhost:8600", here, ""),
            Some("it is the same as \"tcp://localhost:8600\" of streams.raw"),
        ),
        (
            streams("tcp://[::1]:8600", here, ""),
            Some(
                "hint landfall.toml:7: streams.written.endpoints: \"tcp://127.0.0.1:8600\": it is another address of",
            ),
        ),
        (
            streams("ipc:///run/raw", "ipc:///run//./raw", ""),
            Some("the same as"),
        ),
        // One publisher of two streams that topics separate.
        (topics("[\"r.\"]", "[\"w.\"]"), None),
        (
            topics("[\"r.\"]", "[\"\"]"),
            Some("it is an endpoint of streams.raw too"),
        ),
        (
            topics("[\"r.\"]", "[\"w.\", \"r\"]"),
            Some("it is an endpoint of streams.raw too"),
        ),
        (
            topics("[\"\"]", "[\"w.\"]"),
            Some("hint landfall.toml:5: streams.raw.topics: they also take what"),
        ),
        (
            format!("[event]\nkey = \"/schema\"\n{}", streams(here, there, "")),
            Some("landfall.toml:4: event.key: \"/schema\" is event.schema too"),
        ),
        (
            format!("[event]\nkey = \"/revision\"\n{}", streams(here, there, "")),
            Some("event.key: \"/revision\" is event.revision too"),
        ),
        (
            format!("[event]\nkey = \"/dt\"\n{}", streams(here, there, "")),
            Some("hint landfall.toml:4: event.key: \"/dt\" is one of event.time too"),
        ),
        (
            streams(here, "tcp://localhost:9470", ""),
            Some(
                "streams.written.endpoints: \"tcp://localhost:9470\" is where Landfall serves HTTP",
            ),
        ),
        (
            streams("tcp://[::1]:9470", there, "") + "[http]\nlisten = \"[::1]:9470\"\n",
            Some("streams.raw.endpoints: \"tcp://[::1]:9470\" is where Landfall serves HTTP"),
        ),
        (
            streams("tcp://127.0.0.1:9470", there, "") + "[http]\nlisten = \"[::]:9470\"\n",
            Some("streams.raw.endpoints: \"tcp://127.0.0.1:9470\" is where Landfall serves HTTP"),
        ),
        (
            streams("tcp://[::1]:9470", there, "") + "[http]\nlisten = \"[::]:9470\"\n",
            Some("streams.raw.endpoints: \"tcp://[::1]:9470\" is where Landfall serves HTTP"),
        ),
    ] {
        let reported = proof(&text);
        match wanted {
            None => assert!(reported.is_empty(), "{text}: {reported:?}"),
            Some(wanted) => assert!(
                reported.len() == 1 && reported[0].contains(wanted),
                "{text}: {reported:?}, not {wanted}"
            ),
        }
    }
}

#[test]
fn an_endpoint_that_stands_twice_in_a_stream_is_known_in_each_of_its_spellings() {
    let text = "[streams.raw]\nendpoints = [\"tcp://localhost:1\", \"tcp://127.0.0.1:1\"]\n";
    let message = load(text, &[]).unwrap_err();
    let wanted = "landfall.toml:2: streams.raw.endpoints: \"tcp://127.0.0.1:1\" is the same as \"tcp://localhost:1\"; remove one";
    assert!(message.contains(wanted), "{message}");
}

#[test]
fn code_is_kept_where_the_file_says_or_where_the_environment_has_caches() {
    let cache = |text: &str, variables: &[(&str, &str)]| load(text, variables).unwrap().cache_dir();
    let all = [
        ("HOME", "/home/me"),
        ("XDG_CACHE_HOME", "/caches"),
        ("CACHE_DIRECTORY", "/var/cache/one:/var/cache/two"),
    ];
    let path = |text: &str| Some(PathBuf::from(text));
    assert_eq!(cache("", &[]), None);
    assert_eq!(cache("", &all[..1]), path("/home/me/.cache/landfall"));
    assert_eq!(cache("", &all[..2]), path("/caches/landfall"));
    assert_eq!(cache("", &all), path("/var/cache/one/"));
    assert_eq!(
        cache("", &[("XDG_CACHE_HOME", "relative"), all[0]]),
        path("/home/me/.cache/landfall")
    );
    let text = "[compile]\ncache_dir = \"/code\"\n";
    assert_eq!(cache(text, &all), path("/code"));
    assert_eq!(cache("[compile]\ncache_bytes_max = 0\n", &all), None);
}
