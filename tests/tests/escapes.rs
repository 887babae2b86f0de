//! Text of events, checks, files and configuration is escaped in log, terminal, HTTP and the store: it ends no
//! line, moves no cursor and turns no text, wherever it is shown.

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use landfall_tests::paths;
use landfall_tests::sidecar::Process;
use landfall_tests::wait::await_until;
use landfall_tests::wire::Publisher;
use serde_json::{Value, json};

/// A line that is not ours, if it stands at the beginning of one.
const FORGED: &str = "2026-01-01T00:00:00Z ERROR landfall: forged";

/// Ends a line, clears the screen, sets the title, turns the text, hides.
fn hostile(name: &str) -> String {
    format!(
        "{name}\n{FORGED}\r\x1b[2J\x1b]0;t\x07\u{9b}31m\u{7f}\u{202e}\u{2066}\u{2028}\u{200b}\u{feff} C:\\new"
    )
}

/// As it can stand in a file of TOML.
fn quoted(text: &str) -> String {
    let escape = |char: char| match char {
        ' '..='~' => char.to_string(),
        other => format!("\\u{:04x}", u32::from(other)),
    };
    let json = text.replace('\\', "\\\\");
    format!("\"{}\"", json.chars().map(escape).collect::<String>())
}

/// Nothing raw, and no line that is not ours.
fn assert_clean(what: &str, output: &str) {
    for line in output.split('\n') {
        let odd = line.chars().find(|char| {
            char.is_control()
                || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        });
        assert_eq!(odd, None, "{what}: {line:?}");
        assert!(!line.starts_with(FORGED), "{what}: {line:?}");
    }
}

/// The text that it must show, escaped once.
fn assert_tells(what: &str, output: &str, name: &str) {
    assert_clean(what, output);
    let told = format!("{name}\\n{FORGED}");
    assert!(
        output.contains(&told),
        "{what} does not tell {told:?}:\n{output}"
    );
}

/// The text that it must show in JSON or for Prometheus, in whose own form a backslash is two.
fn assert_tells_quoted(what: &str, output: &str, name: &str) {
    assert_clean(what, output);
    let told = format!("{name}\\\\n{FORGED}");
    assert!(
        output.contains(&told),
        "{what} does not tell {told:?}:\n{output}"
    );
}

struct Rig {
    dir: tempfile::TempDir,
    process: Option<Process>,
    raw: Publisher,
    written: Publisher,
}

fn check(name: &str, file: &str, streams: &str, config: &str) -> String {
    format!(
        "[[checks]]\nname = \"{name}\"\npath = \"{file}\"\nstreams = {streams}\nconfig = {config}\n"
    )
}

impl Rig {
    fn start(log: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let context = zmq::Context::new();
        let raw = Publisher::bind(&context).expect("a publisher");
        let written = Publisher::bind(&context).expect("a publisher");
        let schemas = dir.path().join("schemas");
        std::fs::create_dir_all(schemas.join("S")).expect("a directory");
        std::fs::write(
            schemas.join("S").join(format!("{}.json", hostile("file"))),
            "{}",
        )
        .expect("written");
        std::fs::write(
            schemas.join("S/1.json"),
            json!({ hostile("keyword"): 1, "$schema": hostile("draft") }).to_string(),
        )
        .expect("written");
        let text = |name: &str| quoted(&hostile(name));
        let checks = [
            check(
                "codec",
                "hostile_codec.wasm",
                "[\"raw\"]",
                &format!(
                    "{{ do = \"say\", marker = \"unread\", text = {} }}",
                    text("codec-detail")
                ),
            ),
            check(
                "says",
                "hostile_check.wasm",
                "[\"raw\"]",
                &format!(
                    "{{ do = \"say\", marker = \"said\", column = \"\", text = {} }}",
                    text("check-detail")
                ),
            ),
            check(
                "fails",
                "hostile_check.wasm",
                "[\"raw\"]",
                &format!(
                    "{{ do = \"err\", marker = \"failed\", column = \"\", text = {} }}",
                    text("check-error")
                ),
            ),
            check(
                "parity",
                "hostile_parity.wasm",
                "[\"raw\", \"written\"]",
                &format!(
                    "{{ do = \"say\", when = \"explain\", text = {} }}",
                    text("parity-field")
                ),
            ),
            check(
                "window",
                "hostile_window.wasm",
                "[\"raw\"]",
                &format!("{{ do = \"say\", text = {} }}", text("window-finding")),
            ),
        ];
        let config = format!(
            "[event]\nkey = \"/id\"\nschema = \"/schema\"\nrevision = \"/revision\"\ntime = [\"/ts\"]\n[streams.raw]\nendpoints = [\"{}\"]\ncodec = \"codec\"\n\
             [streams.written]\nendpoints = [\"{}\"]\n[schemas]\ndir = \"schemas\"\n[deadlines]\ndefault = \"1s\"\n\
             [deadlines.schemas]\n{} = \"2s\"\n[windows]\nlength = \"1s\"\n[incidents]\nstall = \"1h\"\nstall_schema = \"0s\"\n\
             [ledger]\nunexpected_grace = \"1s\"\n[judge]\nworkers = 1\n[store]\ndir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
             [log]\nformat = \"{log}\"\n[guests]\ndir = \"{}\"\n{}",
            raw.endpoint(),
            written.endpoint(),
            quoted(&format!("{}/1", hostile("schema"))),
            paths::guests().display(),
            checks.concat(),
        );
        std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
        let mut rig = Self {
            dir,
            process: None,
            raw,
            written,
        };
        match Process::start(
            &paths::landfall(),
            &rig.dir.path().join("landfall.toml"),
            &rig.dir.path().join("log"),
        ) {
            Ok(process) => rig.process = Some(process),
            Err(error) => panic!("{error}"),
        }
        assert!(rig.raw.await_subscriptions(1) && rig.written.await_subscriptions(1));
        rig
    }

    fn get(&self, path: &str) -> String {
        let process = self.process.as_ref().expect("it runs");
        process.get(path).expect("an answer").body
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).expect("the log")
    }

    fn await_log(&self, text: &str) {
        await_until(&format!("the log says {text}"), || {
            self.log().contains(text)
        });
    }

    fn replace(&self, old: &str, new: &str) {
        let path = self.dir.path().join("landfall.toml");
        let text = std::fs::read_to_string(&path).expect("the configuration");
        assert!(text.contains(old), "{text}");
        std::fs::write(path, text.replace(old, new)).expect("written");
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let path = self.dir.path().join("data/landfall.sqlite");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let store = rusqlite::Connection::open_with_flags(path, flags).expect("the store");
        let mut statement = store.prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("texts")
    }

    fn send(&self) {
        let event = |name: &str, extra: Value| {
            json!({ "id": hostile(name), "schema": hostile("schema"), "revision": 1, "x": extra })
                .to_string()
        };
        // One by one: a batch is refused by its codec as a whole.
        for (frames, events) in [
            ("", 1),
            ("unread", 2),
            ("said", 3),
            ("failed", 4),
            ("altered", 5),
            ("missing", 6),
        ] {
            self.raw
                .send(event(&format!("key-{frames}"), json!(frames)).as_bytes())
                .expect("sent");
            await_until("the frame is read", || {
                self.process
                    .as_ref()
                    .expect("it runs")
                    .metrics()
                    .count("landfall_frames_total", &[("stream", "raw")])
                    >= events
            });
            if frames == "altered" {
                self.written
                    .send(event("key-altered", json!("other")).as_bytes())
                    .expect("sent");
            } else if frames != "missing" {
                self.written
                    .send(event(&format!("key-{frames}"), json!(frames)).as_bytes())
                    .expect("sent");
            }
        }
    }
}

/// Both its outputs.
fn landfall(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(paths::landfall());
    command.current_dir(dir).env_remove("RUST_LOG").args(args);
    command
        .stdin(Stdio::null())
        .output()
        .expect("landfall runs")
}

fn outputs(output: &Output) -> String {
    support::text(output)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, door by door")]
fn hostile_text_comes_out_of_a_running_landfall_escaped_at_every_door() {
    for format in ["text", "json"] {
        let mut rig = Rig::start(format);
        rig.send();
        await_until("samples of all kinds are kept", || {
            rig.texts("SELECT DISTINCT kind FROM samples").len() >= 4
        });
        await_until("an event is missing", || {
            !rig.texts("SELECT key FROM missing").is_empty()
        });
        await_until("the window check found something", || {
            !rig.texts("SELECT id || '' FROM incidents WHERE cause = 'finding'")
                .is_empty()
        });
        // A check that refuses its configuration, with a text like that of an event.
        rig.replace(
            "do = \"say\", marker = \"said\"",
            "do = \"err\", when = \"configure\"",
        );
        rig.await_log("stays at version");
        // A configuration that is no longer one, and quotes what it found.
        rig.replace(
            "default = \"1s\"",
            &format!("default = {}", quoted(&hostile("setting"))),
        );
        rig.await_log("is not reloaded");
        await_until("a row of a fault is reported", || {
            rig.log().contains("check-error")
        });

        let log = rig.log();
        assert_clean("log", &log);
        for name in ["check-detail", "window-finding", "setting"] {
            match format {
                "text" => assert_tells("log", &log, name),
                _ => assert!(
                    log.contains(&format!("{name}\\n{FORGED}"))
                        || log.contains(&format!("{name}\\u000a{FORGED}")),
                    "{name}: {log}"
                ),
            }
        }
        if format == "json" {
            for line in log.lines() {
                let _: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            }
        }
        let readyz = rig.get("/readyz");
        assert_clean("/readyz", &readyz);
        let ready: Value = serde_json::from_str(&readyz).expect("JSON");
        let refused = "it refuses its configuration";
        assert!(ready.to_string().contains(refused), "{ready}");
        let metrics = rig.get("/metrics");
        assert_tells_quoted("/metrics", &metrics, "schema");
        assert_clean("/healthz", &rig.get("/healthz"));

        for name in [
            "codec-detail",
            "check-detail",
            "check-error",
            "parity-field",
        ] {
            let details = rig.texts("SELECT detail FROM samples").join("\n");
            assert_tells("samples.detail", &details, name);
        }
        for column in ["reason", "detail", "document"] {
            let texts = rig.texts(&format!("SELECT {column} FROM samples"));
            texts.iter().for_each(|text| {
                assert_clean(column, text);
                assert!(!text.contains('\n'), "{column}: {text:?}");
            });
        }
        // The commands read the same configuration, which has to be valid again.
        rig.replace(
            &format!("default = {}", quoted(&hostile("setting"))),
            "default = \"1s\"",
        );
        let dir = rig.dir.path();
        assert_tells(
            "missing",
            &outputs(&landfall(dir, &["missing"])),
            "key-missing",
        );
        assert_tells(
            "incidents",
            &outputs(&landfall(dir, &["incidents"])),
            "window-finding",
        );
        assert_tells(
            "missing --by",
            &outputs(&landfall(dir, &["missing", "--by", "schema"])),
            "schema",
        );
        for args in [&["missing", "--json"][..], &["incidents", "--json"]] {
            let output = outputs(&landfall(dir, args));
            assert_clean(&args.join(" "), &output);
            for line in output.lines() {
                let answer: Value = serde_json::from_str(line).expect("JSON");
                assert!(answer.to_string().len() > 10);
            }
        }
        let missing = landfall(dir, &["missing", "--json"]);
        let all = String::from_utf8(missing.stdout).expect("UTF-8");
        let keys: Vec<Value> = all
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["key"].clone())
            .collect();
        assert!(
            keys.contains(&json!(hostile("key-missing"))),
            "a key is exact in JSON: {keys:?}"
        );
        let left_out = landfall(dir, &["backfill", "--output", "frames.log"]);
        assert_tells("backfill", &outputs(&left_out), "key-missing");
        drop(rig.process.take());
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, command by command")]
fn hostile_files_arguments_settings_and_events_come_out_of_commands_escaped() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path();
    std::fs::create_dir_all(at.join("schemas/S")).expect("a directory");
    std::fs::write(at.join(format!("schemas/S/{}.json", hostile("file"))), "{}").expect("written");
    std::fs::write(at.join("landfall.toml"), "checks = []\n[event]\nkey = \"/id\"\ntime = [\"/ts\"]\n[streams.raw]\ncodec = \"json\"\n[schemas]\ndir = \"schemas\"\n").expect("written");
    let event =
        json!({"id": hostile("key"), "ts": 1_700_000_000, "x": hostile("value")}).to_string();
    std::fs::write(at.join("raw"), format!("{event}\n")).expect("written");
    std::fs::write(at.join("written"), "").expect("written");
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"x": {"enum": [hostile("allowed")]}}});
    std::fs::write(at.join("schema.json"), schema.to_string()).expect("written");
    std::fs::write(
        at.join("bad.json"),
        json!({"$schema": hostile("draft")}).to_string(),
    )
    .expect("written");

    let audit = ["audit", "--raw", "raw", "--written", "written"];
    let output = outputs(&landfall(at, &audit));
    assert_tells("audit", &output, "key");
    assert_tells("audit", &output, "file");
    let output = landfall(at, &[&audit[..], &["--json"]].concat());
    assert_clean("audit --json", &outputs(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["missing_keys"][0], hostile("key"));

    let name = hostile("name");
    for (args, told_name) in [
        (
            &["audit", "--raw", &name, "--written", "written"][..],
            "name",
        ),
        (&["audit", "--raw", "raw", "--written", &name], "name"),
        (
            &[
                "audit",
                "--raw",
                "raw",
                "--written",
                "written",
                "--raw-codec",
                &name,
            ],
            "name",
        ),
        (&["config", "check", "--config", &name], "name"),
        (&["missing", "--config", &name], "name"),
        (&["missing", "--since", &name], "name"),
        (&[name.as_str()], "name"),
        (&["schema", "validate", "--schema", &name, "raw"], "name"),
        (
            &["schema", "validate", "--schema", "bad.json", "raw"],
            "draft",
        ),
        (
            &["schema", "validate", "--schema", "schema.json", &name],
            "name",
        ),
        (
            &[
                "schema",
                "validate",
                "--schema",
                "schema.json",
                "--root",
                &name,
                "raw",
            ],
            "name",
        ),
    ] {
        let output = landfall(at, args);
        assert_ne!(output.status.code(), Some(0), "{args:?}");
        let output = outputs(&output);
        assert_clean(&format!("{args:?}"), &output);
        assert!(
            output.contains(&format!("{told_name}\\n{FORGED}"))
                || output.contains(&format!("{told_name}\\\\n{FORGED}")),
            "{args:?}: {output}"
        );
    }
    let output = landfall(
        at,
        &["schema", "validate", "--schema", "schema.json", "raw"],
    );
    assert_tells_quoted("schema validate", &outputs(&output), "allowed");
    assert_eq!(outputs(&output).lines().count(), 1);
    let output = landfall(
        at,
        &[
            "schema",
            "validate",
            "--json",
            "--schema",
            "schema.json",
            "raw",
        ],
    );
    assert_clean("schema validate --json", &outputs(&output));
    assert_eq!(outputs(&output).lines().count(), 1);

    for (setting, value) in [
        ("LANDFALL__STORE__KEEP", hostile("keep")),
        ("LANDFALL__NO__SUCH", hostile("x")),
    ] {
        for args in [
            &["config", "check"][..],
            &["config", "check", "--json"],
            &["missing"],
        ] {
            let mut command = Command::new(paths::landfall());
            let output = command
                .current_dir(at)
                .env(setting, &value)
                .args(args)
                .output();
            let output = output.expect("landfall runs");
            assert_ne!(output.status.code(), Some(0), "{args:?}");
            assert_clean(&format!("{setting} {args:?}"), &outputs(&output));
        }
    }
}

#[test]
fn what_a_peer_says_that_is_no_publisher_is_reported_escaped_once() {
    let peer = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = peer.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in peer.incoming() {
            let _ = stream.and_then(|mut stream| {
                std::io::Write::write_all(&mut stream, b"a\\b\x1b[2J\n\xe2\x80\xae forged")
            });
        }
    });
    let dir = tempfile::tempdir().expect("a directory");
    let context = zmq::Context::new();
    let written = Publisher::bind(&context).expect("a publisher");
    let config = format!(
        "checks = []\n[streams.raw]\ncodec = \"json\"\nendpoints = [\"tcp://{address}\"]\n[streams.written]\n\
         endpoints = [\"{}\"]\n[store]\ndir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n",
        written.endpoint()
    );
    std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
    let log = std::fs::File::create(dir.path().join("log")).expect("a log");
    let mut child = Command::new(paths::landfall())
        .current_dir(dir.path())
        .env_remove("RUST_LOG")
        .arg("run")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("shared"))
        .stderr(log)
        .spawn()
        .expect("landfall runs");
    let read = || std::fs::read_to_string(dir.path().join("log")).expect("the log");
    await_until("the peer is reported", || read().contains("it begins with"));
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let log = read();
    assert_clean("log", &log);
    let once = "it begins with \"a\\\\b\\u{1b}[2J\\n\\u{202e} forged\"";
    assert!(log.contains(once), "{log}");
}
