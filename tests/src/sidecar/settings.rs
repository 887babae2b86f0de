//! Landfall's configuration, as a test or the demo sets it; all other settings keep their defaults.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::paths;

/// The store's directory beside the configuration.
pub const STORE: &str = "store";

/// The changes that the test writer is declared to make: strings are cut, `number` is a 32-bit FLOAT (also
/// for a huge integer), and the user agent has only lost its quotes.
const PARITY: &str = r#"{ truncate = 191, float = "f32", fields = [{ raw = ["/timestamp", "/dt"], written = "/timestamp", as = "timestamp" }, { raw = "/userAgent", written = "/userAgent", as = "trimmed" }, { raw = "/event/loadEventEnd", written = "/event_loadEventEnd", as = "float" }] }"#;

/// One of `[[checks]]`.
#[derive(Clone, Debug)]
pub struct CheckSettings {
    pub name: String,
    /// A file, or a name in the directory of guests.
    pub path: PathBuf,
    pub streams: Vec<&'static str>,
    pub decides: bool,
    /// An inline table of TOML.
    pub config: String,
    /// An inline table of TOML; empty for the defaults.
    pub limits: String,
}

impl CheckSettings {
    /// A check of documents of the raw stream that decides nothing.
    pub fn of_raw(name: &str, path: impl Into<PathBuf>, config: &str) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            streams: vec!["raw"],
            decides: false,
            config: config.into(),
            limits: String::new(),
        }
    }
}

/// The settings that matter here.
#[derive(Clone, Debug)]
pub struct Settings {
    pub raw: Vec<String>,
    pub written: Vec<String>,
    pub speed: f64,
    /// `YYYY-MM-DDTHH:MM:SS.fffZ`; None is now.
    pub origin: Option<String>,
    pub deadline: String,
    pub deadlines: Vec<(String, String)>,
    pub window: String,
    pub stall: String,
    pub stall_schema: String,
    pub clear: String,
    pub horizon: String,
    pub grace: String,
    pub schemas: PathBuf,
    pub guests: PathBuf,
    pub checks: Vec<CheckSettings>,
    /// Further lines for `[streams.raw]`.
    pub raw_extra: String,
    /// Further tables, as TOML.
    pub extra: String,
}

impl Settings {
    /// A pipeline of 2014 that writes within a second when it is healthy.
    pub fn new(raw: &[String], written: &str, schemas: PathBuf) -> Self {
        Self {
            raw: raw.to_vec(),
            written: vec![written.to_owned()],
            speed: 1.0,
            origin: None,
            deadline: "6s".into(),
            deadlines: Vec::new(),
            window: "2s".into(),
            stall: "2s".into(),
            stall_schema: "0s".into(),
            clear: "2s".into(),
            horizon: "1h".into(),
            grace: "6s".into(),
            schemas,
            guests: paths::guests(),
            checks: Self::reference_checks("2014"),
            raw_extra: String::new(),
            extra: String::new(),
        }
    }

    /// The reference checks; `era` is `2014` or `2019`.
    pub fn reference_checks(era: &str) -> Vec<CheckSettings> {
        let check =
            |name: &str, file: &str, config: String| CheckSettings::of_raw(name, file, &config);
        let codec = check(
            "eventlogging",
            "eventlogging_codec.wasm",
            format!(r#"{{ era = "{era}", uuid_era = "auto" }}"#),
        );
        let mut validity = check(
            "schema-validity",
            "schema_validity.wasm",
            format!(r#"{{ capsule = {{ schema = "EventCapsule/{era}" }}, at = "/event" }}"#),
        );
        validity.decides = true;
        let mut parity = check("field-parity", "field_parity.wasm", PARITY.to_owned());
        parity.streams = vec!["raw", "written"];
        let mut objective = check(
            "delivery-objective",
            "delivery_objective.wasm",
            "{}".to_owned(),
        );
        objective.streams = Vec::new();
        vec![codec, validity, parity, objective]
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, self.render())
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let deadlines: Vec<String> = self
            .deadlines
            .iter()
            .map(|(schema, deadline)| format!("{} = {}", quote(schema), quote(deadline)))
            .collect();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "[clock]\nspeed = {:?}\norigin = {}\n\n\
             [streams.raw]\nendpoints = {}\nhwm_frames = 100000\n{}\n\n\
             [streams.written]\nendpoints = {}\nhwm_frames = 100000\n\n\
             [schemas]\ndir = {}\n\n\
             [deadlines]\ndefault = {}\nschemas = {{ {} }}\n\n\
             [windows]\nlength = {}\n\n\
             [incidents]\nstall = {}\nstall_schema = {}\nclear = {}\n\n\
             [ledger]\nshards = 3\nhorizon = {}\nunexpected_grace = {}\n\n\
             [store]\ndir = \"{STORE}\"\n\n\
             [http]\nlisten = \"127.0.0.1:0\"\n\n\
             [guests]\ndir = {}\n\n{}\n",
            self.speed,
            quote(self.origin.as_deref().unwrap_or_default()),
            list(&self.raw),
            self.raw_extra,
            list(&self.written),
            quote(&self.schemas.to_string_lossy()),
            quote(&self.deadline),
            deadlines.join(", "),
            quote(&self.window),
            quote(&self.stall),
            quote(&self.stall_schema),
            quote(&self.clear),
            quote(&self.horizon),
            quote(&self.grace),
            quote(&self.guests.to_string_lossy()),
            self.extra,
        );
        for check in &self.checks {
            let streams: Vec<String> = check
                .streams
                .iter()
                .map(|stream| (*stream).to_owned())
                .collect();
            let _ = write!(
                text,
                "[[checks]]\nname = {}\npath = {}\ndecides = {}\nconfig = {}\n",
                quote(&check.name),
                quote(&check.path.to_string_lossy()),
                check.decides,
                check.config,
            );
            // A window check gets no stream.
            if !streams.is_empty() {
                let _ = writeln!(text, "streams = {}", list(&streams));
            }
            if !check.limits.is_empty() {
                let _ = writeln!(text, "limits = {}", check.limits);
            }
            text.push('\n');
        }
        text
    }

    /// The check of that name.
    pub fn check_mut(&mut self, name: &str) -> Option<&mut CheckSettings> {
        self.checks.iter_mut().find(|check| check.name == name)
    }
}

/// A basic string of TOML.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text)).collect();
    format!("[{}]", quoted.join(", "))
}
