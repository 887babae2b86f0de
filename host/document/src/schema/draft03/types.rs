//! `type` and `disallow`: names, `any`, and unions with schemas.

use serde_json::{Map, Value, json};

use super::{Translator, refused};
use crate::schema::error::Problem;

/// What `type` allows.
pub(super) enum Types {
    Any,
    /// One of these names, or one of these schemas.
    Union {
        names: Vec<String>,
        schemas: Vec<Value>,
    },
}

impl Types {
    /// Adds the constraint to a schema of draft-04.
    pub fn write(self, out: &mut Map<String, Value>) {
        let Self::Union { names, mut schemas } = self else {
            return;
        };
        let names = if let [name] = names.as_slice() {
            json!(name)
        } else {
            json!(names)
        };
        if schemas.is_empty() {
            out.insert("type".to_owned(), names);
            return;
        }
        if names != json!([]) {
            schemas.insert(0, json!({ "type": names }));
        }
        out.insert("anyOf".to_owned(), schemas.into());
    }
}

impl<'a> Translator<'a> {
    pub(super) fn types(&mut self, value: &'a Value, at: &str) -> Result<Types, Problem> {
        let Value::Array(types) = value else {
            return self.union(std::slice::from_ref(value), |_| at.to_owned());
        };
        if types.is_empty() {
            return Err(refused(
                at,
                "an empty list of types allows nothing: name one",
            ));
        }
        self.union(types, |index| format!("{at}/{index}"))
    }

    fn union(
        &mut self,
        types: &'a [Value],
        at: impl Fn(usize) -> String,
    ) -> Result<Types, Problem> {
        let mut is_any = false;
        let mut names: Vec<String> = Vec::new();
        let mut schemas = Vec::new();
        for (index, one) in types.iter().enumerate() {
            match one {
                Value::String(name) if name == "any" => is_any = true,
                Value::String(name) if is_type(name) => {
                    if !names.contains(name) {
                        names.push(name.clone());
                    }
                }
                Value::Object(_) => schemas.push(self.schema(one, &at(index))?),
                other => {
                    return Err(refused(
                        &at(index),
                        format!(
                            "{other} is no type of draft-03: use string, number, integer, boolean, object, \
                             array, null, any, or a schema"
                        ),
                    ));
                }
            }
        }
        Ok(if is_any {
            Types::Any
        } else {
            Types::Union { names, schemas }
        })
    }
}

fn is_type(name: &str) -> bool {
    matches!(
        name,
        "string" | "number" | "integer" | "boolean" | "object" | "array" | "null"
    )
}
