//! The measured figures, as a table for people and as JSON for machines.

use serde_json::{Map, Value, json};

/// All figures of a run.
#[derive(Default)]
pub struct Figures {
    values: Map<String, Value>,
    missed: Vec<String>,
}

/// The goal of a figure.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!("at least {}", number(least)),
            Self::AtMost(most) => format!("at most {}", number(most)),
        }
    }
}

impl Figures {
    /// A figure with a goal.
    pub fn goal(&mut self, key: &str, what: &str, values: &[f64], goal: Goal) {
        let value = median(values);
        let met = goal.is_met(value);
        if !met {
            self.missed.push(key.to_owned());
        }
        let mark = if met { "" } else { "  MISSED" };
        println!(
            "{key:<24} {:>12}   {what} ({}){}{mark}",
            number(value),
            goal.text(),
            spread(values)
        );
        self.keep(key, values);
    }

    /// A figure behind it.
    pub fn plain(&mut self, key: &str, what: &str, values: &[f64]) {
        println!(
            "    {key:<26} {:>12}   {what}{}",
            number(median(values)),
            spread(values)
        );
        self.keep(key, values);
    }

    /// The maximum growth of memory, if it is known.
    pub fn memory(&mut self, key: &str, grew: Option<f64>) {
        if let Some(bytes) = grew {
            let what = "bytes by which memory grew at most, copies of the events included";
            self.plain(key, what, &[bytes]);
        }
    }

    fn keep(&mut self, key: &str, values: &[f64]) {
        self.values.insert(key.into(), json!(median(values)));
        if values.len() > 1 {
            self.values.insert(format!("{key}_runs"), json!(values));
        }
    }

    pub fn set(&mut self, key: &str, value: Value) {
        self.values.insert(key.into(), value);
    }

    /// Goals that were missed.
    pub fn missed(&self) -> &[String] {
        &self.missed
    }

    pub fn into_json(self) -> Value {
        Value::Object(self.values)
    }
}

/// The middle one, so that a single disturbed round does not decide.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn spread(values: &[f64]) -> String {
    if values.len() < 2 {
        return String::new();
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("  [{} to {}]", number(low), number(high))
}

/// Large numbers in groups of three, small ones with two digits after the point, and shares with four
/// digits: if the goal is a few hundredths, two digits would hide whether it was met.
pub fn number(value: f64) -> String {
    if value.abs() < 0.2 {
        return format!("{value:.4}");
    }
    if value.abs() < 1000.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
