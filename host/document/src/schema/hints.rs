//! What is right in a schema, and what the pipeline's validator (Python's jsonschema) all the same refuses,
//! fails on, or judges otherwise. Told when the schema is loaded; docs/JSON.md has the table.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::locations::escaped;
use crate::number::Number;

pub(super) const IGNORED_DEPENDENCIES: &str = "`dependencies` is ignored here, as the pipeline's validator \
    does: 2019-09 and later have `dependentRequired` and `dependentSchemas` in its place";

const ENUM: &str = "drafts 3 and 4 forbid an `enum` that is empty or has a value twice: the pipeline's \
    validator refuses the schema, here it is judged by";

const ADDITIONAL_ITEMS: &str = "`additionalItems` beside `items` of true or false says nothing here; the \
    pipeline's validator fails on every array: remove it";

const UNEVALUATED_ITEMS: &str = "with `unevaluatedItems` in 2019-09 the pipeline's validator fails on every \
    array where `items` is true or false: use an empty schema, or one of `not`";

const UNEVALUATED: &str = "with a schema in `unevaluatedProperties` or `additionalProperties` the pipeline's \
    validator does not see in 2019-09 which properties they evaluate, and judges otherwise than the standard \
    does, and Landfall: declare 2020-12";

/// Below it a double that is an integer is an `i64`.
const INTEGERS_MAX: f64 = 9e18;

/// The drafts that differ here.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum HintDraft {
    /// Draft-04, and draft-03, which is translated to it.
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

/// Collects hints of one document.
#[derive(Default)]
pub(super) struct Hints {
    told: Vec<(String, &'static str)>,
    /// Places of `unevaluatedProperties` in 2019-09.
    unevaluated: Vec<String>,
    /// A schema in them, or in `additionalProperties`.
    evaluates_by_schema: bool,
    /// Places of `items` that is true or false in 2019-09.
    boolean_items: Vec<String>,
    has_unevaluated_items: bool,
}

impl Hints {
    pub fn push(&mut self, at: String, hint: &'static str) {
        self.told.push((at, hint));
    }

    /// Looks at one schema, at `at`.
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

    /// Looks at one schema, also where nothing counts beside a reference.
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
            self.told.extend(places.map(|at| (at, UNEVALUATED)));
        }
        if self.has_unevaluated_items {
            let places = self.boolean_items.into_iter();
            self.told.extend(places.map(|at| (at, UNEVALUATED_ITEMS)));
        }
        self.told
    }
}

/// Whether there are values, no two of them equal.
fn is_set(values: &[Value]) -> bool {
    let mut seen = HashSet::new();
    !values.is_empty()
        && values
            .iter()
            .all(|value| seen.insert(alike(value).to_string()))
}

/// The same of equal values: numbers that are integers are written as such. Recursion is as deep as the
/// file is nested.
fn alike(value: &Value) -> Value {
    match value {
        Value::Number(number) => match Number::of_serde(number) {
            Some(Number::Float(float)) if float.fract() == 0.0 && float.abs() < INTEGERS_MAX => {
                (float as i64).into()
            }
            _ => value.clone(),
        },
        Value::Array(values) => values.iter().map(alike).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), alike(member)))
            .collect(),
        value => value.clone(),
    }
}
