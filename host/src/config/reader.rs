//! Reads a tree into the settings, section by section. Collects all that is wrong instead of
//! stopping at the first; keeps what is right. Remembers every field that it was asked for, so what
//! is left over is unknown, and where each value stands, for checks across sections.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::errors::ConfigError;
use super::node::{Node, Origin, Table, Value};
use super::units;

/// What reading found, beside the settings.
#[derive(Debug, Default)]
pub struct Findings {
    pub errors: Vec<ConfigError>,
    /// Where each field that was set stands.
    pub origins: BTreeMap<String, Origin>,
    /// Every field that exists, set or not (those of list items only if there is an item).
    pub fields: Vec<String>,
}

impl Findings {
    pub fn error(
        &mut self,
        origin: Option<Origin>,
        field: &str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.errors.push(ConfigError {
            origin,
            field: field.to_owned(),
            found: found.into(),
            remedy: remedy.into(),
        });
    }

    /// Where a field stands; if it is not set, where the table around it does.
    pub fn origin(&self, field: &str) -> Option<Origin> {
        let mut field = field;
        loop {
            if let Some(origin) = self.origins.get(field) {
                return Some(origin.clone());
            }
            field = field.rsplit_once('.')?.0;
        }
    }
}

/// One table that is being read.
pub struct Section<'f> {
    findings: &'f mut Findings,
    path: String,
    table: Table,
    known: Vec<&'static str>,
}

impl<'f> Section<'f> {
    pub fn root(table: Table, findings: &'f mut Findings) -> Self {
        Self {
            findings,
            path: String::new(),
            table,
            known: Vec::new(),
        }
    }

    fn field(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(String, Node)> {
        let field = self.field(key);
        self.known.push(key);
        self.findings.fields.push(field.clone());
        let node = self.table.remove(key)?;
        self.findings
            .origins
            .insert(field.clone(), node.origin.clone());
        Some((field, node))
    }

    /// Reads a field with `read`, which says what it wants if the value is something else.
    fn value<T>(
        &mut self,
        key: &'static str,
        into: &mut T,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) {
        let Some((field, node)) = self.take(key) else {
            return;
        };
        match read(&node.value) {
            Ok(value) => *into = value,
            Err(remedy) => {
                self.findings
                    .error(Some(node.origin), &field, found(&node.value), remedy)
            }
        }
    }

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

    /// A list of texts; a single one may stand without brackets.
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

    /// A size in bytes.
    pub fn size(&mut self, key: &'static str, into: &mut usize, range: RangeInclusive<usize>) {
        self.value(key, into, |value| {
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

    /// Any text that `parse` takes.
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

    /// Durations by names of the operator's choosing.
    pub fn durations(
        &mut self,
        key: &'static str,
        into: &mut BTreeMap<String, Duration>,
        range: RangeInclusive<Duration>,
    ) {
        let Some((field, node)) = self.take(key) else {
            return;
        };
        let Value::Table(table) = node.value else {
            let remedy = "write a table of names and durations, as { \"Edit/11\" = \"20m\" }";
            return self
                .findings
                .error(Some(node.origin), &field, found(&node.value), remedy);
        };
        into.clear();
        for (name, node) in table {
            let field = format!("{field}.{name:?}");
            match duration_of(&node.value, &range) {
                Ok(duration) => drop(into.insert(name, duration)),
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

    /// A table within this one.
    pub fn section(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>)) {
        let table = match self.take(key) {
            None => Table::new(),
            Some((
                _,
                Node {
                    value: Value::Table(table),
                    ..
                },
            )) => table,
            Some((field, node)) => {
                let remedy = format!("write it as a table, [{field}]");
                return self
                    .findings
                    .error(Some(node.origin), &field, found(&node.value), remedy);
            }
        };
        let path = self.field(key);
        // Only leaves are settings.
        self.findings.fields.retain(|field| *field != path);
        let mut section = Section {
            findings: self.findings,
            path,
            table,
            known: Vec::new(),
        };
        read(&mut section);
        section.finish();
    }

    /// A list of tables. None if it is not there at all.
    pub fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_>) -> T,
    ) -> Option<Vec<T>> {
        let (field, node) = self.take(key)?;
        self.findings.fields.retain(|known| *known != field);
        let remedy = format!("write each as a table of its own, [[{field}]]");
        let Value::List(items) = node.value else {
            self.findings
                .error(Some(node.origin), &field, found(&node.value), remedy);
            return None;
        };
        let mut all = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{field}[{index}]");
            self.findings
                .origins
                .insert(path.clone(), item.origin.clone());
            let Value::Table(table) = item.value else {
                self.findings
                    .error(Some(item.origin), &path, found(&item.value), &*remedy);
                continue;
            };
            let mut section = Section {
                findings: self.findings,
                path,
                table,
                known: Vec::new(),
            };
            all.push(read(&mut section));
            section.finish();
        }
        Some(all)
    }

    /// Tells of every key that nobody asked for.
    pub fn finish(self) {
        for (key, node) in &self.table {
            let field = self.field(key);
            let remedy = match nearest(key, &self.known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if self.known.is_empty() => "remove it".into(),
                None => format!("known here: {}", self.known.join(", ")),
            };
            self.findings.error(
                Some(node.origin.clone()),
                &field,
                "there is no such setting",
                remedy,
            );
        }
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Bare(text) => Some(text.clone()),
        _ => None,
    }
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

fn found(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Bare(text) => format!("found {text:?}"),
        Value::Integer(number) => format!("found {number}"),
        Value::Float(number) => format!("found {number}"),
        Value::Flag(flag) => format!("found {flag}"),
        Value::Time(text) => format!("found {text}"),
        other => format!("found {}", other.kind()),
    }
}

/// The known key that was probably meant: at most half of its letters differ.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let by_distance = known
        .iter()
        .map(|&known| (distance(key, known), known))
        .min()?;
    (by_distance.0 * 2 <= by_distance.1.len()).then_some(by_distance.1)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
