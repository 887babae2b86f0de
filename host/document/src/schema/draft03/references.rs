//! `$ref` of a draft-03 document. A target within the document is translated once, under
//! `definitions`, wherever it stood: translation moves some keywords, and a pointer may lead into
//! what is no schema position at all.

use std::collections::HashMap;

use serde_json::Value;

use super::refused;
use crate::schema::error::Problem;
use crate::schema::locations::{escaped, percent_decoded};

pub(super) struct References<'a> {
    document: &'a Value,
    /// Pointers of the schemas that have an `id`, by it.
    ids: HashMap<&'a str, String>,
    /// Names under `definitions`, by the pointer of the target.
    names: HashMap<String, String>,
    /// Named but not translated yet: name and pointer.
    wanted: Vec<(String, String)>,
    /// An `id` below the top level changes what relative references below it mean.
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
                    // Instances, not schemas.
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

    /// The reference of draft-04 that leads where this one of draft-03 does.
    pub fn target(&mut self, reference: &Value, at: &str) -> Result<String, Problem> {
        let Some(reference) = reference.as_str() else {
            return Err(refused(at, "`$ref` must be a string"));
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
                Err(refused(
                    at,
                    format!("`{reference}` leads to nothing in this file"),
                ))
            }
            None if self.has_inner_base => Err(refused(
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
            // No name that an author would choose, so that none is overwritten.
            let name = format!("referenced:{next}");
            self.wanted.push((name.clone(), pointer));
            name
        });
        format!("#/definitions/{name}")
    }

    /// Name, pointer and schema of a target that is still to be translated.
    pub fn next_wanted(&mut self) -> Option<(String, String, &'a Value)> {
        let (name, pointer) = self.wanted.pop()?;
        let target = self.document.pointer(&pointer)?;
        Some((name, pointer, target))
    }
}
