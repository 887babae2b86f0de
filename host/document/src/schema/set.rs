//! All schemas of a directory, compiled. One set is shared by all who validate; a reload makes a
//! new one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::Schema;
use super::directory::{self, Found};
use super::error::{Problem, SchemaError};
use super::library::{self, Library};
use super::source::{self, Source};

/// The schemas of one directory.
#[derive(Debug, Default)]
pub struct SchemaSet {
    schemas: HashMap<String, Schema>,
    digest: u64,
}

impl SchemaSet {
    /// Loads `<name>/<revision>.json` below `directory`. What does not load is refused by name, and
    /// the rest loads; a schema that refers to a refused one is refused too.
    pub fn load(directory: &Path) -> (Self, Vec<SchemaError>) {
        let (found, mut errors) = directory::find(directory);
        let mut sources: Vec<(Found, Source)> = Vec::with_capacity(found.len());
        for found in found {
            match Source::read(&found.path) {
                Ok(source) => sources.push((found, source)),
                Err(problem) => errors.push(SchemaError {
                    path: found.path,
                    problem,
                }),
            }
        }
        let library = Arc::new(Library::Loaded(by_uri(&mut sources, &mut errors)));
        let mut set = Self {
            schemas: HashMap::new(),
            digest: source::DIGEST_BEGIN,
        };
        for (found, source) in sources {
            match Schema::compile(&found.label, source.document(), Arc::clone(&library)) {
                Ok(schema) => {
                    // The terminator keeps two neighbours from running into each other.
                    set.digest = source::digest(set.digest, found.label.as_bytes());
                    set.digest = source::digest(set.digest, b"\0");
                    set.digest = source::digest(set.digest, &source.digest.to_le_bytes());
                    set.schemas.insert(found.label, schema);
                }
                Err(problem) => errors.push(SchemaError {
                    path: found.path,
                    problem,
                }),
            }
        }
        errors.sort_by(|left, right| left.path.cmp(&right.path));
        (set, errors)
    }

    /// The schema of a label `name/revision`.
    pub fn find(&self, label: &str) -> Option<&Schema> {
        self.schemas.get(label)
    }

    /// All labels, ascending.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.schemas.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    pub fn len(&self) -> usize {
        self.schemas.len()
    }

    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty()
    }

    /// Differs, all but certainly, if the labels or the bytes of the loaded files differ.
    pub fn digest(&self) -> u64 {
        self.digest
    }
}

/// What each URI leads to: the place of a file, and the identifier that it gives itself. A file whose
/// identifier is another's is refused, for nobody could say which of them a reference means.
fn by_uri(
    sources: &mut Vec<(Found, Source)>,
    errors: &mut Vec<SchemaError>,
) -> HashMap<String, serde_json::Value> {
    let mut owners: HashMap<String, String> = sources
        .iter()
        .map(|(found, _)| (library::uri_of(&found.label), found.label.clone()))
        .collect();
    let mut schemas = HashMap::new();
    sources.retain_mut(|(found, source)| {
        let id = source
            .id
            .as_deref()
            .and_then(|id| library::uri_of_id(&found.label, id));
        if let Some(id) = id {
            let owner = owners
                .entry(id.clone())
                .or_insert_with(|| found.label.clone());
            if *owner != found.label {
                let problem = Problem::SameIdentifier {
                    id,
                    other: owner.clone(),
                };
                errors.push(SchemaError {
                    path: found.path.clone(),
                    problem,
                });
                return false;
            }
            schemas.insert(id, source.shared.clone());
        }
        schemas.insert(library::uri_of(&found.label), source.shared.clone());
        true
    });
    schemas
}
