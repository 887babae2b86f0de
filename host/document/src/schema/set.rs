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
    schemas: HashMap<String, Entry>,
    digest: u64,
    stale: Vec<String>,
}

/// A schema, and the digest of the file that it was compiled from.
#[derive(Clone, Debug)]
struct Entry {
    schema: Arc<Schema>,
    digest: u64,
}

impl SchemaSet {
    /// Loads `<name>/<revision>.json` below `directory`. What does not load is refused by name, and
    /// the rest loads; a schema that refers to a refused one is refused too.
    pub fn load(directory: &Path) -> (Self, Vec<SchemaError>) {
        Self::reload(directory, &Self::default())
    }

    /// The same when there is a former set of the directory: a schema whose file (or a directory
    /// above it) is there and does not load any more stays as it was, and is told as stale. One
    /// whose file is gone goes.
    pub fn reload(directory: &Path, former: &Self) -> (Self, Vec<SchemaError>) {
        let (sources, library, mut errors) = read(directory);
        let library = Arc::new(Library::Loaded(library));
        let mut schemas = HashMap::with_capacity(sources.len());
        for (found, source) in sources {
            match Schema::compile(&found.label, &source, &library) {
                Ok(schema) => {
                    let (schema, digest) = (Arc::new(schema), source.digest);
                    schemas.insert(found.label, Entry { schema, digest });
                }
                Err(problem) => errors.push(SchemaError {
                    path: found.path,
                    problem,
                }),
            }
        }
        errors.sort_by(|left, right| left.path.cmp(&right.path));
        let mut stale = Vec::new();
        for (label, entry) in &former.schemas {
            let path = directory.join(format!("{label}.json"));
            let is_refused = || errors.iter().any(|error| path.starts_with(&error.path));
            if !schemas.contains_key(label) && is_refused() {
                schemas.insert(label.clone(), entry.clone());
                stale.push(label.clone());
            }
        }
        stale.sort_unstable();
        let mut set = Self {
            schemas,
            digest: source::DIGEST_BEGIN,
            stale,
        };
        set.digest = set.names().into_iter().fold(set.digest, |digest, label| {
            // The terminator keeps two neighbours from running into each other.
            let digest = source::digest(source::digest(digest, label.as_bytes()), b"\0");
            let of_file = set.schemas.get(label).map_or(0, |entry| entry.digest);
            source::digest(digest, &of_file.to_le_bytes())
        });
        (set, errors)
    }

    /// The schema of a label `name/revision`.
    pub fn find(&self, label: &str) -> Option<&Schema> {
        self.schemas.get(label).map(|entry| entry.schema.as_ref())
    }

    /// Labels of schemas that are those of the former set because their files do not load, ascending.
    pub fn stale(&self) -> &[String] {
        &self.stale
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

impl Library {
    /// All of the directory; what does not load is not there.
    pub(super) fn of_directory(directory: &Path) -> Self {
        let (_, schemas, _) = read(directory);
        Self::Loaded(schemas)
    }
}

type Sources = Vec<(Found, Source)>;

/// All files of the directory, what each URI leads to, and what was refused.
fn read(
    directory: &Path,
) -> (
    Sources,
    HashMap<String, serde_json::Value>,
    Vec<SchemaError>,
) {
    let (found, mut errors) = directory::find(directory);
    let mut sources: Sources = Vec::with_capacity(found.len());
    for found in found {
        match Source::read(&found.path) {
            Ok(source) => sources.push((found, source)),
            Err(problem) => errors.push(SchemaError {
                path: found.path,
                problem,
            }),
        }
    }
    let schemas = by_uri(&mut sources, &mut errors);
    (sources, schemas, errors)
}

/// What each URI leads to: the place of a file, and the identifier that it gives itself. A file whose
/// identifier is another's is refused, for nobody could say which of them a reference means.
fn by_uri(
    sources: &mut Sources,
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
