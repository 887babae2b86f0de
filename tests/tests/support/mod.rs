//! Shared by the end-to-end tests: Landfall as a process with its own configuration, two publishers in place
//! of the pipeline, and events that both sides know.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use landfall_tests::identity::{Era, event_uuid};
use landfall_tests::metrics::Metrics;
use landfall_tests::recording::relay::Relay;
use landfall_tests::sidecar::Process;
use landfall_tests::wait::await_until;
use landfall_tests::wire::Publisher;
use landfall_tests::{http, paths, percent};
use serde_json::{Value, json};

/// 2014-11-18T02:00:00Z, in milliseconds.
const START_MS: i64 = 1_416_276_000_000;

const HOST: &str = "cp3022.esams.example.org";

/// One event as all sides see it.
#[derive(Clone)]
pub struct Event {
    pub uuid: String,
    /// The client-side line.
    pub frame: Vec<u8>,
    /// The row that a writer publishes.
    pub row: Value,
}

impl Event {
    pub fn row_text(&self) -> Vec<u8> {
        format!("{}\n", self.row).into_bytes()
    }
}

/// A valid event of schema AppTap/12; all numbers differ in key and content.
pub fn event(number: u64) -> Event {
    make(
        number,
        json!({"appInstallId": install(number), "name": format!("menu{number}")}),
    )
}

/// A valid event of at least this many bytes; its row is cut as by the writer.
pub fn large_event(number: u64, bytes: usize) -> Event {
    let mut event = make(
        number,
        json!({"appInstallId": install(number), "name": "menu", "destination": "d".repeat(bytes)}),
    );
    event.row["event_destination"] = json!("d".repeat(191));
    event
}

/// An event that its schema forbids.
pub fn invalid_event(number: u64) -> Event {
    make(number, json!({"name": 7}))
}

fn install(number: u64) -> String {
    format!("{number:08x}-0000-4000-8000-{number:012x}")
}

fn make(number: u64, event: Value) -> Event {
    event_of(number, "AppTap", 12, event)
}

/// An event of that schema.
pub fn event_of(number: u64, schema: &str, revision: u64, event: Value) -> Event {
    let at_ms = START_MS + number as i64 * 1000;
    let capsule = json!({"event": event, "schema": schema, "revision": revision, "wiki": "enwiki", "webHost": "en.example.org"});
    let clock = time::OffsetDateTime::from_unix_timestamp(at_ms / 1000).expect("a time");
    let stamp = clock
        .format(&time::macros::format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second]"
        ))
        .expect("a text");
    let line = format!(
        "?{};\t{HOST}\t{number}\t{stamp}\t10.1.2.3\t\"Mozilla/5.0\"\n",
        percent::encode(&capsule.to_string())
    );
    let uuid = event_uuid(Era::Timestamp, HOST, number, at_ms);
    let mut row = json!({
        "uuid": uuid, "timestamp": stamp.replace(['-', 'T', ':'], ""), "wiki": "enwiki",
        "webHost": "en.example.org", "userAgent": "Mozilla/5.0",
    });
    for (name, value) in event.as_object().expect("an object") {
        row[format!("event_{name}")] = value.clone();
    }
    Event {
        uuid,
        frame: line.into_bytes(),
        row,
    }
}

/// Settings of a run, with the defaults below.
pub struct Setup {
    pub deadline: &'static str,
    pub stall: &'static str,
    /// Further `[[checks]]` and sections.
    pub extra: String,
    /// Checks of the pipeline: codec, validity, parity.
    pub checks: String,
    pub frame_bytes_max: &'static str,
    /// Further settings of `[streams.raw]`.
    pub raw: &'static str,
    /// Further settings of `[streams.written]`.
    pub written: &'static str,
    /// How many endpoints the written stream has.
    pub written_endpoints: usize,
    /// Whether the first of them can be cut.
    pub is_relayed: bool,
    /// Directory of schemas.
    pub schemas: PathBuf,
    /// The section `[store]`.
    pub store: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            deadline: "2s",
            stall: "1h",
            extra: String::new(),
            checks: pipeline_checks("schema_validity.wasm"),
            frame_bytes_max: "64KiB",
            raw: "",
            written: "",
            written_endpoints: 1,
            is_relayed: false,
            schemas: paths::schemas(),
            store: "[store]\ndir = \"data\"",
        }
    }
}

pub fn pipeline_checks(validity: &str) -> String {
    format!(
        r#"
[[checks]]
name = "eventlogging"
path = "eventlogging_codec.wasm"
streams = ["raw"]
[[checks]]
name = "schema-validity"
path = "{validity}"
streams = ["raw"]
decides = true
config = {{ capsule = {{ schema = "EventCapsule/2014" }}, at = "/event" }}
[[checks]]
name = "field-parity"
path = "field_parity.wasm"
streams = ["raw", "written"]
config = {{ truncate = 191, float = "f32" }}
"#
    )
}

/// Landfall as a process, and the two publishers that it subscribes to.
pub struct Sidecar {
    /// None once it has ended.
    process: Option<Process>,
    pub dir: tempfile::TempDir,
    pub raw: Publisher,
    pub written: Publisher,
    /// Those of further endpoints of the written stream.
    pub others: Vec<Publisher>,
    relay: Option<Relay>,
}

impl Sidecar {
    /// The checks that judge, by name.
    pub fn checks(&self) -> Vec<String> {
        let body = self.get("/readyz").expect("an answer").body;
        let state: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let checks = state["checks"].as_array().expect("checks");
        let name = |check: &serde_json::Value| check["name"].as_str().expect("a name").to_owned();
        checks.iter().map(name).collect()
    }

    /// How often another plan was put in force.
    pub fn plans(&self) -> usize {
        self.log().matches("a new plan is in force").count()
    }

    /// Starts it and waits until it has subscribed and is ready.
    pub fn start(setup: Setup) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let context = zmq::Context::new();
        let raw = Publisher::bind(&context).expect("a raw publisher");
        let written = Publisher::bind(&context).expect("a written publisher");
        let others: Vec<Publisher> = (1..setup.written_endpoints)
            .map(|_| Publisher::bind(&context).expect("a written publisher"))
            .collect();
        let relay = setup
            .is_relayed
            .then(|| Relay::to(written.endpoint()).expect("a relay"));
        let first = match &relay {
            Some(relay) => relay.endpoint(),
            None => written.endpoint().to_owned(),
        };
        let endpoints: Vec<&str> = std::iter::once(first.as_str())
            .chain(others.iter().map(Publisher::endpoint))
            .collect();
        let config = format!(
            r#"
[streams.raw]
endpoints = ["{raw}"]
settle = "0s"
frame_bytes_max = "{frame_bytes_max}"
{raw_settings}
[streams.written]
endpoints = {endpoints:?}
settle = "0s"
{written_settings}
[schemas]
dir = "{schemas}"
[deadlines]
default = "{deadline}"
[windows]
length = "1s"
[incidents]
stall = "{stall}"
stall_schema = "0s"
clear = "1s"
[ledger]
shards = 2
unexpected_grace = "1s"
[judge]
workers = 2
{store}
[http]
listen = "127.0.0.1:0"
[guests]
dir = "{guests}"
{checks}
{extra}
"#,
            raw = raw.endpoint(),
            raw_settings = setup.raw,
            written_settings = setup.written,
            schemas = setup.schemas.display(),
            guests = paths::guests().display(),
            deadline = setup.deadline,
            stall = setup.stall,
            checks = setup.checks,
            extra = setup.extra,
            frame_bytes_max = setup.frame_bytes_max,
            store = setup.store,
        );
        std::fs::write(dir.path().join("landfall.toml"), config).expect("the configuration");
        let mut sidecar = Self {
            process: None,
            dir,
            raw,
            written,
            others,
            relay,
        };
        sidecar.restart();
        assert!(
            sidecar.raw.await_subscriptions(1)
                && sidecar.written.await_subscriptions(1)
                && (sidecar.others.iter()).all(|written| written.await_subscriptions(1)),
            "{}",
            sidecar.log()
        );
        sidecar
    }

    /// The connection to the first written endpoint, which can be cut.
    pub fn relay(&self) -> &Relay {
        self.relay.as_ref().expect("it is relayed")
    }

    /// Starts it, once more if it has run before, with a new log; waits until it is ready.
    pub fn restart(&mut self) {
        let log = self.dir.path().join("log");
        match Process::start(&paths::landfall(), &self.config_path(), &log) {
            Ok(process) => self.process = Some(process),
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts it once more, with the given standard error for its log; the caller has to copy it to `log_path`.
    pub fn restart_into(&mut self, errors: Stdio) {
        let log = self.log_path();
        let config = self.config_path();
        match Process::start_into(&paths::landfall(), &config, &log, Stdio::null(), errors) {
            Ok(process) => self.process = Some(process),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub fn get(&self, path: &str) -> Option<http::Answer> {
        self.process().get(path).ok()
    }

    pub fn metrics(&self) -> Metrics {
        self.process().metrics()
    }

    /// Events that have this verdict now, including revisions.
    pub fn verdict(&self, verdict: &str) -> u64 {
        let metrics = self.metrics();
        let given = metrics.sum("landfall_events_total", &[("verdict", verdict)]);
        let gained = metrics.sum("landfall_verdicts_revised_total", &[("to", verdict)]);
        let lost = metrics.sum("landfall_verdicts_revised_total", &[("from", verdict)]);
        (given + gained - lost) as u64
    }

    pub fn await_verdict(&self, verdict: &str, events: u64) {
        let mut seen = 0;
        let reached = landfall_tests::wait::until(landfall_tests::wait::PATIENCE, || {
            seen = self.verdict(verdict);
            (seen == events).then_some(())
        });
        assert!(
            reached.is_some(),
            "{seen} events are {verdict}, not {events}; log:\n{}",
            self.log()
        );
    }

    /// Waits until that many frames of a stream have been read.
    pub fn await_frames(&self, stream: &str, frames: u64) {
        await_until(&format!("{frames} frames of {stream} are read"), || {
            self.metrics()
                .count("landfall_frames_total", &[("stream", stream)])
                >= frames
        });
    }

    /// Sends events into the pipeline.
    pub fn send_raw(&self, events: &[Event]) {
        for event in events {
            self.raw.send(&event.frame).expect("sent");
        }
    }

    /// Publishes that they landed.
    pub fn land(&self, events: &[Event]) {
        for event in events {
            self.written.send(&event.row_text()).expect("sent");
        }
    }

    /// Publishes that they landed, on all endpoints of the written stream in turn.
    pub fn land_everywhere(&self, events: &[Event]) {
        let writers: Vec<&Publisher> = std::iter::once(&self.written).chain(&self.others).collect();
        for (event, writer) in events.iter().zip(writers.iter().cycle()) {
            writer.send(&event.row_text()).expect("sent");
        }
    }

    /// A command over the same configuration.
    pub fn command(&self, args: &[&str]) -> Output {
        run_landfall(self.dir.path(), args)
    }

    /// The answer of a command as JSON lines.
    pub fn json(&self, args: &[&str]) -> Vec<Value> {
        let mut all = args.to_vec();
        all.push("--json");
        let output = self.command(&all);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }

    pub fn missing_keys(&self) -> BTreeSet<String> {
        self.json(&["missing"])
            .iter()
            .map(|event| event["key"].as_str().expect("a key").to_owned())
            .collect()
    }

    pub fn incidents(&self) -> Vec<Value> {
        self.json(&["incidents"])[0]
            .as_array()
            .expect("a list")
            .clone()
    }

    pub fn store(&self) -> rusqlite::Connection {
        let path = self.dir.path().join("data/landfall.sqlite");
        rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .expect("the store")
    }

    /// One number of the store.
    pub fn query(&self, sql: &str) -> i64 {
        self.store()
            .query_row(sql, [], |row| row.get(0))
            .expect("a number")
    }

    /// Ends it by SIGTERM and demands that it ends well.
    pub fn stop(&mut self) {
        if self.process.is_some() {
            let code = self.end();
            assert_eq!(code, Some(0), "{}", self.log());
        }
    }

    /// Ends it by SIGTERM; its exit code.
    pub fn end(&mut self) -> Option<i32> {
        self.terminate();
        self.await_end()
    }

    /// Ends it at once by SIGKILL, and starts it again.
    pub fn kill_and_restart(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.await_end();
        self.restart();
        assert!(
            self.raw.await_subscriptions(1) && self.written.await_subscriptions(1),
            "{}",
            self.log()
        );
    }

    /// Sends SIGTERM, and waits for nothing.
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    pub fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Stops all of its threads, until it is let go on. They have stopped when this returns.
    pub fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
        let tasks = format!("/proc/{}/task", self.process().id());
        await_until("all threads have stopped", || {
            let all = std::fs::read_dir(&tasks).expect("its threads");
            all.flatten().all(|task| {
                let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
                // After the name in brackets.
                stat.rsplit(") ")
                    .next()
                    .is_none_or(|state| state.starts_with('T'))
            })
        });
    }

    pub fn go_on(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        self.process().signal(signal).expect("the signal is sent");
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process().id()
    }

    /// Waits until it has ended; its exit code.
    pub fn await_end(&mut self) -> Option<i32> {
        let mut process = self.process.take().expect("it runs");
        match process.await_end() {
            Ok(status) => status.code(),
            Err(error) => panic!("{error}"),
        }
    }

    /// The configuration's file.
    pub fn config_path(&self) -> PathBuf {
        self.dir.path().join("landfall.toml")
    }

    /// Replaces a part of the configuration, which must be there.
    pub fn reconfigure(&self, old: &str, new: &str) {
        let path = self.config_path();
        let text = std::fs::read_to_string(&path).expect("the configuration");
        assert!(text.contains(old), "{text}");
        let aside = self.dir.path().join("landfall.toml.new");
        std::fs::write(&aside, text.replace(old, new)).expect("written");
        std::fs::rename(aside, path).expect("renamed");
    }

    /// The law that every window keeps.
    pub fn assert_balanced(&self) {
        assert_eq!(
            self.metrics()
                .count("landfall_conservation_imbalance_events_total", &[]),
            0
        );
    }
}

/// Runs the program in a directory that holds `landfall.toml`. It may serve HTTP before it ends with an error,
/// beside another process: each has its own port.
pub fn run_landfall(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(paths::landfall());
    if args.first() == Some(&"run") {
        command.env("LANDFALL__HTTP__LISTEN", "127.0.0.1:0");
    }
    command
        .current_dir(dir)
        .env_remove("RUST_LOG")
        .env("XDG_CACHE_HOME", paths::caches())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("landfall runs")
}

pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The directory of the guests, for tests that swap them.
pub fn guest(name: &str) -> PathBuf {
    paths::guests().join(name)
}

pub fn keys(events: &[Event]) -> BTreeSet<String> {
    events.iter().map(|event| event.uuid.clone()).collect()
}

/// A directory of these schemas, each of revision 1, together with those that [`event`] needs.
pub fn schemas(all: &[(&str, Value)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |label: &str, text: &[u8]| {
        let path = dir.path().join(format!("{label}.json"));
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    for label in ["AppTap/12", "EventCapsule/2014"] {
        let text = std::fs::read(paths::schemas().join(format!("{label}.json"))).expect("a schema");
        write(label, &text);
    }
    for (name, schema) in all {
        write(&format!("{name}/1"), schema.to_string().as_bytes());
    }
    dir
}

/// Replaces a file as a deployment does: written aside, then renamed.
pub fn deploy(path: impl AsRef<Path>, bytes: &[u8]) {
    let path = path.as_ref();
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    std::fs::write(&aside, bytes).expect("written");
    std::fs::rename(&aside, path).expect("renamed");
}

/// The same module with another digest, because it has one more custom section.
pub fn changed(module: &[u8]) -> Vec<u8> {
    [module, b"\0\x05\x04note"].concat()
}
