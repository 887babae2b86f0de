//! An example configuration of Alertmanager: one notification for each outage, not one for each schema.
//!
//! Alerts of one name at one instance are grouped into one notification. Alerts that follow from something worse are
//! inhibited while that fires: see `INHIBITIONS`.

use std::fmt::Write;

use crate::Parameters;
use crate::prometheus::{Scale, Severity, Span};
use crate::yaml::quoted;

/// While one of the alerts `worse` fires, the alerts `held_back` are inhibited where the labels `equal` are the same.
struct Inhibition {
    why: &'static str,
    worse: &'static [&'static str],
    /// One more matcher of the worse alerts.
    only: Option<&'static str>,
    /// None: all other alerts.
    held_back: Option<&'static [&'static str]>,
    /// Labels that have to be the same.
    equal: &'static [&'static str],
}

const AT_INSTANCE: &[&str] = &["job", "instance"];
const OF_SCHEMA: &[&str] = &["job", "instance", "schema"];

/// Alerts that fire while the written stream is not read: the writer seems dead, events seem lost.
const SEEMS_LOST: &[&str] = &[
    "LandfallEventsStalled",
    "LandfallSchemaStalled",
    "LandfallManyEventsLost",
    "LandfallEventsLost",
    "LandfallEventsUnexpected",
    "LandfallStreamSilent",
    "LandfallCheckFinding",
    "LandfallObjectiveBurns",
    "LandfallObjectiveBurnsSlowly",
    "LandfallQuietSchemaLosesEvents",
    "LandfallConnectionFlaps",
    "LandfallNotReady",
    "LandfallSpoolFills",
    "LandfallLedgerFills",
];

/// Alerts that follow from a dead writer.
const OF_A_DEAD_WRITER: &[&str] = &[
    "LandfallSchemaStalled",
    "LandfallManyEventsLost",
    "LandfallEventsLost",
    "LandfallStreamSilent",
    "LandfallCheckFinding",
    "LandfallObjectiveBurns",
    "LandfallObjectiveBurnsSlowly",
    "LandfallQuietSchemaLosesEvents",
    "LandfallSpoolFills",
    "LandfallLedgerFills",
];

const INHIBITIONS: [Inhibition; 10] = [
    Inhibition {
        why: "Landfall is absent: what was wrong before says nothing of now.",
        worse: &["LandfallAbsent"],
        only: None,
        held_back: None,
        equal: AT_INSTANCE,
    },
    Inhibition {
        why: "Landfall is cut off from the written stream: what it does not see seems lost.",
        worse: &["LandfallNotConnected"],
        only: Some("stream=\"written\""),
        held_back: Some(SEEMS_LOST),
        equal: AT_INSTANCE,
    },
    Inhibition {
        why: "It is cut off from the raw stream: what lands seems to come from nowhere.",
        worse: &["LandfallNotConnected"],
        only: Some("stream=\"raw\""),
        held_back: Some(&[
            "LandfallEventsUnexpected",
            "LandfallStreamSilent",
            "LandfallConnectionFlaps",
            "LandfallNotReady",
        ]),
        equal: AT_INSTANCE,
    },
    Inhibition {
        why: "The writer is dead: one page, and not one for each schema.",
        worse: &["LandfallEventsStalled"],
        only: None,
        held_back: Some(OF_A_DEAD_WRITER),
        equal: AT_INSTANCE,
    },
    Inhibition {
        why: "Everything waits for the store.",
        worse: &["LandfallStoreFailing"],
        only: None,
        held_back: Some(&[
            "LandfallNotReady",
            "LandfallBehind",
            "LandfallFarBehind",
            "LandfallQueueWaits",
            "LandfallSpoolFills",
            "LandfallThreadStuck",
            "LandfallDiskLow",
        ]),
        equal: AT_INSTANCE,
    },
    Inhibition {
        why: "Judging waits for the spool.",
        worse: &["LandfallSpoolFull"],
        only: None,
        held_back: Some(&[
            "LandfallSpoolFills",
            "LandfallQueueWaits",
            "LandfallNotReady",
        ]),
        equal: AT_INSTANCE,
    },
    Inhibition {
        why: "Much is more than some.",
        worse: &["LandfallFarBehind"],
        only: None,
        held_back: Some(&["LandfallBehind"]),
        equal: &["job", "instance", "stream"],
    },
    Inhibition {
        why: "A schema that does not land, or of which many events are lost, burns its objective.",
        worse: &["LandfallSchemaStalled", "LandfallManyEventsLost"],
        only: None,
        held_back: Some(&[
            "LandfallEventsLost",
            "LandfallObjectiveBurns",
            "LandfallObjectiveBurnsSlowly",
            "LandfallQuietSchemaLosesEvents",
        ]),
        equal: OF_SCHEMA,
    },
    Inhibition {
        why: "The loss of events of a rare schema is reported for a day.",
        worse: &["LandfallQuietSchemaLosesEvents"],
        only: None,
        held_back: Some(&["LandfallEventsLost"]),
        equal: OF_SCHEMA,
    },
    Inhibition {
        why: "An objective that burns fast burns slowly too, and some of its events are lost.",
        worse: &["LandfallObjectiveBurns"],
        only: None,
        held_back: Some(&["LandfallObjectiveBurnsSlowly", "LandfallEventsLost"]),
        equal: OF_SCHEMA,
    },
];

/// The names of all alerts in the inhibitions.
pub fn names() -> Vec<&'static str> {
    INHIBITIONS
        .iter()
        .flat_map(|one| one.worse.iter().chain(one.held_back.unwrap_or_default()))
        .copied()
        .collect()
}

/// Whether an alert that fires holds another one back. Each is given by its labels, `alertname` among them; "" for a
/// label that it does not have.
pub fn holds_back<'a>(worse: impl Fn(&str) -> &'a str, other: impl Fn(&str) -> &'a str) -> bool {
    let (worse_name, other_name) = (worse("alertname"), other("alertname"));
    let matches = |matcher: &str| {
        matcher
            .split_once('=')
            .is_some_and(|(label, value)| worse(label) == value.trim_matches('"'))
    };
    INHIBITIONS.iter().any(|one| {
        let is_held = match one.held_back {
            Some(held_back) => held_back.contains(&other_name),
            None => {
                let of_landfall = ["landfall", "pipeline"].contains(&other("component"));
                of_landfall && !one.worse.contains(&other_name)
            }
        };
        is_held
            && one.worse.contains(&worse_name)
            && one.only.is_none_or(matches)
            && one.equal.iter().all(|label| worse(label) == other(label))
    })
}

/// How often a group of alerts of a severity (the value of the label) is looked at, in nominal seconds.
pub fn group_interval_s(severity: &str) -> Option<u64> {
    let mut paces = PACES.iter();
    let pace = paces.find(|pace| pace.severity.as_str() == severity)?;
    Some(pace.interval.seconds())
}

/// The intervals of notifications, by severity.
struct Pace {
    severity: Severity,
    /// How long a new group waits for more alerts, and for one that inhibits it.
    wait: Span,
    /// How long until the group is sent again because it changed.
    interval: Span,
    /// How long until it is sent again though nothing changed.
    repeat: Span,
}

const PACES: [Pace; 2] = [
    Pace {
        severity: Severity::Page,
        wait: Span::minutes(1),
        interval: Span::minutes(5),
        repeat: Span::hours(4),
    },
    Pace {
        severity: Severity::Ticket,
        wait: Span::minutes(5),
        interval: Span::minutes(30),
        repeat: Span::days(3),
    },
];

const HEAD: &str = "\
# An example for Alertmanager 0.22 or later: who is notified of Landfall's alerts, once for each outage.
# Generated by `landfall ops alertmanager`. Receivers are webhooks, to be replaced by what you have;
# routes and inhibitions may go into a file of your own as they are.
";

/// The file.
pub fn configuration(parameters: &Parameters) -> String {
    let mut text = HEAD.to_owned();
    routes(&mut text, parameters);
    text.push_str("\ninhibit_rules:\n");
    for inhibition in &INHIBITIONS {
        inhibit(&mut text, inhibition);
    }
    // If no target is scraped, no instance is known.
    text.push_str("  # No target is scraped at all: that alert has no instance.\n");
    rule(
        &mut text,
        &["alertname=\"LandfallAbsent\"", "instance=\"\""],
        &["component=~\"landfall|pipeline\"", "instance!=\"\""],
        &["job"],
    );
    receivers(&mut text, parameters);
    text
}

/// The receiver of an owner, or of everybody else.
fn receiver(owner: Option<&str>, severity: Severity) -> String {
    format!("{}-{}", owner.unwrap_or("landfall"), severity.as_str())
}

fn routes(text: &mut String, parameters: &Parameters) {
    let scale = Scale::new(parameters.time_factor);
    let fallback = quoted(&receiver(None, Severity::Ticket));
    let _ = writeln!(text, "route:\n  receiver: {fallback}");
    text.push_str("  group_by: [alertname, job, instance]\n  routes:\n");
    for pace in &PACES {
        let severity = pace.severity;
        let matcher = quoted(&format!("severity=\"{}\"", severity.as_str()));
        let receiver_all = quoted(&receiver(None, severity));
        let _ = writeln!(text, "    - matchers: [{matcher}]");
        let _ = writeln!(text, "      receiver: {receiver_all}");
        for (name, span) in [
            ("group_wait", pace.wait),
            ("group_interval", pace.interval),
            ("repeat_interval", pace.repeat),
        ] {
            let _ = writeln!(text, "      {name}: {}", scale.of(span));
        }
        if parameters.owners.is_empty() {
            continue;
        }
        text.push_str("      routes:\n");
        for owner in &parameters.owners {
            let matcher = quoted(&format!("owner={}", quoted(owner)));
            let receiver = quoted(&receiver(Some(owner), severity));
            let _ = writeln!(text, "        - matchers: [{matcher}]");
            let _ = writeln!(text, "          receiver: {receiver}");
        }
    }
}

fn inhibit(text: &mut String, inhibition: &Inhibition) {
    let _ = writeln!(text, "  # {}", inhibition.why);
    let worse = format!("alertname=~\"{}\"", inhibition.worse.join("|"));
    let not_worse = format!("alertname!~\"{}\"", inhibition.worse.join("|"));
    let mut source = vec![worse.as_str()];
    source.extend(inhibition.only);
    match inhibition.held_back {
        Some(held_back) => {
            let held_back = format!("alertname=~\"{}\"", held_back.join("|"));
            rule(text, &source, &[&held_back], inhibition.equal);
        }
        None => rule(
            text,
            &source,
            &["component=~\"landfall|pipeline\"", &not_worse],
            inhibition.equal,
        ),
    }
}

fn rule(text: &mut String, source: &[&str], target: &[&str], equal: &[&str]) {
    let list = |matchers: &[&str]| -> String {
        let quoted: Vec<String> = matchers.iter().map(|one| quoted(one)).collect();
        quoted.join(", ")
    };
    let _ = writeln!(text, "  - source_matchers: [{}]", list(source));
    let _ = writeln!(text, "    target_matchers: [{}]", list(target));
    let _ = writeln!(text, "    equal: [{}]", equal.join(", "));
}

fn receivers(text: &mut String, parameters: &Parameters) {
    text.push_str("\nreceivers:\n");
    let owners = std::iter::once(None).chain(parameters.owners.iter().map(Some));
    for owner in owners {
        for pace in &PACES {
            let name = receiver(owner.map(String::as_str), pace.severity);
            let base = parameters.webhook_url.trim_end_matches('/');
            let url = format!("{base}/{}", path_segment(&name));
            let _ = writeln!(text, "  - name: {}", quoted(&name));
            text.push_str("    webhook_configs:\n");
            let _ = writeln!(text, "      - url: {}", quoted(&url));
            text.push_str("        send_resolved: true\n");
        }
    }
}

/// A name as one step of a path (RFC 3986, unreserved characters).
fn path_segment(name: &str) -> String {
    name.bytes().fold(String::new(), |mut segment, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            let _ = write!(segment, "%{byte:02X}");
        }
        segment
    })
}
