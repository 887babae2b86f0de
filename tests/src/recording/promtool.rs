//! Gives a recording to `promtool test rules`, and reads which alerts fire.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::alerts::{Alert, Timeline, labels_of};
use super::file::{Point, Recording, notation};

/// All alerts that fire.
const FIRING: &str = r#"ALERTS{alertstate="firing"}"#;

/// How promtool is asked; the test follows.
const ASKED: [&str; 2] = ["test", "rules"];

/// Metrics whose values are times: a test's time begins with 0.
const TIMES: [&str; 2] = [
    "landfall_clock_seconds",
    "landfall_process_start_time_seconds",
];

/// Why promtool gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("promtool: {0}")]
    Io(#[from] io::Error),
    #[error("promtool gave an answer that cannot be read: {0}")]
    Answer(String),
    #[error("the alerts are not those that are expected:\n{0}")]
    Differs(String),
}

/// All that promtool's answer depends on: what it is, the rules, and the test that it is given.
///
/// # Errors
/// promtool cannot be run, or the rules cannot be read.
pub fn inputs(
    promtool: &Path,
    rules: &Path,
    recording: &Recording,
    every: usize,
    expected: &Timeline,
) -> io::Result<[String; 4]> {
    let version = Command::new(promtool).arg("--version").output()?;
    if !version.status.success() || version.stdout.is_empty() {
        return Err(io::Error::other("promtool does not say its version"));
    }
    Ok([
        String::from_utf8_lossy(&version.stdout).into_owned(),
        fs::read_to_string(rules)?,
        test_file(Path::new("rules.yml"), recording, every, expected),
        ASKED.join(" "),
    ])
}

/// Lets promtool compare a recording with the expected alerts. Rules are evaluated `every` so many
/// minutes.
pub fn check(
    promtool: &Path,
    rules: &Path,
    recording: &Recording,
    every: usize,
    expected: &Timeline,
) -> Result<(), CheckError> {
    let (passed, output_text) = run(promtool, rules, recording, every, expected)?;
    if passed {
        Ok(())
    } else {
        Err(CheckError::Differs(output_text))
    }
}

/// The alerts that fire over a recording, by promtool, which evaluates rules `every` so many minutes.
pub fn alerts_of(
    promtool: &Path,
    rules: &Path,
    recording: &Recording,
    every: usize,
) -> Result<Timeline, CheckError> {
    // With nothing expected, promtool names all that fires.
    let (passed, output_text) = run(promtool, rules, recording, every, &Timeline::default())?;
    let mut minutes = vec![BTreeSet::new(); recording.minutes];
    let mut minute = None;
    for line in output_text.lines().map(str::trim) {
        if let Some((_, time)) = line.split_once("time: ") {
            minute = minute_of(time.trim_end_matches(','));
        } else if let Some(got) = line.strip_prefix("got: ") {
            let alerts = minute
                .take()
                .and_then(|minute| minutes.get_mut(minute))
                .zip(alerts_in(got));
            let Some((place, alerts)) = alerts else {
                return Err(CheckError::Answer(output_text));
            };
            *place = alerts;
        }
    }
    for minute in 0..minutes.len() {
        // Until it is evaluated again an alert keeps its state.
        minutes[minute] = minutes[minute - minute % every].clone();
    }
    let timeline = Timeline::of_minutes(&minutes);
    if passed != timeline.spans.is_empty() {
        return Err(CheckError::Answer(output_text));
    }
    Ok(timeline)
}

/// Whether it passed, and its output.
fn run(
    promtool: &Path,
    rules: &Path,
    recording: &Recording,
    every: usize,
    expected: &Timeline,
) -> Result<(bool, String), CheckError> {
    let dir = tempfile::Builder::new()
        .prefix("landfall-promtool-")
        .tempdir()?;
    let test = dir.path().join("test.yml");
    fs::write(&test, test_file(rules, recording, every, expected))?;
    let output = Command::new(promtool)
        .args(ASKED)
        .arg(&test)
        // It lives for a minute: to collect garbage less often takes a fifth less of processor time.
        .env("GOGC", "400")
        .output()?;
    let output_text = [output.stdout, output.stderr].concat();
    let output_text = String::from_utf8_lossy(&output_text).into_owned();
    Ok((output.status.success(), output_text))
}

/// What promtool reads: every series, and for each evaluation all alerts that are expected to fire.
fn test_file(rules: &Path, recording: &Recording, every: usize, expected: &Timeline) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "rule_files: [{}]\ngroup_eval_order: [landfall-long-windows, landfall]\nevaluation_interval: {every}m\ntests:\n- interval: 1m\n  name: {}\n  input_series:\n",
        quoted(&rules.to_string_lossy()),
        quoted(&recording.case)
    );
    for (series, points) in &recording.series {
        let values = if TIMES.iter().any(|name| series.starts_with(name)) {
            notation(&shifted(points, recording.from_ms))
        } else {
            notation(points)
        };
        let _ = write!(
            text,
            "  - series: {}\n    values: {}\n",
            quoted(series),
            quoted(&values)
        );
    }
    text.push_str("  promql_expr_test:\n");
    for minute in (0..recording.minutes).step_by(every) {
        let _ = write!(
            text,
            "  - expr: {}\n    eval_time: {minute}m\n    exp_samples:",
            quoted(FIRING)
        );
        let mut firing = expected.firing(minute).peekable();
        if firing.peek().is_none() {
            text.push_str(" []\n");
            continue;
        }
        text.push('\n');
        for alert in firing {
            let _ = write!(
                text,
                "    - labels: {}\n      value: 1\n",
                quoted(&series_of(alert))
            );
        }
    }
    text
}

fn shifted(points: &[Point], from_ms: i64) -> Vec<Point> {
    let from_s = (from_ms / 1000) as f64;
    points
        .iter()
        .map(|point| match point {
            Point::Value(value) => Point::Value(value - from_s),
            other => *other,
        })
        .collect()
}

fn series_of(alert: &Alert) -> String {
    let labels: Vec<String> = alert
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("ALERTS{{alertstate=\"firing\",{}}}", labels.join(","))
}

/// A scalar of YAML in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The minute of a duration as promtool writes it: `1h2m`, `0s`, `1d`.
fn minute_of(text: &str) -> Option<usize> {
    let mut minutes = 0;
    let mut number = String::new();
    for char in text.chars() {
        if char.is_ascii_digit() {
            number.push(char);
            continue;
        }
        let count: usize = std::mem::take(&mut number).parse().ok()?;
        minutes += match char {
            'w' => count * 7 * 24 * 60,
            'd' => count * 24 * 60,
            'h' => count * 60,
            'm' => count,
            's' if count == 0 => 0,
            _ => return None,
        };
    }
    Some(minutes)
}

/// `{__name__="ALERTS", alertname="A", ...} 1E+00, {...} 1E+00`, or `nil`.
fn alerts_in(text: &str) -> Option<BTreeSet<Alert>> {
    let mut alerts = BTreeSet::new();
    if text == "nil" {
        return Some(alerts);
    }
    for part in text.split_inclusive("\"} 1E+00") {
        let part = part.trim_start_matches([',', ' ']);
        let mut labels = labels_of(part.strip_suffix(" 1E+00")?)?;
        labels.remove("__name__")?;
        labels.remove("alertstate")?;
        alerts.insert(Alert { labels });
    }
    Some(alerts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_alerts_of_promtool_are_read() {
        for (text, minute) in [
            ("0s", 0),
            ("1h2m", 62),
            ("1d", 1440),
            ("59m", 59),
            ("1d1h", 1500),
        ] {
            assert_eq!(minute_of(text), Some(minute), "{text}");
        }
        assert_eq!(minute_of("30s"), None);
        let text = r#"{__name__="ALERTS", alertname="A", alertstate="firing", schema="{x} 1E+00"} 1E+00, {__name__="ALERTS", alertname="B", alertstate="firing"} 1E+00"#;
        let alerts = alerts_in(text).expect("readable");
        let names: Vec<&str> = alerts.iter().map(Alert::name).collect();
        assert_eq!(names, ["A", "B"]);
        assert_eq!(alerts_in("nil"), Some(BTreeSet::new()));
        assert_eq!(alerts_in("something else"), None);
    }
}
