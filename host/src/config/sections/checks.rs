//! `[[checks]]`: the WebAssembly components that judge. The component itself defines its kind of check.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::settings::reader::Section;

#[derive(Clone, Debug, PartialEq)]
pub struct CheckConfig {
    /// Its name in metrics, verdicts and logs.
    pub name: String,
    /// The component's file.
    pub path: PathBuf,
    /// `raw`, `written` or both: the streams whose frames or documents it gets. Unused by a window check.
    pub streams: Vec<String>,
    /// Whether it decides if an event is expected to land.
    pub decides: bool,
    /// Handed to the check as JSON.
    pub config: serde_json::Value,
    pub limits: CheckLimits,
}

/// What one instance of a check may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckLimits {
    /// Bytes, over all its memories and tables.
    pub memory: usize,
    /// For one batch.
    pub batch_time: Duration,
    /// For instantiating and configuring it.
    pub start_time: Duration,
    /// Bytes that one call may hand to the host.
    pub output_bytes_max: usize,
    /// After this many it is thrown away and made again.
    pub batches_per_instance: u32,
}

impl Default for CheckLimits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            batch_time: Duration::from_millis(250),
            start_time: Duration::from_secs(10),
            output_bytes_max: 16 << 20,
            batches_per_instance: 10_000,
        }
    }
}

impl Default for CheckConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            path: PathBuf::new(),
            streams: vec!["raw".into()],
            decides: false,
            config: json!({}),
            limits: CheckLimits::default(),
        }
    }
}

impl CheckConfig {
    pub(in crate::config) fn read(section: &mut Section<'_>) -> Self {
        let mut check = Self::default();
        section.text("name", &mut check.name);
        section.path("path", &mut check.path);
        section.texts("streams", &mut check.streams);
        section.flag("decides", &mut check.decides);
        section.json("config", &mut check.config);
        section.section("limits", |section| check.limits.read(section));
        check
    }
}

/// Maximum memory of one instance: the pool of the runtime reserves this much for each.
const MEMORY_MAX: usize = 1 << 30;

impl CheckLimits {
    fn read(&mut self, section: &mut Section<'_>) {
        section.size("memory", &mut self.memory, 64 << 10..=MEMORY_MAX);
        let (shortest, longest) = (Duration::from_millis(10), Duration::from_secs(60));
        section.duration("batch_time", &mut self.batch_time, shortest..=longest);
        section.duration("start_time", &mut self.start_time, shortest..=longest);
        section.size(
            "output_bytes_max",
            &mut self.output_bytes_max,
            64 << 10..=1 << 30,
        );
        section.count(
            "batches_per_instance",
            &mut self.batches_per_instance,
            1..=1_000_000_000,
        );
    }
}

/// EventLogging's pipeline.
pub fn default_checks() -> Vec<CheckConfig> {
    let check = |name: &str, file: &str, streams: &[&str], decides, config| CheckConfig {
        name: name.into(),
        path: file.into(),
        streams: streams.iter().map(|stream| (*stream).to_owned()).collect(),
        decides,
        config,
        limits: CheckLimits::default(),
    };
    vec![
        check(
            "eventlogging",
            "eventlogging_codec.wasm",
            &["raw"],
            false,
            json!({ "era": "2014", "uuid_era": "auto" }),
        ),
        check(
            "schema-validity",
            "schema_validity.wasm",
            &["raw"],
            true,
            json!({ "capsule": { "schema": "EventCapsule/2014" }, "at": "/event", "blocked": [] }),
        ),
        check(
            "field-parity",
            "field_parity.wasm",
            &["raw", "written"],
            false,
            json!({ "truncate": 191, "float": "f32" }),
        ),
        check(
            "delivery-objective",
            "delivery_objective.wasm",
            &["raw"],
            false,
            json!({}),
        ),
    ]
}
