//! Hints about schemas: what is right in a schema, but what the pipeline's validator (Python's jsonschema)
//! refuses, fails on, or judges otherwise than Landfall. They are given when the schema is loaded; docs/JSON.md
//! has the table.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::locations::escaped;
use crate::number::Number;

pub(super) const IGNORED_DEPENDENCIES: &str = "`dependencies` is ignored here, as the pipeline's validator \
    does: 2019-09 and later have `dependentRequired` and `dependentSchemas` in its place";

const ENUM: &str = "drafts 3 and 4 forbid an `enum` that is empty or has a value twice: the pipeline's \
    validator refuses the schema, Landfall judges by it";

const ADDITIONAL_ITEMS: &str = "`additionalItems` beside `items` of true or false has no effect here; the \
    pipeline's validator fails on every array: remove it";

const UNEVALUATED_ITEMS: &str = "with `unevaluatedItems` in 2019-09 the pipeline's validator fails on every \
    array where `items` is true or false: use an empty schema, or one of `not`";

const UNEVALUATED: &str = "with a schema in `unevaluatedProperties` or `additionalProperties` the pipeline's \
    validator does not see in 2019-09 which properties they evaluate: it judges otherwise than the standard and \
    Landfall; declare 2020-12";

/// A double that is an integer and smaller than this is an `i64`.
const INTEGERS_MAX: f64 = 9e18;

/// The drafts for which hints differ.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum HintDraft {
    /// Draft-04, also if it was translated from draft-03.
    Draft4,
    #[default]
    Other,
    /// 2019-09.
    Draft2019,
}

impl HintDraft {
    pub fn of(draft: &str) -> Self {
        if draft.contains("draft-04") {
            Self::Draft4
        } else if draft.contains("2019-09") {
            Self::Draft2019
        } else {
            Self::Other
        }
    }
}

/// Collects the hints of one document.
#[derive(Default)]
pub(super) struct Hints {
    /// Pointers, and the hints about what is there.
    found: Vec<(String, &'static str)>,
    /// Pointers to `unevaluatedProperties` in 2019-09.
    unevaluated: Vec<String>,
    /// Whether one of them, or an `additionalProperties`, is a schema.
    evaluates_by_schema: bool,
    /// Pointers to `items` that are true or false in 2019-09.
    boolean_items: Vec<String>,
    has_unevaluated_items: bool,
}

impl Hints {
    pub fn push(&mut self, at: String, hint: &'static str) {
        self.found.push((at, hint));
    }

    /// Looks at one schema that validators read; `at` is the pointer to it.
    pub fn look(&mut self, members: &Map<String, Value>, at: &str, draft: HintDraft) {
        for (keyword, value) in members {
            let here = || format!("{at}/{}", escaped(keyword));
            match (keyword.as_str(), value) {
                ("additionalItems", _) if members.get("items").is_some_and(Value::is_boolean) => {
                    self.push(here(), ADDITIONAL_ITEMS);
                }
                ("additionalProperties", Value::Object(_)) if draft == HintDraft::Draft2019 => {
                    self.evaluates_by_schema = true;
                }
                ("items", Value::Bool(_)) if draft == HintDraft::Draft2019 => {
                    self.boolean_items.push(here());
                }
                ("unevaluatedItems", _) => self.has_unevaluated_items = true,
                ("unevaluatedProperties", value) if draft == HintDraft::Draft2019 => {
                    self.evaluates_by_schema |= value.is_object();
                    self.unevaluated.push(here());
                }
                _ => {}
            }
        }
    }

    /// Looks at one schema that the meta-schema reads: also beside a reference, where validators ignore it.
    pub fn look_by_meta_schema(
        &mut self,
        members: &Map<String, Value>,
        at: &str,
        draft: HintDraft,
    ) {
        if let Some(Value::Array(values)) = members.get("enum")
            && draft == HintDraft::Draft4
            && !is_set(values)
        {
            self.push(format!("{at}/enum"), ENUM);
        }
    }

    pub fn finish(mut self) -> Vec<(String, &'static str)> {
        if self.evaluates_by_schema {
            let places = self.unevaluated.into_iter();
            self.found.extend(places.map(|at| (at, UNEVALUATED)));
        }
        if self.has_unevaluated_items {
            let places = self.boolean_items.into_iter();
            self.found.extend(places.map(|at| (at, UNEVALUATED_ITEMS)));
        }
        self.found
    }
}

/// Whether there are values, and no two of them are equal.
fn is_set(values: &[Value]) -> bool {
    let mut seen = HashSet::new();
    !values.is_empty()
        && values
            .iter()
            .all(|value| seen.insert(normalized(value).to_string()))
}

/// Maps equal values to the same value: numbers that are integers are written as such. Recursion is as deep as
/// the file is nested.
fn normalized(value: &Value) -> Value {
    match value {
        Value::Number(number) => match Number::of_serde(number) {
            Some(Number::Float(float)) if float.fract() == 0.0 && float.abs() < INTEGERS_MAX => {
                (float as i64).into()
            }
            _ => value.clone(),
        },
        Value::Array(values) => values.iter().map(normalized).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), normalized(member)))
            .collect(),
        value => value.clone(),
    }
}
