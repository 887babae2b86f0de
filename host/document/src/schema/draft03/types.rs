//! `type` and `disallow`: names, `any`, and unions with schemas.

use serde_json::{Map, Value, json};

use super::places::TranslatedPlace;
use super::{Translator, listed, refused};
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
    /// `place` is that of the types in the file, and of the list of schemas in the translation.
    pub(super) fn types(
        &mut self,
        value: &'a Value,
        place: &TranslatedPlace,
    ) -> Result<Types, Problem> {
        let types = listed(value);
        if types.is_empty() {
            // Nothing is of one of no types.
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
        // All names together come first.
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
