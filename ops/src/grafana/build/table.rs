//! Tables: a row for each combination of labels, a column for each query.

use serde_json::{Map, Value, json};

use super::{Draft, colours};
use crate::grafana::model::{Format, Transformation};

impl Draft {
    /// A table with a row for each combination of `labels`, and a column for each query.
    pub fn columns(mut self, labels: &[(&str, &str)], columns: Vec<Column>) -> Self {
        let mut names: Vec<(String, &str)> = labels
            .iter()
            .map(|&(label, name)| (label.to_owned(), name))
            .collect();
        let one = columns.len() == 1;
        let mut excluded = Map::from_iter([("Time".to_owned(), json!(true))]);
        for column in columns {
            self = self.push(column.name, column.expr, Format::Table, true);
            let target = self.panel.targets.last();
            let ref_id = target.map_or("", |target| &target.ref_id);
            // If the answers of several queries are merged, a value has the letter of its query.
            let value = if one {
                "Value".to_owned()
            } else {
                format!("Value #{ref_id}")
            };
            if column.hidden {
                excluded.insert(value, json!(true));
                continue;
            }
            names.push((value, column.name));
            self = self.override_name(column.name, &column.properties);
        }
        let numbered = names.iter().zip(0u32..);
        let order: Map<_, _> = numbered
            .map(|((field, _), at)| (field.clone(), json!(at)))
            .collect();
        let renamed: Map<_, _> = names
            .iter()
            .map(|(field, name)| (field.clone(), json!(name)))
            .collect();
        let organize = json!({
            "excludeByName": excluded,
            "indexByName": order,
            "renameByName": renamed,
        });
        self.panel.transformations = vec![
            Transformation {
                id: "merge",
                options: json!({}),
            },
            Transformation {
                id: "organize",
                options: organize,
            },
        ];
        self
    }
}

/// A column of numbers in a table.
#[derive(Clone, Debug)]
pub struct Column {
    name: &'static str,
    expr: String,
    properties: Vec<(&'static str, Value)>,
    hidden: bool,
}

impl Column {
    pub fn new(name: &'static str, unit: &'static str, expr: impl Into<String>) -> Self {
        Self {
            name,
            expr: expr.into(),
            properties: vec![("unit", json!(unit))],
            hidden: false,
        }
    }

    /// The column is queried for its labels alone, and not shown.
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    pub fn decimals(mut self, decimals: u8) -> Self {
        self.properties.push(("decimals", json!(decimals)));
        self
    }

    /// The number is written in this colour from a value on.
    pub fn marked_from(self, from: f64, colour: &'static str) -> Self {
        self.marked("text", from, colour)
    }

    /// The number is written in this colour below a value.
    pub fn marked_below(self, from: f64, colour: &'static str) -> Self {
        self.marked(colour, from, "text")
    }

    fn marked(mut self, below: &str, from: f64, above: &str) -> Self {
        let steps = json!([{ "color": below, "value": null }, { "color": above, "value": from }]);
        self.properties.extend([
            ("custom.cellOptions", json!({ "type": "color-text" })),
            ("color", json!({ "mode": "thresholds" })),
            ("thresholds", json!({ "mode": "absolute", "steps": steps })),
        ]);
        self
    }

    /// A bar from 0 to 1, whose colour shows how full it is.
    pub fn bar(mut self) -> Self {
        let steps = json!([
            { "color": colours::GOOD, "value": null },
            { "color": colours::WARNING, "value": 0.7 },
            { "color": colours::BAD, "value": 0.9 },
        ]);
        self.properties.extend([
            (
                "custom.cellOptions",
                json!({ "mode": "basic", "type": "gauge" }),
            ),
            ("min", json!(0)),
            ("max", json!(1)),
            ("color", json!({ "mode": "thresholds" })),
            ("thresholds", json!({ "mode": "absolute", "steps": steps })),
        ]);
        self
    }

    /// Texts instead of numbers.
    pub fn states(mut self, states: &[(&str, &str, &str)]) -> Self {
        let texts: Map<_, _> = states
            .iter()
            .zip(0u32..)
            .map(|(&(value, text, color), index)| {
                (
                    value.to_owned(),
                    json!({ "color": color, "index": index, "text": text }),
                )
            })
            .collect();
        self.properties
            .push(("mappings", json!([{ "options": texts, "type": "value" }])));
        self.properties
            .push(("custom.cellOptions", json!({ "type": "color-text" })));
        self
    }
}
