//! Translates draft-03 schemas to draft-04. A keyword that draft-03 does not have is dropped, for validators of
//! draft-03 ignore it. If it is a constraint in a later draft, the schema is refused, and so it is if something
//! cannot be said in draft-04.

mod keywords;
mod places;
mod references;
mod types;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::draft::DRAFT_04;
use super::error::Problem;
use super::library;
use super::locations::escaped;
use keywords::Draft03Keyword;
pub(crate) use places::Places;
use places::TranslatedPlace;
use references::References;

/// Translates a whole document. Answers the translation, and the places of what was moved. The top level is not
/// closed: see `closed`.
pub(super) fn translate(document: &Value) -> Result<(Value, Places), Problem> {
    let mut translator = Translator {
        references: References::of(document),
        places: Places::of_translation(),
    };
    let mut translated = translator.schema(document, &TranslatedPlace::top())?;
    let mut definitions = translator.definitions(document)?;
    while let Some((name, pointer, target)) = translator.references.next_wanted() {
        let place = TranslatedPlace {
            at: pointer,
            to: format!("/definitions/{name}"),
        };
        translator.places.note(&place);
        definitions.insert(name, translator.schema(target, &place)?);
    }
    translated["$schema"] = DRAFT_04.into();
    // The base of relative references.
    if let Some(id) = own_identifier(document) {
        translated["id"] = id.into();
    }
    if !definitions.is_empty() {
        translated["definitions"] = definitions.into();
    }
    Ok((translated, translator.places))
}

/// The identifier of the file without fragment, if it makes a URI.
fn own_identifier(document: &Value) -> Option<&str> {
    let id = document.get("id")?.as_str()?.split('#').next()?;
    let is_uri = !id.is_empty() && library::uri_of_id("", id).is_some();
    is_uri.then_some(id)
}

/// The meta-schema of draft-03, as it was published.
const META_SCHEMA: &[u8] = include_bytes!("metaschema.json");

const META_SCHEMA_URIS: [&str; 2] = [
    "http://json-schema.org/draft-03/schema",
    "https://json-schema.org/draft-03/schema",
];

/// The URI by which the library has the meta-schema, for the crate does not retrieve its official URI. No label
/// has a `!`.
const META_SCHEMA_PLACE: &str = "landfall-schemas:///!draft-03";

/// Adds the meta-schema of draft-03 to the schemas of a library; the crate itself has those of the later
/// drafts.
pub(super) fn add_meta_schema(schemas: &mut HashMap<String, Value>) {
    let document = serde_json::from_slice::<Value>(META_SCHEMA).ok();
    let translated = document.and_then(|document| Some(translate(&document).ok()?.0));
    if let Some(Value::Object(mut translated)) = translated {
        translated.remove("id");
        schemas.insert(META_SCHEMA_PLACE.to_owned(), translated.into());
    }
}

/// The library's URI for one that leads to the meta-schema; `None` for all others.
pub(super) fn meta_schema_at(uri: &str) -> Option<String> {
    let (address, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    META_SCHEMA_URIS
        .contains(&address)
        .then(|| format!("{META_SCHEMA_PLACE}#{fragment}"))
}

/// A translation whose top level allows only declared properties: EventLogging's rule for the schemas of
/// events.
pub(super) fn closed(translated: &Value) -> Value {
    let mut closed = translated.clone();
    closed["additionalProperties"] = false.into();
    closed
}

fn problem(pointer: &str, reason: impl Into<String>) -> Problem {
    let pointer = if pointer.is_empty() {
        "the top level"
    } else {
        pointer
    };
    Problem::Draft03 {
        pointer: pointer.to_owned(),
        reason: reason.into(),
    }
}

struct Translator<'a> {
    references: References<'a>,
    places: Places,
}

impl<'a> Translator<'a> {
    /// Translates one schema. Recursion is as deep as the file is nested, which the parser has bounded.
    fn schema(&mut self, schema: &'a Value, place: &TranslatedPlace) -> Result<Value, Problem> {
        let Some(schema) = schema.as_object() else {
            return Err(problem(
                &place.at,
                "a schema of draft-03 is an object: write one here",
            ));
        };
        if let Some(reference) = schema.get("$ref") {
            // As in draft-04, what stands beside a reference is ignored.
            let target = self
                .references
                .target(reference, &format!("{}/$ref", place.at))?;
            return Ok(json!({ "$ref": target }));
        }
        let mut out = Map::new();
        for (name, value) in schema {
            let here = place.step(&escaped(name));
            match Draft03Keyword::of(name) {
                Draft03Keyword::Same => {
                    out.insert(name.clone(), value.clone());
                }
                Draft03Keyword::Ignored => {}
                Draft03Keyword::Foreign => {
                    return Err(problem(
                        &here.at,
                        format!(
                            "draft-03 has no `{name}`: declare the draft it is from in `$schema`, or remove it"
                        ),
                    ));
                }
                Draft03Keyword::Translated => {
                    self.translate_keyword(name, value, place, &mut out)?
                }
            }
        }
        // Without its bound, the keyword has no meaning in draft-03, and is forbidden in draft-04.
        for (exclusive, bound) in [
            ("exclusiveMinimum", "minimum"),
            ("exclusiveMaximum", "maximum"),
        ] {
            if !out.contains_key(bound) {
                out.remove(exclusive);
            }
        }
        Ok(Value::Object(out))
    }

    /// Translates a keyword that draft-04 has otherwise, or that holds schemas.
    fn translate_keyword(
        &mut self,
        name: &str,
        value: &'a Value,
        place: &TranslatedPlace,
        out: &mut Map<String, Value>,
    ) -> Result<(), Problem> {
        let here = &place.step(name);
        match name {
            "type" => self.types(value, &place.moved(name, "anyOf"))?.write(out),
            "disallow" if value.as_array().is_some_and(Vec::is_empty) => {}
            "disallow" => {
                let mut schema = Map::new();
                self.types(value, &place.moved(name, "not/anyOf"))?
                    .write(&mut schema);
                out.insert("not".to_owned(), schema.into());
            }
            "properties" => {
                let required = required_of(value, &here.at)?;
                if !required.is_empty() {
                    out.insert("required".to_owned(), required.into());
                }
                out.insert(name.to_owned(), self.schemas_by_name(value, here)?);
            }
            "patternProperties" => {
                out.insert(name.to_owned(), self.schemas_by_name(value, here)?);
            }
            "additionalProperties" | "additionalItems" => {
                let translated = if value.is_boolean() {
                    value.clone()
                } else {
                    self.schema(value, here)?
                };
                out.insert(name.to_owned(), translated);
            }
            "items" => {
                let translated = match value {
                    Value::Array(schemas) => self.schemas(schemas, here)?,
                    schema => self.schema(schema, here)?,
                };
                out.insert(name.to_owned(), translated);
            }
            "extends" => {
                let mut all = Vec::new();
                for (index, schema) in as_list(value).iter().enumerate() {
                    let at = if value.is_array() {
                        format!("{name}/{index}")
                    } else {
                        name.to_owned()
                    };
                    let here = place.moved(&at, &format!("allOf/{index}"));
                    self.places.note(&here);
                    all.push(self.schema(schema, &here)?);
                }
                if !all.is_empty() {
                    out.insert("allOf".to_owned(), all.into());
                }
            }
            "divisibleBy" => {
                if !value.as_f64().is_some_and(|divisor| divisor > 0.0) {
                    return Err(problem(
                        &here.at,
                        "`divisibleBy` must be a number greater than 0",
                    ));
                }
                out.insert("multipleOf".to_owned(), value.clone());
            }
            "dependencies" => {
                out.insert(name.to_owned(), self.dependencies(value, here)?);
            }
            // The `properties` around it reads it; elsewhere it has no meaning.
            "required" if value.is_boolean() => {}
            "required" => {
                return Err(problem(
                    &here.at,
                    "`required` is true or false in draft-03: declare draft-04 in `$schema`, or move it \
                     into each property",
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn schemas(&mut self, schemas: &'a [Value], place: &TranslatedPlace) -> Result<Value, Problem> {
        let translated = schemas
            .iter()
            .enumerate()
            .map(|(index, schema)| self.schema(schema, &place.step(&index.to_string())));
        Ok(Value::Array(translated.collect::<Result<_, _>>()?))
    }

    fn schemas_by_name(
        &mut self,
        schemas: &'a Value,
        place: &TranslatedPlace,
    ) -> Result<Value, Problem> {
        let translated = object(schemas, &place.at)?.iter().map(|(name, schema)| {
            Ok((
                name.clone(),
                self.schema(schema, &place.step(&escaped(name)))?,
            ))
        });
        Ok(Value::Object(translated.collect::<Result<_, Problem>>()?))
    }

    fn dependencies(
        &mut self,
        value: &'a Value,
        place: &TranslatedPlace,
    ) -> Result<Value, Problem> {
        let mut out = Map::new();
        for (name, dependency) in object(value, &place.at)? {
            let here = place.step(&escaped(name));
            let translated = match dependency {
                Value::String(other) => json!([other]),
                Value::Array(others) => {
                    let mut names: Vec<&Value> = Vec::new();
                    for other in others {
                        if !other.is_string() {
                            return Err(problem(
                                &here.at,
                                "a dependency list holds names of properties",
                            ));
                        }
                        if !names.contains(&other) {
                            names.push(other);
                        }
                    }
                    if names.is_empty() {
                        continue;
                    }
                    json!(names)
                }
                schema => self.schema(schema, &here)?,
            };
            out.insert(name.clone(), translated);
        }
        Ok(Value::Object(out))
    }

    /// Translates the schemas in `definitions`. That is no keyword of draft-03, but the usual place for schemas
    /// to which others refer, also from other files.
    fn definitions(&mut self, document: &'a Value) -> Result<Map<String, Value>, Problem> {
        let mut out = Map::new();
        for (name, schema) in document
            .get("definitions")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            if schema.is_object() {
                out.insert(
                    name.clone(),
                    self.schema(
                        schema,
                        &TranslatedPlace::top()
                            .step("definitions")
                            .step(&escaped(name)),
                    )?,
                );
            }
        }
        Ok(out)
    }
}

/// The elements of an array; any other value as a list of one.
fn as_list(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        value => std::slice::from_ref(value),
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, Problem> {
    value
        .as_object()
        .ok_or_else(|| problem(at, "an object is expected here"))
}

/// The names of the properties with `required: true`, also beside a `$ref`.
fn required_of(properties: &Value, at: &str) -> Result<Vec<Value>, Problem> {
    let properties = object(properties, at)?.iter();
    let required =
        properties.filter(|(_, schema)| schema.get("required") == Some(&Value::Bool(true)));
    Ok(required
        .map(|(name, _)| Value::String(name.clone()))
        .collect())
}
