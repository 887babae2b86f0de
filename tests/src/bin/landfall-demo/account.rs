//! Landfall's account beside the truth. Every line that differs is marked, and counted.

use std::collections::BTreeMap;

use landfall_tests::clock::table_time;
use landfall_tests::sidecar::{Incident, Readings};
use landfall_tests::truth::{Outage, Tally, Verdict};

use crate::screen::{Screen, Tone};

/// Writes the account, and counts the differences.
pub struct Account<'a> {
    screen: &'a Screen,
    differences: u64,
}

impl<'a> Account<'a> {
    pub fn new(screen: &'a Screen) -> Self {
        Self {
            screen,
            differences: 0,
        }
    }

    pub fn differences(&self) -> u64 {
        self.differences
    }

    pub fn heading(&self, text: &str) {
        self.screen
            .print_line(&format!("\n{}\n", self.screen.paint(Tone::Strong, text)));
    }

    /// A line that is right or wrong.
    pub fn line(&mut self, text: &str, right: bool) {
        let mark = if right {
            self.screen.paint(Tone::Good, "ok")
        } else {
            self.differences += 1;
            self.screen.paint(Tone::Bad, "DIFFERS")
        };
        self.screen.print_line(&format!("  {text}  {mark}"));
    }

    /// A count of both; `open` more may be right.
    pub fn count(&mut self, name: &str, truth: u64, reported: u64, open: u64) {
        self.within(name, truth, truth + open, reported);
    }

    /// A count of both; any number from `least` to `most` may be right.
    pub fn within(&mut self, name: &str, least: u64, most: u64, reported: u64) {
        let open = if most > least {
            format!(" (or up to {} more)", grouped(most - least))
        } else {
            String::new()
        };
        let text = format!(
            "{name:<34} {:>12} {:>12}{open}",
            grouped(least),
            grouped(reported)
        );
        self.line(&text, (least..=most).contains(&reported));
    }

    pub fn columns(&self) {
        self.screen
            .print_line(&format!("  {:<34} {:>12} {:>12}", "", "truth", "Landfall"));
    }

    /// Every verdict's count, and the counts that are no verdict.
    pub fn verdicts(&mut self, readings: &Readings, tally: &Tally) {
        self.columns();
        for verdict in Verdict::ALL {
            self.count(
                verdict.as_str(),
                tally.count(verdict),
                readings.count(verdict),
                tally.open(verdict),
            );
        }
        let raw = tally.frames - tally.malformed;
        self.within(
            "raw events, all verdicts together",
            raw - tally.unread,
            raw,
            readings.judged(),
        );
        self.count("duplicate rows", tally.duplicate, readings.duplicate, 0);
        self.count("unexpected rows", tally.unexpected, readings.unexpected, 0);
        self.within(
            "undecodable frames",
            tally.malformed - tally.malformed_unread,
            tally.malformed,
            readings.undecodable,
        );
        self.count("events out of balance", 0, readings.imbalance, 0);
    }

    /// The outages of the whole pipeline. `tolerance_ms` is one window and one deadline.
    pub fn outages(
        &mut self,
        outages: &[Outage],
        incidents: &[Incident],
        tolerance_ms: i64,
        speed: f64,
    ) {
        let stalls: Vec<&Incident> = incidents
            .iter()
            .filter(|incident| incident.cause == "stalled")
            .collect();
        self.screen.print_line(&format!(
            "  {:<25}  {:<25}  {:>13}  {:>7}  {}",
            "truth: first, last lost", "Landfall's incident", "lost", "counted", "reported after"
        ));
        for outage in outages {
            let stall = stalls
                .iter()
                .find(|stall| stall.start_ms <= outage.last_ms && stall.end_ms >= outage.first_ms);
            let truth = span(outage.first_ms, outage.last_ms);
            let Some(stall) = stall else {
                self.line(&format!("{truth}  {:<25}", "nothing"), false);
                continue;
            };
            let near = |a: i64, b: i64| (a - b).abs() <= tolerance_ms;
            let delay_ms = stall.opened_ms - outage.first_ms;
            let text = format!(
                "{truth}  {}  {:>13}  {:>7}  {:<11} ({:.1} s of this replay)",
                span(stall.start_ms, stall.end_ms),
                lost(outage),
                grouped(stall.events),
                minutes(delay_ms),
                delay_ms as f64 / speed / 1000.0,
            );
            let right = near(stall.start_ms, outage.first_ms)
                && near(stall.end_ms, outage.last_ms)
                && (outage.certain..=outage.events).contains(&stall.events);
            self.line(&text, right);
        }
        self.count("outages", outages.len() as u64, stalls.len() as u64, 0);
    }

    /// Events of all incidents of each cause, beside the truth's least and most.
    pub fn causes(&mut self, truth: &[(&str, u64, u64)], incidents: &[Incident]) {
        let mut reported: BTreeMap<&str, u64> = BTreeMap::new();
        for incident in incidents {
            *reported.entry(incident.cause.as_str()).or_default() += incident.events;
        }
        self.columns();
        for (cause, least, most) in truth {
            let name = format!("events of incidents \"{cause}\"");
            self.within(&name, *least, *most, reported.remove(cause).unwrap_or(0));
        }
        for (cause, events) in reported {
            let name = format!("events of incidents \"{cause}\"");
            self.count(&name, 0, events, 0);
        }
    }
}

/// How many events an outage lost: those that Landfall must have seen, and all of them.
fn lost(outage: &Outage) -> String {
    if outage.certain == outage.events {
        return grouped(outage.events);
    }
    format!("{}–{}", grouped(outage.certain), grouped(outage.events))
}

/// `11-18 02:12 – 11-18 02:36`.
fn span(first_ms: i64, last_ms: i64) -> String {
    format!("{} – {}", table_time(first_ms), table_time(last_ms))
}

fn minutes(ms: i64) -> String {
    format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000)
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
