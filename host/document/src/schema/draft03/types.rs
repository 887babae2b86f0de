//! Translates `type` and `disallow`: names of types, `any`, and unions with schemas.

use serde_json::{Map, Value, json};

use super::places::TranslatedPlace;
use super::{Translator, as_list, problem};
use crate::schema::error::Problem;

/// The types that a `type` allows.
pub(super) enum Types {
    Any,
    /// A type of one of these names, or a value that one of these schemas (of draft-04) accepts.
    Union {
        names: Vec<String>,
        schemas: Vec<Value>,
    },
}

impl Types {
    /// Adds the keywords of draft-04 for it to a schema.
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
    /// Translates the value of a `type`. `place` is that of the value in the file, and of the list of schemas
    /// (`anyOf`) in the translation.
    pub(super) fn types(
        &mut self,
        value: &'a Value,
        place: &TranslatedPlace,
    ) -> Result<Types, Problem> {
        let types = as_list(value);
        if types.is_empty() {
            // An empty union accepts nothing.
            return Ok(Types::Union {
                names: Vec::new(),
                schemas: vec![json!({ "not": {} })],
            });
        }
        let at = |index: usize| {
            if value.is_array() {
                format!("{}/{index}", place.at)
            } else {
                place.at.clone()
            }
        };
        let mut is_any = false;
        let mut names: Vec<String> = Vec::new();
        let mut schemas = Vec::new();
        // All names together are the first schema of the list.
        let schemas_begin = usize::from(types.iter().any(|one| one.is_string()));
        for (index, one) in types.iter().enumerate() {
            match one {
                Value::String(name) if name == "any" => is_any = true,
                Value::String(name) if is_type(name) => {
                    if !names.contains(name) {
                        names.push(name.clone());
                    }
                }
                Value::Object(_) => {
                    let place = TranslatedPlace {
                        at: at(index),
                        to: format!("{}/{}", place.to, schemas_begin + schemas.len()),
                    };
                    self.places.note(&place);
                    schemas.push(self.schema(one, &place)?);
                }
                other => {
                    return Err(problem(
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
