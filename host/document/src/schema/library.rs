//! Resolves references between schemas. It uses no network and reads no file: what is not in the library does
//! not exist.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{Retrieve, Uri};
use serde_json::Value;

use super::locations::escaped;

/// The URI of the schema directory. `..` in a reference cannot lead above it.
const BASE: &str = "landfall-schemas:///";

/// The schemas to which references may lead.
#[derive(Default)]
pub(super) struct Library {
    /// Documents by their URIs without fragments.
    pub schemas: HashMap<String, Value>,
    /// Patterns as their authors wrote them, by their texts for the engine.
    pub patterns: Arc<HashMap<String, String>>,
}

/// A library as a retriever for `jsonschema`.
pub(super) struct SharedLibrary(pub Arc<Library>);

/// A reference leads nowhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "the reference leads to {0}, which is not in the schema directory (or was itself refused); \
     references outside of it are not followed"
)]
struct UnresolvedReference(String);

/// The URI of a schema by its label.
pub(super) fn uri_of(label: &str) -> String {
    format!("{BASE}{label}")
}

/// The label in a URI below the schema directory's.
pub(super) fn label_of(uri: &str) -> Option<&str> {
    uri.strip_prefix(BASE)
}

/// The URI of a schema by the identifier that it gives itself, without fragment.
pub(super) fn uri_of_id(label: &str, id: &str) -> Option<String> {
    let base = Uri::parse(uri_of(label)).ok()?;
    let resolved = jsonschema::uri::resolve_against(&base.borrow(), id).ok()?;
    Some(normalized(resolved.as_str()).to_owned())
}

/// A URI without its fragment and without `.json`, for references may be written with and without the ending.
pub(super) fn normalized(uri: &str) -> &str {
    let uri = uri.split('#').next().unwrap_or(uri);
    uri.strip_suffix(".json").unwrap_or(uri)
}

impl SharedLibrary {
    /// The pointer to the first `$ref` in a document that leads to no document here; `base` is the document's
    /// own URI, and `at` the pointer to `value`. Recursion is as deep as the file is nested, which its parser
    /// has bounded.
    pub fn dead_reference(&self, value: &Value, base: &str, at: &str) -> Option<String> {
        match value {
            Value::Object(members) => members.iter().find_map(|(name, member)| {
                let here = format!("{at}/{}", escaped(name));
                match member.as_str() {
                    Some(reference) if name == "$ref" => {
                        self.is_dead(reference, base).then_some(here)
                    }
                    _ => self.dead_reference(member, base, &here),
                }
            }),
            Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
                self.dead_reference(item, base, &format!("{at}/{index}"))
            }),
            _ => None,
        }
    }

    fn is_dead(&self, reference: &str, base: &str) -> bool {
        let resolve = || {
            let base = Uri::parse(base).ok()?;
            jsonschema::uri::resolve_against(&base, reference).ok()
        };
        !reference.starts_with('#') && resolve().is_none_or(|uri| self.retrieve(&uri).is_err())
    }
}

impl Retrieve for SharedLibrary {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let uri = normalized(uri.as_str());
        let found = self.0.schemas.get(uri).cloned();
        Ok(found.ok_or_else(|| UnresolvedReference(label_of(uri).unwrap_or(uri).to_owned()))?)
    }
}
