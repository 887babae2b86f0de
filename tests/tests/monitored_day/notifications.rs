//! Alertmanager's notifications of the day: everything that its webhooks received.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use landfall_ops::{Parameters, alertmanager};
use landfall_tests::clock::{log_time, parse_time};
use landfall_tests::monitoring::Notification;
use landfall_tests::paths;
use serde_json::Value;

use super::played::MonitoredDay;
use super::{TROUBLES, ends};

/// A page that goes on for longer than this is repeated: `repeat_interval` of pages.
const REMINDED_MS: i64 = 4 * 3_600_000;

/// The longest delay of a notification: the deadline, the longest wait of a rule, and the interval of a group
/// of tickets.
pub const TOLD_WITHIN_MS: i64 = 3_600_000;

const STALLED: &str = "LandfallEventsStalled";

/// The example's configuration, with webhooks of our own: the name of a receiver is its path.
pub fn config(parameters: &Parameters, url: &str) -> String {
    alertmanager::configuration(&Parameters {
        webhook_url: url.to_owned(),
        ..parameters.clone()
    })
}

/// Whether the alarms that must be over by the end have been reported as resolved.
pub fn all_resolved(received: &[Notification]) -> bool {
    let mut last: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for notification in received {
        let key = (
            notification.path.as_str(),
            text(&notification.body["groupKey"]),
        );
        last.insert(key, text(&notification.body["status"]));
    }
    let waited =
        |key: &str| key.contains(STALLED) || TROUBLES.iter().any(|name| key.contains(name));
    let is_over =
        |((_, key), status): (&(&str, &str), &&str)| !waited(key) || *status == "resolved";
    !last.is_empty() && last.iter().all(is_over)
}

/// One notification of a dead writer for each outage, one of its end, and no other page in an outage.
pub fn hold(day: &MonitoredDay) -> Vec<String> {
    println!(
        "What Alertmanager's webhooks received:\n{}",
        as_text(&day.notifications)
    );
    let mut findings = Vec::new();
    let outages = day.outages();
    let pages: Vec<&Notification> = day
        .notifications
        .iter()
        .filter(|notification| notification.path.ends_with("-page"))
        .collect();
    let of_writer = |status: &str| -> Vec<&Notification> {
        let all = pages.iter().filter(|page| {
            text(&page.body["groupLabels"]["alertname"]) == STALLED && page.body["status"] == status
        });
        all.copied().collect()
    };
    let begins: BTreeSet<&str> = of_writer("firing")
        .into_iter()
        .filter_map(|page| page.body["alerts"][0]["startsAt"].as_str())
        .collect();
    if begins.len() != outages.len() {
        findings.push(format!("{} outages, reported as {begins:?}", outages.len()));
    }
    let ends = of_writer("resolved").len();
    if ends != outages.len() {
        findings.push(format!(
            "the end of {ends} outages is reported, of {}",
            outages.len()
        ));
    }
    for outage in &outages {
        // From an outage until the next one begins, or the day ends.
        let next_ms = outages
            .iter()
            .map(|next| next.from_ms)
            .find(|ms| *ms > outage.from_ms);
        let next_ms = next_ms.unwrap_or(i64::MAX);
        let within = |page: &&Notification| {
            received_ms(page).is_some_and(|ms| (outage.from_ms..next_ms).contains(&ms))
        };
        let firing = of_writer("firing").into_iter().filter(within).count() as i64;
        let reminders = (outage.to_ms - outage.from_ms) / REMINDED_MS;
        if !(1..=1 + reminders).contains(&firing) {
            findings.push(format!(
                "{firing} notifications of the outage at {}",
                log_time(outage.from_ms)
            ));
        }
        let during = |page: &&Notification| received_ms(page).is_some_and(|ms| outage.holds(ms));
        let others = pages.iter().copied().filter(during).filter(|page| {
            text(&page.body["groupLabels"]["alertname"]) != STALLED
                && page.body["status"] == "firing"
        });
        for page in others {
            findings.push(format!(
                "another page in an outage: {}",
                page.body["groupKey"]
            ));
        }
    }
    findings.extend(other_pages(day, &pages));
    findings.extend(ends::not_reported(
        &day.notifications,
        &day.firing(),
        day.end_ms(),
    ));
    findings
}

/// A page that is not about an outage is about a trouble of single events: it comes during the trouble, or
/// later by at most the deadline of its events and Alertmanager's wait.
fn other_pages(day: &MonitoredDay, pages: &[&Notification]) -> Vec<String> {
    let troubles = day.troubles();
    let mut findings = Vec::new();
    for page in pages {
        let name = text(&page.body["groupLabels"]["alertname"]);
        if name == STALLED || page.body["status"] != "firing" {
            continue;
        }
        let is_explained = |ms: i64| {
            let mut stretches = troubles.iter();
            stretches.any(|one| (one.from_ms..one.to_ms + TOLD_WITHIN_MS).contains(&ms))
        };
        if !received_ms(page).is_some_and(is_explained) {
            let at = text(&page.body["receivedAt"]);
            findings.push(format!(
                "a page for nothing at {at}: {}",
                page.body["groupKey"]
            ));
        }
    }
    findings
}

fn received_ms(notification: &Notification) -> Option<i64> {
    parse_time(notification.body["receivedAt"].as_str()?)
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every notification with all its alerts, as it came.
fn as_text(received: &[Notification]) -> String {
    let mut told = String::new();
    for Notification { path, body } in received {
        // Writing to a string does not fail.
        let _ = writeln!(
            told,
            "{}  {:<8}  {:<20}  {}",
            text(&body["receivedAt"]),
            text(&body["status"]),
            path.trim_start_matches('/'),
            text(&body["groupLabels"]["alertname"])
        );
        for alert in body["alerts"].as_array().into_iter().flatten() {
            let label = |name: &str| text(&alert["labels"][name]);
            let labels: Vec<String> = ["schema", "check", "reason", "stream", "endpoint", "owner"]
                .into_iter()
                .filter(|name| !label(name).is_empty())
                .map(|name| format!("{name}={}", label(name)))
                .collect();
            let _ = writeln!(
                told,
                "    {:<8}  {}: {}",
                text(&alert["status"]),
                labels.join(" "),
                text(&alert["annotations"]["summary"])
            );
        }
    }
    told
}

/// Writes the page that keeps what was received.
pub fn keep(day: &MonitoredDay) {
    let page = format!(
        "# The notifications of the day\n\n\
         The test plays the day of the incident as `cargo xtask demo` does. Prometheus watches it with the shipped \
         rules, sped up as much as the demo. Alertmanager sends the notifications with the shipped example. Below is \
         everything that its webhooks received: each notification with all its alerts, in the day's time. This \
         command writes the page:\n\n\
         \x20   UPDATE=1 cargo test -p landfall-tests --test monitored_day\n\n\
         The writer is dead from 02:12 to 02:37, 07:26 to 11:43, 13:44 to 15:02, 18:16 to 21:05 and 23:19 to 00:07. \
         For each outage, people are notified once when it begins and once when it is over, and are reminded after four \
         hours. Later notifications of a group repeat alerts that are over: Prometheus resends them for fifteen \
         minutes of real time, which is longer than this day takes. Numbers may be some twenty minutes old: \
         Prometheus resends an alert that goes on only every two seconds of real time.\n\n\
         ```\n{}```\n",
        as_text(&day.notifications)
    );
    let path = paths::workspace().join("docs/NOTIFICATIONS.md");
    fs::write(path, page).expect("written");
}
