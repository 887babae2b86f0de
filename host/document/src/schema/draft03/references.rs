//! Translates each `$ref` of a draft-03 document. A target within the document is translated once, to a member
//! of `definitions`, wherever it stood: translation moves some keywords, and a pointer may lead to a place
//! where no schema is expected.

use std::collections::HashMap;

use serde_json::Value;

use super::problem;
use crate::schema::error::Problem;
use crate::schema::locations::{escaped, percent_decoded};

/// The targets of a document's references.
pub(super) struct References<'a> {
    document: &'a Value,
    /// By `id`, the pointers to the schemas that have one.
    ids: HashMap<&'a str, String>,
    /// By the pointer to a target, its name in `definitions`.
    names: HashMap<String, String>,
    /// Targets that are named but not translated yet: names and pointers.
    wanted: Vec<(String, String)>,
    /// Whether there is an `id` below the top level: it changes what relative references below it mean.
    has_inner_base: bool,
}

impl<'a> References<'a> {
    pub fn of(document: &'a Value) -> Self {
        let mut references = Self {
            document,
            ids: HashMap::new(),
            names: HashMap::new(),
            wanted: Vec::new(),
            has_inner_base: false,
        };
        references.collect_ids(document, String::new());
        references
    }

    fn collect_ids(&mut self, value: &'a Value, at: String) {
        match value {
            Value::Object(members) => {
                if let Some(id) = members.get("id").and_then(Value::as_str) {
                    self.has_inner_base |= !at.is_empty() && !id.starts_with('#');
                    let id = id.strip_suffix('#').unwrap_or(id);
                    self.ids.entry(id).or_insert_with(|| at.clone());
                }
                for (name, member) in members {
                    // Their values are no schemas.
                    if !matches!(name.as_str(), "enum" | "default") {
                        self.collect_ids(member, format!("{at}/{}", escaped(name)));
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.collect_ids(item, format!("{at}/{index}"));
                }
            }
            _ => {}
        }
    }

    /// The reference in the translation that leads to the target of `reference`, which stands at `at` in the
    /// file.
    pub fn target(&mut self, reference: &Value, at: &str) -> Result<String, Problem> {
        let Some(reference) = reference.as_str() else {
            return Err(problem(at, "`$ref` must be a string"));
        };
        let plain = reference.strip_suffix('#').unwrap_or(reference);
        if plain.is_empty() {
            return Ok("#".to_owned());
        }
        if let Some(pointer) = self.ids.get(plain).cloned() {
            return Ok(self.definition(pointer));
        }
        match reference.strip_prefix('#') {
            Some(fragment) => {
                let pointer = percent_decoded(fragment);
                if fragment.starts_with('/') && self.document.pointer(&pointer).is_some() {
                    return Ok(self.definition(pointer));
                }
                Err(problem(
                    at,
                    format!("`{reference}` leads to nothing in this file"),
                ))
            }
            None if self.has_inner_base => Err(problem(
                at,
                format!(
                    "`{reference}` may be relative to an `id` below the top level: write it from the root \
                     of the schema directory, or remove that `id`"
                ),
            )),
            None => Ok(reference.to_owned()),
        }
    }

    fn definition(&mut self, pointer: String) -> String {
        if pointer.is_empty() {
            return "#".to_owned();
        }
        let next = self.names.len();
        let name = self.names.entry(pointer.clone()).or_insert_with(|| {
            // A name that no author would choose, so that no definition is overwritten.
            let name = format!("referenced:{next}");
            self.wanted.push((name.clone(), pointer));
            name
        });
        format!("#/definitions/{name}")
    }

    /// Name, pointer and schema of the next target that is to be translated.
    pub fn next_wanted(&mut self) -> Option<(String, String, &'a Value)> {
        let (name, pointer) = self.wanted.pop()?;
        let target = self.document.pointer(&pointer)?;
        Some((name, pointer, target))
    }
}
