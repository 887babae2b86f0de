//! The day of the incident, watched by a real Prometheus and reported by a real Alertmanager.
//!
//! The day is played once, and takes two and a half minutes, so all tests of it are here. Every query of both
//! dashboards and of all rules is run. The same Prometheus also scrapes the pipeline's own record of the
//! truth as a separate target, and each query must give the same answer for both.
//!
//! `UPDATE=1` also writes the kept results of the day: docs/images/day.svg and docs/NOTIFICATIONS.md.

mod answers;
mod ends;
mod notifications;
mod picture;
mod played;
mod truth;

use std::fmt::Write as _;

use landfall_tests::paths;
use landfall_tests::recording::Alert;

use played::{MonitoredDay, Programs};

#[test]
fn prometheus_and_alertmanager_say_of_the_day_what_is_true() {
    let (Some(prometheus), Some(alertmanager)) = (paths::prometheus(), paths::alertmanager())
    else {
        eprintln!("Prometheus and Alertmanager are not there: left out (cargo xtask setup)");
        return;
    };
    let mut day = MonitoredDay::play(&Programs {
        prometheus,
        alertmanager,
    });
    let mut findings = Findings::default();
    findings.take("the day's alarms", alarms(&day));
    findings.take("notifications", notifications::hold(&day));
    findings.take("rules", answers::rules(&day));
    findings.take("answers over the day", answers::over_the_day(&day));
    if std::env::var_os("UPDATE").is_some() {
        notifications::keep(&day);
        picture::keep(&day);
    }
    findings.take("values", truth::hold(&mut day));
    assert!(findings.text.is_empty(), "\n{}", findings.text);
}

/// All faults that were found: a day is too long to stop at the first.
#[derive(Default)]
struct Findings {
    text: String,
}

impl Findings {
    fn take(&mut self, part: &str, findings: Vec<String>) {
        for finding in findings {
            // Writing to a string does not fail.
            let _ = writeln!(self.text, "{part}: {finding}");
        }
    }
}

/// Alarms that must fire during the trouble, and be over at the end.
const TROUBLES: [&str; 5] = [
    "LandfallEventsAltered",
    "LandfallEventsDuplicated",
    "LandfallEventsLeaked",
    "LandfallEventsUnjudged",
    "LandfallEventsLost",
];

/// One alarm for each outage, from soon after its beginning until after its end; others for other troubles.
fn alarms(day: &MonitoredDay) -> Vec<String> {
    let mut findings = Vec::new();
    let firing = day.firing();
    println!("Alarms that fired, by the day's time:");
    for (alert, spans) in &firing {
        for (from_ms, to_ms) in spans {
            println!("  {}  {}  {alert}", day.time(*from_ms), day.time(*to_ms));
        }
    }
    let of = |name: &str| -> Vec<(i64, i64)> {
        let all = firing.iter().filter(|(alert, _)| alert.name() == name);
        let mut spans: Vec<(i64, i64)> = all.flat_map(|(_, spans)| spans.clone()).collect();
        spans.sort_unstable();
        spans
    };
    let stalled = of("LandfallEventsStalled");
    let outages = day.outages();
    if stalled.len() != outages.len() {
        findings.push(format!("{stalled:?} for the outages {outages:?}"));
    }
    for ((from_ms, to_ms), outage) in stalled.iter().zip(&outages) {
        if !outage.holds(*from_ms) || *to_ms < outage.to_ms {
            let at = [*from_ms, *to_ms, outage.from_ms, outage.to_ms].map(|ms| day.time(ms));
            findings.push(format!("the alarm of an outage is not in it: {at:?}"));
        }
    }
    for name in TROUBLES {
        if of(name).is_empty() {
            findings.push(format!("{name} did not fire"));
        }
    }
    let over =
        |alert: &Alert| alert.name() == "LandfallEventsStalled" || TROUBLES.contains(&alert.name());
    for (alert, spans) in firing.iter().filter(|(alert, _)| over(alert)) {
        if spans
            .last()
            .is_some_and(|(_, to_ms)| *to_ms >= day.end_ms())
        {
            findings.push(format!("{alert} does not resolve"));
        }
    }
    findings
}
