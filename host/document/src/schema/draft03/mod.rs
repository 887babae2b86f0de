//! Draft-03 schemas in the words of draft-04. A keyword that draft-03 does not have is dropped, as
//! its validators do, unless it would constrain in a later draft: that is refused, and so is
//! everything that cannot be said in draft-04.

mod keywords;
mod references;
mod types;

use serde_json::{Map, Value, json};

use super::draft::{DRAFT_04, escaped};
use super::error::Problem;
use keywords::Keyword;
use references::References;

/// Translates a whole document. Its top level is left as open as it was written.
pub(super) fn translate(document: &Value) -> Result<Value, Problem> {
    let mut translator = Translator {
        references: References::of(document),
    };
    let mut translated = translator.schema(document, "")?;
    let mut definitions = translator.definitions(document)?;
    while let Some((name, pointer, target)) = translator.references.next_wanted() {
        definitions.insert(name, translator.schema(target, &pointer)?);
    }
    translated["$schema"] = DRAFT_04.into();
    if !definitions.is_empty() {
        translated["definitions"] = definitions.into();
    }
    Ok(translated)
}

/// The pipeline's rule for event schemas: no property at the top level but the declared ones.
pub(super) fn closed(translated: &Value) -> Value {
    let mut closed = translated.clone();
    closed["additionalProperties"] = false.into();
    closed
}

fn refused(pointer: &str, reason: impl Into<String>) -> Problem {
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
}

impl<'a> Translator<'a> {
    /// One schema; `at` is its JSON pointer. Recursion is as deep as the file is nested, which the
    /// parser has bounded.
    fn schema(&mut self, schema: &'a Value, at: &str) -> Result<Value, Problem> {
        let Some(schema) = schema.as_object() else {
            return Err(refused(
                at,
                "a schema of draft-03 is an object: write one here",
            ));
        };
        if let Some(reference) = schema.get("$ref") {
            // As in draft-04, what stands beside a reference is ignored.
            let target = self.references.target(reference, &format!("{at}/$ref"))?;
            return Ok(json!({ "$ref": target }));
        }
        let mut out = Map::new();
        for (name, value) in schema {
            let here = format!("{at}/{}", escaped(name));
            match Keyword::of(name) {
                Keyword::Same => {
                    out.insert(name.clone(), value.clone());
                }
                Keyword::Ignored => {}
                Keyword::Foreign => {
                    return Err(refused(
                        &here,
                        format!(
                            "draft-03 has no `{name}`: declare the draft it is from in `$schema`, or remove it"
                        ),
                    ));
                }
                Keyword::Own => self.own(name, value, &here, &mut out)?,
            }
        }
        // Without its bound the keyword says nothing in draft-03, and draft-04 forbids it.
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

    /// A keyword that draft-04 says otherwise, or that holds schemas.
    fn own(
        &mut self,
        name: &str,
        value: &'a Value,
        here: &str,
        out: &mut Map<String, Value>,
    ) -> Result<(), Problem> {
        match name {
            "type" => self.types(value, here)?.write(out),
            "disallow" => {
                let mut schema = Map::new();
                self.types(value, here)?.write(&mut schema);
                out.insert("not".to_owned(), schema.into());
            }
            "properties" => {
                let required = required_of(value, here)?;
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
                let all = match value {
                    Value::Array(schemas) => self.schemas(schemas, here)?,
                    schema => Value::Array(vec![self.schema(schema, here)?]),
                };
                if all.as_array().is_some_and(|all| !all.is_empty()) {
                    out.insert("allOf".to_owned(), all);
                }
            }
            "divisibleBy" => {
                if !value.as_f64().is_some_and(|divisor| divisor > 0.0) {
                    return Err(refused(
                        here,
                        "`divisibleBy` must be a number greater than 0",
                    ));
                }
                out.insert("multipleOf".to_owned(), value.clone());
            }
            "dependencies" => {
                out.insert(name.to_owned(), self.dependencies(value, here)?);
            }
            // Read by the parent's `properties`; elsewhere it says nothing.
            "required" if value.is_boolean() => {}
            "required" => {
                return Err(refused(
                    here,
                    "`required` is true or false in draft-03: declare draft-04 in `$schema`, or move it \
                     into each property",
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn schemas(&mut self, schemas: &'a [Value], at: &str) -> Result<Value, Problem> {
        let translated = schemas
            .iter()
            .enumerate()
            .map(|(index, schema)| self.schema(schema, &format!("{at}/{index}")));
        Ok(Value::Array(translated.collect::<Result<_, _>>()?))
    }

    fn schemas_by_name(&mut self, schemas: &'a Value, at: &str) -> Result<Value, Problem> {
        let translated = object(schemas, at)?.iter().map(|(name, schema)| {
            Ok((
                name.clone(),
                self.schema(schema, &format!("{at}/{}", escaped(name)))?,
            ))
        });
        Ok(Value::Object(translated.collect::<Result<_, Problem>>()?))
    }

    fn dependencies(&mut self, value: &'a Value, at: &str) -> Result<Value, Problem> {
        let mut out = Map::new();
        for (name, dependency) in object(value, at)? {
            let here = format!("{at}/{}", escaped(name));
            let translated = match dependency {
                Value::String(other) => json!([other]),
                Value::Array(others) => {
                    let mut names: Vec<&Value> = Vec::new();
                    for other in others {
                        if !other.is_string() {
                            return Err(refused(
                                &here,
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

    /// `definitions` is no keyword of draft-03, but where people keep what they refer to, also from
    /// other files. What is no schema there was never referred to.
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
                    self.schema(schema, &format!("/definitions/{}", escaped(name)))?,
                );
            }
        }
        Ok(out)
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, Problem> {
    value
        .as_object()
        .ok_or_else(|| refused(at, "an object is expected here"))
}

/// The names of the properties that say `required: true`, also beside a `$ref`.
fn required_of(properties: &Value, at: &str) -> Result<Vec<Value>, Problem> {
    let properties = object(properties, at)?.iter();
    let required =
        properties.filter(|(_, schema)| schema.get("required") == Some(&Value::Bool(true)));
    Ok(required
        .map(|(name, _)| Value::String(name.clone()))
        .collect())
}
