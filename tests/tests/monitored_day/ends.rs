//! Whether Alertmanager reports the ends of what it reported. Pure.

use std::collections::BTreeMap;

use landfall_ops::alertmanager;
use landfall_tests::monitoring::Notification;
use landfall_tests::recording::Alert;
use serde_json::Value;

use super::notifications::{TOLD_WITHIN_MS, text};

/// When alerts fired: from and to, in milliseconds.
pub type Firing = BTreeMap<Alert, Vec<(i64, i64)>>;

/// Alerts that were reported, that ended long before `end_ms`, and whose end is not reported.
///
/// Alertmanager does not report the end each time. If something worse holds the alert back when its group is looked
/// at, before its end or after it, the end is reported with its next end, or never if there is none.
pub fn not_reported(notifications: &[Notification], firing: &Firing, end_ms: i64) -> Vec<String> {
    // By alert: its labels, and whether its last notification is its end.
    let mut told: BTreeMap<&str, (&Value, bool)> = BTreeMap::new();
    for notification in notifications {
        for alert in notification.body["alerts"].as_array().into_iter().flatten() {
            let fingerprint = text(&alert["fingerprint"]);
            if alert["status"] == "firing" {
                told.insert(fingerprint, (&alert["labels"], false));
            } else if let Some((_, is_over)) = told.get_mut(fingerprint) {
                *is_over = true;
            }
        }
    }
    let mut findings = Vec::new();
    for (labels, _) in told.values().filter(|(_, is_over)| !is_over) {
        let of = |name: &str| text(&labels[name]);
        let Some(last_ms) = last_end_ms(labels, firing) else {
            findings.push(format!("what was reported never fired: {labels}"));
            continue;
        };
        let interval_ms =
            alertmanager::group_interval_s(of("severity")).unwrap_or_default() * 1_000;
        let interval_ms = i64::try_from(interval_ms).unwrap_or(i64::MAX);
        let near = last_ms - interval_ms..=last_ms + interval_ms;
        let is_held_back = firing.iter().any(|(worse, spans)| {
            let fires =
                |(from_ms, to_ms): &(i64, i64)| from_ms <= near.end() && to_ms >= near.start();
            spans.iter().any(fires) && alertmanager::holds_back(|name| worse.label(name), of)
        });
        if !is_held_back && last_ms + TOLD_WITHIN_MS < end_ms {
            findings.push(format!("the end is not reported: {labels}"));
        }
    }
    findings
}

/// When an alert with these labels fired for the last time.
fn last_end_ms(labels: &Value, firing: &Firing) -> Option<i64> {
    let is_it = |alert: &Alert| {
        let mut all = alert.labels.iter();
        all.all(|(name, value)| text(&labels[name.as_str()]) == value)
    };
    let of_it = firing.iter().filter(|(alert, _)| is_it(alert));
    of_it
        .flat_map(|(_, spans)| spans)
        .map(|(_, to_ms)| *to_ms)
        .max()
}

#[test]
fn an_end_is_missed_unless_something_worse_fires_when_its_group_is_looked_at() {
    const MINUTE_MS: i64 = 60_000;
    let alert = |name: &str, severity: &str| {
        let labels = [
            ("alertname", name),
            ("severity", severity),
            ("component", "pipeline"),
            ("instance", "a"),
            ("job", "landfall"),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Alert {
            labels: labels.into(),
        }
    };
    let note = |alert: &Alert, status: &str| Notification {
        path: "/landfall-ticket".to_owned(),
        body: serde_json::json!({
            "alerts": [{ "fingerprint": alert.name(), "status": status, "labels": alert.labels }],
        }),
    };
    let ticket = alert("LandfallSchemaStalled", "ticket");
    let stalled = alert("LandfallEventsStalled", "page");
    let end_ms = 24 * 60 * MINUTE_MS;
    for (worse, statuses, ended_min, expected) in [
        // Minutes in which the worse one fires.
        (None, &["firing"][..], 100, 1),
        (None, &["firing", "resolved"], 100, 0),
        (None, &["firing", "resolved", "firing"], 100, 1),
        (None, &["resolved"], 100, 0),
        // So late that nobody can ask for it.
        (None, &["firing"], 23 * 60 + 1, 0),
        // Looked at every 30 minutes.
        (Some((80, 90)), &["firing"], 100, 0),
        (Some((80, 90)), &["firing"], 121, 1),
        (Some((130, 140)), &["firing"], 100, 0),
        (Some((130, 140)), &["firing"], 99, 1),
    ] {
        let mut firing = Firing::from([(ticket.clone(), vec![(0, ended_min * MINUTE_MS)])]);
        if let Some((from, to)) = worse {
            firing.insert(stalled.clone(), vec![(from * MINUTE_MS, to * MINUTE_MS)]);
        }
        let told: Vec<_> = statuses
            .iter()
            .map(|status| note(&ticket, status))
            .collect();
        let found = not_reported(&told, &firing, end_ms);
        assert_eq!(
            found.len(),
            expected,
            "{worse:?} {statuses:?} {ended_min}: {found:?}"
        );
    }
    let never = not_reported(&[note(&ticket, "firing")], &Firing::new(), end_ms);
    assert_eq!(never.len(), 1, "{never:?}");
}
