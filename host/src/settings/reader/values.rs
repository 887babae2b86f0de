//! The kinds of values: what is accepted for each, and what the error asks for otherwise.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::super::node::{Node, Value};
use super::super::units;
use super::{Section, found};

impl Section<'_> {
    pub fn text(&mut self, key: &'static str, into: &mut String) {
        self.value(key, into, |value| {
            text_of(value).ok_or_else(|| "write a text in quotes".into())
        });
    }

    pub fn path(&mut self, key: &'static str, into: &mut PathBuf) {
        let mut text = into.to_string_lossy().into_owned();
        self.text(key, &mut text);
        *into = PathBuf::from(text);
    }

    /// A list of texts; a single text needs no brackets.
    pub fn texts(&mut self, key: &'static str, into: &mut Vec<String>) {
        self.value(key, into, |value| {
            let texts = match value {
                Value::List(items) => items.iter().map(|item| text_of(&item.value)).collect(),
                single => text_of(single).map(|text| vec![text]),
            };
            texts.ok_or_else(|| "write a list of texts, as [\"one\", \"two\"]".into())
        });
    }

    pub fn flag(&mut self, key: &'static str, into: &mut bool) {
        self.value(key, into, |value| match value {
            Value::Flag(flag) => Ok(*flag),
            Value::Bare(text) => text
                .trim()
                .parse()
                .map_err(|_| "write true or false".into()),
            _ => Err("write true or false, without quotes".into()),
        });
    }

    /// A number in a range.
    pub fn count<T: TryFrom<i64>>(
        &mut self,
        key: &'static str,
        into: &mut T,
        range: RangeInclusive<i64>,
    ) {
        self.value(key, into, |value| {
            let number = match value {
                Value::Integer(number) => Some(*number),
                Value::Bare(text) => text.trim().parse().ok(),
                _ => None,
            };
            number
                .filter(|number| range.contains(number))
                .and_then(|number| T::try_from(number).ok())
                .ok_or_else(|| {
                    format!(
                        "write a whole number from {} to {}",
                        range.start(),
                        range.end()
                    )
                })
        });
    }

    pub fn real(&mut self, key: &'static str, into: &mut f64, range: RangeInclusive<f64>) {
        self.value(key, into, |value| {
            let number = match value {
                Value::Float(number) => Some(*number),
                Value::Integer(number) => Some(*number as f64),
                Value::Bare(text) => text.trim().parse().ok(),
                _ => None,
            };
            number
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("write a number from {} to {}", range.start(), range.end()))
        });
    }

    pub fn duration(
        &mut self,
        key: &'static str,
        into: &mut Duration,
        range: RangeInclusive<Duration>,
    ) {
        self.value(key, into, |value| duration_of(value, &range));
    }

    /// A duration in a range, or none: "0s" means `never`.
    pub fn duration_or_never(
        &mut self,
        key: &'static str,
        into: &mut Duration,
        range: RangeInclusive<Duration>,
    ) {
        self.value(key, into, |value| {
            duration_of(value, &(Duration::ZERO..=Duration::ZERO)).or_else(|_| {
                let or_never = |remedy| format!("{remedy}; \"0s\" is never");
                duration_of(value, &range).map_err(or_never)
            })
        });
    }

    /// A size in bytes.
    pub fn size(&mut self, key: &'static str, into: &mut usize, range: RangeInclusive<usize>) {
        self.value(key, into, |value| size_of(value, &range));
    }

    /// A size in a range, or 0 for none.
    pub fn size_or_none(
        &mut self,
        key: &'static str,
        into: &mut usize,
        range: RangeInclusive<usize>,
    ) {
        self.value(key, into, |value| {
            size_of(value, &(0..=0)).or_else(|_| {
                size_of(value, &range).map_err(|remedy| format!("{remedy}; 0 is none"))
            })
        });
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, into: &mut T, choices: &[(&str, T)]) {
        self.value(key, into, |value| {
            let word = text_of(value).unwrap_or_default();
            let chosen = choices
                .iter()
                .find(|(name, _)| *name == word)
                .map(|&(_, choice)| choice);
            chosen.ok_or_else(|| {
                let names: Vec<_> = choices
                    .iter()
                    .map(|(name, _)| format!("\"{name}\""))
                    .collect();
                format!("write one of {}", names.join(", "))
            })
        });
    }

    /// Any text that `parse` accepts.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        into: &mut T,
        remedy: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) {
        self.value(key, into, |value| {
            let text = match value {
                Value::Time(text) => Some(text.clone()),
                other => text_of(other),
            };
            text.and_then(|text| parse(&text))
                .ok_or_else(|| remedy.to_owned())
        });
    }

    /// Durations by names that the operator chooses.
    pub fn durations(
        &mut self,
        key: &'static str,
        into: &mut BTreeMap<String, Duration>,
        range: RangeInclusive<Duration>,
    ) {
        let remedy = "write a table of names and durations, as { \"Edit/11\" = \"20m\" }";
        self.by_name(key, into, (remedy, usize::MAX), |_, value| {
            duration_of(value, &range)
        });
    }

    /// Texts by names that the operator chooses, as `read` accepts them.
    pub fn texts_by_name(
        &mut self,
        key: &'static str,
        into: &mut BTreeMap<String, String>,
        count_max: usize,
        read: impl Fn(&str, &str) -> Result<String, String>,
    ) {
        let remedy = "write a table of names and texts, as { \"Edit/*\" = \"editing-team\" }";
        self.by_name(key, into, (remedy, count_max), |name, value| {
            let text = text_of(value).ok_or_else(|| "write a text in quotes".to_owned());
            text.and_then(|text| read(name, &text))
        });
    }

    /// A table whose keys the operator chooses. `remedy` is for a value that is no table.
    fn by_name<T>(
        &mut self,
        key: &'static str,
        into: &mut BTreeMap<String, T>,
        (remedy, count_max): (&str, usize),
        read: impl Fn(&str, &Value) -> Result<T, String>,
    ) {
        let Some((field, node)) = self.take(key) else {
            return;
        };
        let Value::Table(table) = node.value else {
            return self
                .findings
                .error(Some(node.origin), &field, found(&node.value), remedy);
        };
        if table.len() > count_max {
            let remedy = format!("have at most {count_max}");
            let found = format!("there are {}", table.len());
            return self
                .findings
                .error(Some(node.origin), &field, found, remedy);
        }
        into.clear();
        for (name, node) in table {
            let field = format!("{field}.\"{name}\"");
            match read(&name, &node.value) {
                Ok(read) => drop(into.insert(name, read)),
                Err(remedy) => self.findings.error(
                    Some(node.origin.clone()),
                    &field,
                    found(&node.value),
                    remedy,
                ),
            }
            self.findings.origins.insert(field, node.origin);
        }
    }

    /// A list of durations, each longer than the one before it.
    pub fn rising_durations(
        &mut self,
        key: &'static str,
        into: &mut Vec<Duration>,
        count_max: usize,
        range: RangeInclusive<Duration>,
    ) {
        let Some((field, node)) = self.take(key) else {
            return;
        };
        let counted = match &node.value {
            Value::List(items) if (1..=count_max).contains(&items.len()) => Ok(items),
            Value::List(items) => Err(format!("there are {}", items.len())),
            other => Err(found(other)),
        };
        let items = match counted {
            Ok(items) => items,
            Err(found) => {
                let remedy = format!(
                    "write a list of 1 to {count_max} durations, as [\"100ms\", \"1s\", \"1m\"]"
                );
                return self
                    .findings
                    .error(Some(node.origin), &field, found, remedy);
            }
        };
        let mut durations: Vec<Duration> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let origin = Some(item.origin.clone());
            match duration_of(&item.value, &range) {
                Err(remedy) => self
                    .findings
                    .error(origin, &field, found(&item.value), remedy),
                Ok(duration) => match durations.last() {
                    Some(before) if *before >= duration => {
                        let found = format!(
                            "{} after {}",
                            units::duration_text(duration),
                            units::duration_text(*before)
                        );
                        let remedy = "make each longer than the one before it";
                        self.findings.error(origin, &field, found, remedy);
                    }
                    _ => durations.push(duration),
                },
            }
        }
        if durations.len() == items.len() {
            *into = durations;
        }
    }

    /// Any table, as JSON.
    pub fn json(&mut self, key: &'static str, into: &mut serde_json::Value) {
        let Some((field, node)) = self.take(key) else {
            return;
        };
        if !matches!(node.value, Value::Table(_)) {
            let remedy = "write a table, as [checks.config] or { key = \"value\" }";
            return self
                .findings
                .error(Some(node.origin), &field, found(&node.value), remedy);
        }
        *into = self.json_of(&field, node);
    }

    fn json_of(&mut self, field: &str, node: Node) -> serde_json::Value {
        match node.value {
            Value::Text(text) | Value::Bare(text) | Value::Time(text) => text.into(),
            Value::Integer(number) => number.into(),
            Value::Flag(flag) => flag.into(),
            Value::Float(number) => {
                if !number.is_finite() {
                    let remedy = "JSON has no such number: write a finite one";
                    self.findings.error(
                        Some(node.origin),
                        field,
                        format!("found {number}"),
                        remedy,
                    );
                }
                number.into()
            }
            Value::List(items) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(index, item)| self.json_of(&format!("{field}[{index}]"), item))
                    .collect()
            }
            Value::Table(table) => {
                let pairs = table.into_iter().map(|(key, item)| {
                    let value = self.json_of(&format!("{field}.{key}"), item);
                    (key, value)
                });
                serde_json::Value::Object(pairs.collect())
            }
        }
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Bare(text) => Some(text.clone()),
        _ => None,
    }
}

fn size_of(value: &Value, range: &RangeInclusive<usize>) -> Result<usize, String> {
    let bytes = match value {
        Value::Text(text) | Value::Bare(text) => units::size(text),
        Value::Integer(bytes) => u64::try_from(*bytes).ok(),
        _ => None,
    };
    bytes
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|bytes| range.contains(bytes))
        .ok_or_else(|| {
            let text = |bytes: usize| units::size_text(bytes as u64);
            format!(
                "write a size such as \"64MiB\", from {} to {}",
                text(*range.start()),
                text(*range.end())
            )
        })
}

fn duration_of(value: &Value, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = text_of(value).and_then(|text| units::duration(&text));
    duration
        .filter(|duration| range.contains(duration))
        .ok_or_else(|| {
            let text = units::duration_text;
            format!(
                "write a duration such as \"5m\" or \"1h30m\", from {} to {}",
                text(*range.start()),
                text(*range.end())
            )
        })
}
