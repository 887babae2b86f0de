//! Which alerts fire when: the expectation that is kept beside a recording.
//!
//! One line for each interval: from, to (the first minute in which it no longer fires, or `end`), and
//! the alert with its labels, all by the recording's own time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::STEP_MS;
use super::file::Recording;
use crate::clock::{log_time, parse_time};

/// An alert by its labels, `alertname` among them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alert {
    pub labels: BTreeMap<String, String>,
}

impl Alert {
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    pub fn name(&self) -> &str {
        self.label("alertname")
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self
            .labels
            .iter()
            .filter(|(name, _)| *name != "alertname")
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        write!(f, "{}{{{}}}", self.name(), labels.join(","))
    }
}

/// Minutes of the recording in which an alert fires: `from` is the first, `to` the first one after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub from: usize,
    pub to: usize,
}

/// All alerts of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    pub spans: BTreeSet<(Span, Alert)>,
}

impl Timeline {
    /// From the alerts that fire in each minute.
    pub fn of_minutes(minutes: &[BTreeSet<Alert>]) -> Self {
        let mut open: BTreeMap<Alert, usize> = BTreeMap::new();
        let mut spans = BTreeSet::new();
        let nothing = BTreeSet::new();
        for (minute, firing) in minutes.iter().chain([&nothing]).enumerate() {
            let over: Vec<Alert> = open
                .keys()
                .filter(|alert| !firing.contains(alert))
                .cloned()
                .collect();
            for alert in over {
                if let Some(from) = open.remove(&alert) {
                    spans.insert((Span { from, to: minute }, alert));
                }
            }
            for alert in firing {
                open.entry(alert.clone()).or_insert(minute);
            }
        }
        Self { spans }
    }

    /// The alerts that fire in a minute.
    pub fn firing(&self, minute: usize) -> impl Iterator<Item = &Alert> {
        self.spans
            .iter()
            .filter(move |(span, _)| (span.from..span.to).contains(&minute))
            .map(|(_, alert)| alert)
    }

    /// The text that is kept.
    pub fn text(&self, recording: &Recording) -> String {
        let time = |minute: usize| {
            log_time(recording.from_ms + minute as i64 * STEP_MS)
                .trim_end_matches(":00")
                .to_owned()
        };
        let lines = self.spans.iter().map(|(span, alert)| {
            let to = if span.to >= recording.minutes {
                format!("{:<16}", "end")
            } else {
                time(span.to)
            };
            format!("{}  {to}  {alert}\n", time(span.from))
        });
        lines.collect()
    }

    /// Reads what [`Self::text`] wrote; None if it is something else.
    pub fn parse(text: &str, recording: &Recording) -> Option<Self> {
        let minute = |text: &str| usize::try_from(recording.minute(parse_time(text)?)).ok();
        let spans = text.lines().map(|line| {
            let mut parts = line.splitn(3, "  ");
            let from = minute(parts.next()?)?;
            let to = parts.next()?;
            let rest = parts.next()?.trim_start();
            let to = if to == "end" {
                recording.minutes
            } else {
                minute(to)?
            };
            let (name, labels) = rest.split_once('{')?;
            let mut alert = labels_of(&format!("{{{labels}"))?;
            alert.insert("alertname".into(), name.to_owned());
            Some((Span { from, to }, Alert { labels: alert }))
        });
        Some(Self {
            spans: spans.collect::<Option<_>>()?,
        })
    }
}

/// Labels in braces, as Prometheus writes them.
pub fn labels_of(text: &str) -> Option<BTreeMap<String, String>> {
    let sample = format!("x{text} 1");
    let metrics = crate::metrics::Metrics::parse(&sample);
    metrics.samples.into_iter().next().map(|one| one.labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Series;

    fn alert(name: &str, schema: &str) -> Alert {
        Alert {
            labels: [("alertname", name), ("schema", schema)]
                .map(|(label, value)| (label.to_owned(), value.to_owned()))
                .into(),
        }
    }

    #[test]
    fn a_timeline_is_made_from_minutes_and_reads_back() {
        let recording = Recording {
            case: String::new(),
            title: String::new(),
            healthy: false,
            made: String::new(),
            from_ms: parse_time("2014-11-18T02:00").expect("a time"),
            minutes: 5,
            happenings: Vec::new(),
            series: Series::new(),
        };
        let (a, b) = (alert("A", "x/1"), alert("B", "y, \"z\""));
        let minutes = [
            BTreeSet::new(),
            BTreeSet::from([a.clone(), b.clone()]),
            BTreeSet::from([a.clone()]),
            BTreeSet::new(),
            BTreeSet::from([a.clone()]),
        ];
        let timeline = Timeline::of_minutes(&minutes);
        let text = timeline.text(&recording);
        assert_eq!(
            text,
            "2014-11-18T02:01  2014-11-18T02:02  B{schema=\"y, \\\"z\\\"\"}\n\
             2014-11-18T02:01  2014-11-18T02:03  A{schema=\"x/1\"}\n\
             2014-11-18T02:04  end               A{schema=\"x/1\"}\n"
        );
        assert_eq!(Timeline::parse(&text, &recording), Some(timeline.clone()));
        assert_eq!(timeline.firing(1).count(), 2);
        assert_eq!(timeline.firing(3).count(), 0);
    }
}
