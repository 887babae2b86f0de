//! The parsed file as a tree in which every value knows its place, merged with what the environment
//! overrides. Does not know what the settings mean.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::errors::ConfigError;
use super::origin::SettingOrigin;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub origin: SettingOrigin,
    pub value: Value,
}

/// A TOML value. Numbers beyond every possible setting are kept as text, for the message.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    /// A date or time, as it was written.
    Time(String),
    /// The text of an environment variable that is no TOML value: the field decides how it is read.
    Bare(String),
    List(Vec<Node>),
    Table(Table),
}

pub type Table = BTreeMap<String, Node>;

impl Value {
    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) | Value::Bare(_) => "a text",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::Time(_) => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// Line numbers of byte offsets.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let after_newlines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self {
            starts: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    fn at(&self, offset: usize) -> SettingOrigin {
        SettingOrigin::Line(self.starts.partition_point(|&start| start <= offset))
    }
}

/// Parses a file; goes on after errors as far as possible, so that all are reported at once.
pub fn parse(text: &str, errors: &mut Vec<ConfigError>) -> Table {
    let lines = Lines::of(text);
    let (table, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        let origin = error.span().map(|span| lines.at(span.start));
        errors.push(ConfigError::syntax(origin, error.message().to_owned()));
    }
    convert_table(table.into_inner(), &lines)
}

/// The value of an environment variable: TOML if it can be read as TOML, otherwise its text.
pub fn parse_variable(name: &str, text: &str) -> Node {
    let origin = SettingOrigin::Variable(name.to_owned());
    let value = match DeValue::parse(text.trim()) {
        Ok(value) => {
            let mut node = convert(value, &Lines::of(""));
            node.set_origin(&origin);
            match node.value {
                // So that `LANDFALL__STORE__DIR=2014` and `..=yes` mean what they look like.
                value @ (Value::List(_) | Value::Table(_) | Value::Text(_)) => value,
                _ => Value::Bare(text.to_owned()),
            }
        }
        Err(_) => Value::Bare(text.to_owned()),
    };
    Node { origin, value }
}

impl Node {
    fn set_origin(&mut self, origin: &SettingOrigin) {
        self.origin = origin.clone();
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.set_origin(origin)),
            Value::Table(table) => table.values_mut().for_each(|item| item.set_origin(origin)),
            _ => {}
        }
    }
}

fn convert_table(table: DeTable<'_>, lines: &Lines) -> Table {
    let pairs = table.into_iter().map(|(key, value)| {
        // The line of the key: that of a table is the line of its header.
        let origin = lines.at(key.span().start);
        let mut node = convert(value, lines);
        node.origin = origin;
        (key.into_inner().into_owned(), node)
    });
    pairs.collect()
}

fn convert(value: Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let origin = lines.at(value.span().start);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Float(integer.as_str().parse().unwrap_or(f64::NAN)),
        },
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(time) => Value::Time(time.to_string()),
        DeValue::Array(items) => {
            Value::List(items.into_iter().map(|item| convert(item, lines)).collect())
        }
        DeValue::Table(table) => Value::Table(convert_table(table, lines)),
    };
    Node { origin, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let text = "a = 1\n\n[b]\nc = [\n  'x',\n  'y',\n]\n[[d]]\ne = 0x1f\n";
        let mut errors = Vec::new();
        let table = parse(text, &mut errors);
        assert!(errors.is_empty());
        assert_eq!(table["a"].origin, SettingOrigin::Line(1));
        let Value::Table(b) = &table["b"].value else {
            panic!()
        };
        assert_eq!(b["c"].origin, SettingOrigin::Line(4));
        let Value::List(c) = &b["c"].value else {
            panic!()
        };
        assert_eq!(c[1].origin, SettingOrigin::Line(6));
        let Value::List(d) = &table["d"].value else {
            panic!()
        };
        let Value::Table(e) = &d[0].value else {
            panic!()
        };
        assert!(matches!(
            e["e"],
            Node {
                origin: SettingOrigin::Line(9),
                value: Value::Integer(31)
            }
        ));
    }

    #[test]
    fn syntax_errors_are_reported_all_at_once_with_their_lines() {
        let mut errors = Vec::new();
        let table = parse("a = \nb = 2\nc = 'open\n", &mut errors);
        let lines: Vec<_> = errors
            .iter()
            .filter_map(|error| error.origin.clone())
            .collect();
        assert_eq!(lines, [SettingOrigin::Line(1), SettingOrigin::Line(3)]);
        assert!(table.contains_key("b"));
    }
}
