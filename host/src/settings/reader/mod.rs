//! Reads a tree into the settings, section by section. Collects all errors and does not stop at the
//! first; keeps the settings that are right. Remembers every field that was read, so that all others
//! are unknown settings. Remembers the place of each value, for checks across sections.

mod nearest;
mod values;

use std::collections::BTreeMap;

use super::errors::ConfigError;
use super::node::{Node, Table, Value};
use super::origin::SettingOrigin;
use nearest::nearest;

/// What reading found, besides the settings.
#[derive(Debug, Default)]
pub struct Findings {
    pub errors: Vec<ConfigError>,
    /// The place of each field that was set.
    pub origins: BTreeMap<String, SettingOrigin>,
    /// Every field that exists, set or not (those of list items only if there is an item).
    pub fields: Vec<String>,
}

impl Findings {
    pub fn error(
        &mut self,
        origin: Option<SettingOrigin>,
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

    /// The same, with the place of the field, or of the table around it.
    pub fn error_at(&mut self, field: &str, found: impl Into<String>, remedy: impl Into<String>) {
        let origin = self.origin(field);
        self.error(origin, field, found, remedy);
    }

    /// The place of a field; if it is not set, the place of the table around it.
    pub fn origin(&self, field: &str) -> Option<SettingOrigin> {
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

    /// Reads a field with `read`, which returns the expected form if the value is something else.
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

    /// A list of tables. None if it is not set at all.
    pub fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_>) -> T,
    ) -> Option<Vec<T>> {
        let (field, node) = self.take(key)?;
        self.findings.fields.retain(|known| *known != field);
        let remedy = format!("write each as a separate table, [[{field}]]");
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

    /// Reports every key that was not read.
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

fn found(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Bare(text) => format!("found \"{text}\""),
        Value::Integer(number) => format!("found {number}"),
        Value::Float(number) => format!("found {number}"),
        Value::Flag(flag) => format!("found {flag}"),
        Value::Time(text) => format!("found {text}"),
        other => format!("found {}", other.kind()),
    }
}
