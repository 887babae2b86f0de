//! Rules between settings, and settings that are probably not intended.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{CheckConfig, Config, StreamConfig, matches};
use crate::settings::errors::ConfigError;
use crate::settings::reader::Findings;
use crate::settings::units::{duration_text, size_text};
use landfall_ledger::Stream;

/// The codec that is built in: a frame is one JSON document.
const JSON_CODEC: &str = "json";

/// Names that a check may not have: Landfall's own reasons, and the built-in codec.
const RESERVED_NAMES: [&str; 2] = ["landfall", JSON_CODEC];

/// Maximum length of a check's name: it is a metric label.
const NAME_BYTES_MAX: usize = 48;

/// Maximum number of checks in one configuration.
const CHECKS_MAX: usize = 256;

/// More windows than this within one deadline cost memory without use.
const WINDOWS_PER_DEADLINE_MAX: u32 = 10_000;

/// Finds settings that cannot work.
pub fn check(config: &Config, findings: &mut Findings) {
    pointers(config, findings);
    for stream in Stream::ALL {
        let path = format!("streams.{}", stream.as_str());
        check_stream(config.streams.of(stream), &path, config, findings);
    }
    check_sequences(config, findings);
    check_checks(&config.checks, findings);
    let longest = config.deadlines.longest();
    if longest
        > config
            .windows
            .length
            .saturating_mul(WINDOWS_PER_DEADLINE_MAX)
    {
        let found = format!(
            "the longest deadline ({}) spans more than {WINDOWS_PER_DEADLINE_MAX} windows",
            duration_text(longest)
        );
        findings.error_at(
            "windows.length",
            found,
            "make windows longer or the deadline shorter",
        );
    }
    if config.store.keep < config.windows.length {
        findings.error_at(
            "store.keep",
            format!(
                "it is shorter than a window ({})",
                duration_text(config.windows.length)
            ),
            "make it longer, or a window would be deleted before it closes",
        );
    }
    if config.judge.queue_bytes_max < config.judge.batch_bytes_max {
        findings.error_at(
            "judge.queue_bytes_max",
            "it is less than judge.batch_bytes_max",
            "make it at least as large",
        );
    }
}

fn pointers(config: &Config, findings: &mut Findings) {
    let event = &config.event;
    let mut all = vec![("event.key", &event.key), ("event.schema", &event.schema)];
    if !event.revision.is_empty() {
        all.push(("event.revision", &event.revision));
    }
    all.extend(event.time.iter().map(|pointer| ("event.time", pointer)));
    all.extend(
        config
            .redact
            .pointers
            .iter()
            .map(|pointer| ("redact.pointers", pointer)),
    );
    for (field, pointer) in all {
        check_pointer(field, pointer, findings);
    }
}

/// Finds a text that is no JSON pointer.
pub(super) fn check_pointer(field: &str, pointer: &str, findings: &mut Findings) {
    if !is_pointer(pointer) {
        let remedy = "write a JSON pointer (RFC 6901) such as \"/uuid\"; ~ is written ~0, and a / within a name ~1";
        findings.error_at(
            field,
            format!("\"{pointer}\" is no JSON pointer to a value in the event"),
            remedy,
        );
    }
}

/// Texts as a list of TOML. The code that prints it escapes it.
fn quoted_list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    quoted.join(", ")
}

fn is_pointer(text: &str) -> bool {
    let escapes = text
        .split('~')
        .skip(1)
        .all(|after| after.starts_with(['0', '1']));
    text.starts_with('/') && escapes
}

fn check_stream(stream: &StreamConfig, path: &str, config: &Config, findings: &mut Findings) {
    stream.source.check(path, findings);
    let stream_name = path.rsplit('.').next().unwrap_or_default();
    let placed = |check: &CheckConfig| {
        check.name == stream.codec && check.streams.iter().any(|name| name == stream_name)
    };
    if stream.codec != JSON_CODEC && !config.checks.iter().any(placed) {
        let found = format!("no check on this stream has the name \"{}\"", stream.codec);
        let remedy = format!(
            "add it under [[checks]] with streams = [\"{stream_name}\"], or write \"json\" if a frame is one JSON document"
        );
        findings.error_at(&format!("{path}.codec"), found, remedy);
    }
}

fn check_sequences(config: &Config, findings: &mut Findings) {
    for stream in Stream::ALL {
        let (path, stream) = (stream.as_str(), config.streams.of(stream));
        let endpoints = stream.source.endpoints().len();
        let path = format!("streams.{path}");
        stream
            .sequence
            .check(&path, endpoints, &config.event.key, findings);
    }
    let [raw, written] = [&config.streams.raw, &config.streams.written];
    let (raw, written) = (&raw.sequence, &written.sequence);
    if written.is_set() && written.number == raw.number {
        findings.error_at(
            "streams.written.sequence_number",
            "it is the number of the raw stream too: an event that does not land leaves its number out, so nothing would be missing".to_owned(),
            "name a number that the writer gives to what it publishes, or write \"\"",
        );
    }
}

fn check_checks(checks: &[CheckConfig], findings: &mut Findings) {
    if checks.len() > CHECKS_MAX {
        findings.error_at(
            "checks",
            format!("there are {}", checks.len()),
            format!("have at most {CHECKS_MAX}"),
        );
    }
    let mut names = BTreeSet::new();
    for (index, check) in checks.iter().enumerate() {
        let field = |key: &str| format!("checks[{index}].{key}");
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if check.name.is_empty() {
            findings.error_at(
                &field("name"),
                "the check has no name",
                "add name = \"...\"",
            );
        } else if check.name.len() > NAME_BYTES_MAX || !check.name.bytes().all(allowed) {
            let remedy =
                format!("use lower-case letters, digits and dashes, at most {NAME_BYTES_MAX}");
            findings.error_at(
                &field("name"),
                format!("\"{}\" is not a valid name for a check", check.name),
                remedy,
            );
        } else if RESERVED_NAMES.contains(&check.name.as_str()) {
            findings.error_at(
                &field("name"),
                format!("\"{}\" is a name of Landfall's own", check.name),
                "choose another",
            );
        } else if !names.insert(&check.name) {
            findings.error_at(
                &field("name"),
                format!("two checks have the name \"{}\"", check.name),
                "rename one",
            );
        }
        if check.path.as_os_str().is_empty() {
            findings.error_at(
                &field("path"),
                "the check has no file",
                "add path = \"....wasm\"",
            );
        }
        let known = |name: &String| Stream::ALL.iter().any(|stream| stream.as_str() == name);
        if check.streams.is_empty() || !check.streams.iter().all(known) {
            let remedy = "write [\"raw\"], [\"written\"] or [\"raw\", \"written\"]";
            findings.error_at(
                &field("streams"),
                format!("found [{}]", quoted_list(&check.streams)),
                remedy,
            );
        }
    }
}

/// Finds streams from which nothing can come.
pub fn check_endpoints(config: &Config, findings: &mut Findings) {
    for stream in Stream::ALL {
        if config.streams.of(stream).source.endpoints().is_empty() {
            let remedy = "name the publisher to subscribe to, such as [\"tcp://127.0.0.1:8421\"]; `landfall run` needs one for each stream";
            let field = format!("streams.{}.endpoints", stream.as_str());
            findings.error_at(&field, "there are none", remedy);
        }
    }
}

/// Finds files that do not exist.
pub fn check_files(config: &Config, findings: &mut Findings) {
    for (index, check) in config.checks.iter().enumerate() {
        if check.path.as_os_str().is_empty() {
            continue;
        }
        if let Err(missing) = config.check_file(check) {
            let remedy = "build the checks with `cargo xtask guests`, or correct the path";
            findings.error_at(
                &format!("checks[{index}].path"),
                missing.to_string(),
                remedy,
            );
        }
    }
    let schemas = config.schemas_dir();
    if !schemas.is_dir() {
        let remedy = "name a directory of <name>/<revision>.json";
        findings.error_at(
            "schemas.dir",
            format!("{} is no directory", schemas.display()),
            remedy,
        );
    }
}

/// Settings that can be right, but are probably not intended.
pub fn hints(config: &Config, findings: &Findings) -> Vec<ConfigError> {
    let mut hints = Vec::new();
    let mut hint = |field: &str, found: String, remedy: &str| {
        let origin = findings.origin(field);
        hints.push(ConfigError {
            origin,
            field: field.to_owned(),
            found,
            remedy: remedy.to_owned(),
        });
    };
    for stream in Stream::ALL {
        if config.streams.of(stream).source.endpoints().is_empty() {
            let field = format!("streams.{}.endpoints", stream.as_str());
            hint(
                &field,
                "there are none".into(),
                "`landfall run` needs one; `landfall audit` does not",
            );
        }
    }
    let (shortest, longest) = (config.deadlines.shortest(), config.deadlines.longest());
    if config.incidents.stall > shortest {
        let found = format!(
            "it is longer than the shortest deadline ({})",
            duration_text(shortest)
        );
        hint(
            "incidents.stall",
            found,
            "events go missing before the stall is detected; make it shorter",
        );
    }
    if config.ledger.horizon < longest {
        let found = format!(
            "it is shorter than the longest deadline ({})",
            duration_text(longest)
        );
        hint(
            "ledger.horizon",
            found,
            "a repeated or doubled event may not be recognised; make it longer",
        );
    }
    if config.store.keep < longest {
        let found = format!(
            "it is shorter than the longest deadline ({})",
            duration_text(longest)
        );
        hint(
            "store.keep",
            found,
            "missing events are deleted soon after; make it longer",
        );
    }
    if config.windows.length > Duration::from_secs(3600) {
        hint(
            "windows.length",
            "windows are longer than an hour".into(),
            "objectives are judged only when a window closes",
        );
    }
    if config.checks.iter().all(|check| !check.decides) {
        hint(
            "checks",
            "none of them decides".into(),
            "every raw event with a key is then expected to land",
        );
    }
    let last = config.metrics.latency_buckets.last();
    if last.is_some_and(|last| *last < longest) {
        let found = format!(
            "the last is shorter than the longest deadline ({})",
            duration_text(longest)
        );
        hint(
            "metrics.latency_buckets",
            found,
            "a percentile above the last bucket is shown as that bucket; add a longer one",
        );
    }
    hints_of_checks(config, &mut hint);
    hints.extend(limits(config).map(|(field, found, remedy)| ConfigError {
        origin: findings.origin(&field),
        field,
        found,
        remedy: remedy.to_owned(),
    }));
    hints
}

/// Finds checks that cannot do what they seem to be for.
fn hints_of_checks(config: &Config, hint: &mut impl FnMut(&str, String, &str)) {
    for pattern in config.owners.checks.keys() {
        if !config
            .checks
            .iter()
            .any(|check| matches(pattern, &check.name))
        {
            hint(
                &format!("owners.checks.\"{pattern}\""),
                format!("\"{pattern}\" is the name of no check"),
                "correct it if it is misspelt: the check that it should match has another owner, or none",
            );
        }
    }
    for (index, check) in config.checks.iter().enumerate() {
        if check.decides
            && check
                .streams
                .iter()
                .all(|stream| stream != Stream::Raw.as_str())
        {
            let field = format!("checks[{index}].decides");
            hint(
                &field,
                "it sees no raw event".into(),
                "only raw events can be expected; add \"raw\" to its streams",
            );
        }
    }
}

/// Finds limits with which a check fails on data that the streams may bring.
fn limits(config: &Config) -> impl Iterator<Item = (String, String, &'static str)> {
    let checks = config.checks.iter().enumerate();
    checks.flat_map(|(index, check)| {
        let streams = Stream::ALL.into_iter();
        let streams = streams.filter(|stream| {
            check.streams.iter().any(|name| name == stream.as_str())
        });
        let largest = |of: &dyn Fn(Stream) -> bool| {
            let streams = streams.clone().filter(|stream| of(*stream));
            let frames = streams.map(|stream| config.streams.of(stream).frame_bytes_max);
            frames.max()
        };
        let field = |key: &str| format!("checks[{index}].limits.{key}");
        let batch = largest(&|_| true).map(|frame| frame.max(config.judge.batch_bytes_max));
        let memory = batch.filter(|batch| check.limits.memory < *batch).map(|batch| {
            let found = format!("it is less than the size that a batch may have ({})", size_text(batch as u64));
            let remedy = "the check fails on every large batch; allow it more, or make judge.batch_bytes_max and frame_bytes_max smaller";
            (field("memory"), found, remedy)
        });
        let frame = largest(&|stream| config.streams.of(stream).codec == check.name);
        let output = frame.filter(|frame| check.limits.output_bytes_max < *frame).map(|frame| {
            let found = format!("it is less than the size that a frame may have ({})", size_text(frame as u64));
            let remedy = "the codec fails on every large frame; allow it more, or make frame_bytes_max smaller";
            (field("output_bytes_max"), found, remedy)
        });
        memory.into_iter().chain(output)
    })
}
