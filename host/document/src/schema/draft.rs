//! Finds out in which draft a schema is written: by its `$schema`, else by keywords that only draft-03 has.

use serde_json::{Map, Value};

use super::error::Problem;
use super::locations::escaped;

/// The draft of a document.
pub(super) enum DeclaredDraft {
    /// Draft-03, which has to be translated.
    Draft3,
    /// Any later one, by its canonical `$schema`.
    Later(&'static str),
}

/// The canonical `$schema` of draft-04.
pub(super) const DRAFT_04: &str = "http://json-schema.org/draft-04/schema#";

/// The draft of a document, by the rules that schemas/README.md states.
pub(super) fn of(document: &Value) -> Result<DeclaredDraft, Problem> {
    let Some(declared) = document.get("$schema") else {
        return by_traits(document);
    };
    declared
        .as_str()
        .and_then(by_uri)
        .ok_or_else(|| Problem::UnknownDraft {
            pointer: "/$schema".to_owned(),
            found: declared.to_string(),
        })
}

fn by_uri(uri: &str) -> Option<DeclaredDraft> {
    let uri = uri
        .strip_prefix("https://")
        .or_else(|| uri.strip_prefix("http://"))?;
    Some(match uri.strip_suffix('#').unwrap_or(uri) {
        "json-schema.org/draft-03/schema" => DeclaredDraft::Draft3,
        "json-schema.org/draft-04/schema" => DeclaredDraft::Later(DRAFT_04),
        "json-schema.org/draft-06/schema" => {
            DeclaredDraft::Later("http://json-schema.org/draft-06/schema#")
        }
        "json-schema.org/draft-07/schema" => {
            DeclaredDraft::Later("http://json-schema.org/draft-07/schema#")
        }
        "json-schema.org/draft/2019-09/schema" => {
            DeclaredDraft::Later("https://json-schema.org/draft/2019-09/schema")
        }
        "json-schema.org/draft/2020-12/schema" => {
            DeclaredDraft::Later("https://json-schema.org/draft/2020-12/schema")
        }
        _ => return None,
    })
}

/// Whether it is the URI of a draft that Landfall knows.
pub(super) fn is_known(uri: &str) -> bool {
    by_uri(uri).is_some()
}

fn by_traits(document: &Value) -> Result<DeclaredDraft, Problem> {
    let mut traits = DraftTraits::default();
    traits.look(document, "");
    match traits {
        DraftTraits {
            is_draft3: true, ..
        } => Ok(DeclaredDraft::Draft3),
        DraftTraits {
            newer: Some((pointer, keyword)),
            ..
        } => Err(Problem::UnclearDraft { pointer, keyword }),
        DraftTraits { .. } => Ok(DeclaredDraft::Later(DRAFT_04)),
    }
}

/// What the keywords of a document say about its draft.
#[derive(Default)]
struct DraftTraits {
    is_draft3: bool,
    /// Pointer and name of the first keyword that is newer than draft-04.
    newer: Option<(String, String)>,
}

impl DraftTraits {
    fn look(&mut self, schema: &Value, at: &str) {
        let Some(schema) = schema.as_object() else {
            return;
        };
        for (keyword, value) in schema {
            let here = format!("{at}/{}", escaped(keyword));
            self.is_draft3 |= is_draft3(keyword, value);
            if self.newer.is_none() && is_newer(keyword, value) {
                self.newer = Some((here.clone(), keyword.clone()));
            }
            match keyword.as_str() {
                "properties" | "patternProperties" | "definitions" | "dependencies" => {
                    for (name, schema) in value.as_object().unwrap_or(&Map::new()) {
                        self.look(schema, &format!("{here}/{}", escaped(name)));
                    }
                }
                "items"
                | "additionalItems"
                | "additionalProperties"
                | "extends"
                | "disallow"
                | "type"
                | "allOf"
                | "anyOf"
                | "oneOf"
                | "not" => match value {
                    Value::Array(schemas) => {
                        for (index, schema) in schemas.iter().enumerate() {
                            self.look(schema, &format!("{here}/{index}"));
                        }
                    }
                    schema => self.look(schema, &here),
                },
                _ => {}
            }
        }
    }
}

fn is_draft3(keyword: &str, value: &Value) -> bool {
    match (keyword, value) {
        ("required", Value::Bool(_)) | ("extends" | "disallow" | "divisibleBy", _) => true,
        ("dependencies", Value::Object(members)) => members.values().any(Value::is_string),
        ("type", Value::String(name)) => name == "any",
        ("type", Value::Array(types)) => types.iter().any(|one| one == "any" || one.is_object()),
        _ => false,
    }
}

fn is_newer(keyword: &str, value: &Value) -> bool {
    match keyword {
        "$id"
        | "$defs"
        | "$anchor"
        | "$dynamicRef"
        | "const"
        | "contains"
        | "propertyNames"
        | "if"
        | "prefixItems"
        | "dependentRequired"
        | "dependentSchemas"
        | "unevaluatedProperties"
        | "unevaluatedItems" => true,
        "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
        _ => false,
    }
}
