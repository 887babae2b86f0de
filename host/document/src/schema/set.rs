//! The compiled schemas of a directory. One set is shared by all threads that validate; a reload makes a new
//! one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::catalog::Catalog;
use super::error::{SchemaError, SchemaHint};
use super::rules::SchemaRules;
use super::{Schema, fnv};

/// The schemas of one directory.
#[derive(Debug, Default)]
pub struct SchemaSet {
    schemas: HashMap<String, LoadedSchema>,
    digest: u64,
    stale: Vec<String>,
    hints: Vec<SchemaHint>,
}

/// A schema, and the digest of the file from which it was compiled.
#[derive(Clone, Debug)]
struct LoadedSchema {
    schema: Arc<Schema>,
    digest: u64,
}

impl SchemaSet {
    /// Loads all `<name>/<revision>.json` below `directory` by the default rules. Files that do not load are
    /// listed in the errors, and the rest loads; a schema that refers to a refused one is refused too.
    pub fn load(directory: &Path) -> (Self, Vec<SchemaError>) {
        Self::load_by(directory, SchemaRules::default())
    }

    /// As [`SchemaSet::load`], by these rules.
    pub fn load_by(directory: &Path, rules: SchemaRules) -> (Self, Vec<SchemaError>) {
        Self::reload(directory, &Self::default(), rules)
    }

    /// As [`SchemaSet::load_by`], with a former set of the directory. A schema whose file is there but does not
    /// load any more (or whose directory does not) stays as it was, and is stale. A schema whose file is gone
    /// is dropped.
    pub fn reload(directory: &Path, former: &Self, rules: SchemaRules) -> (Self, Vec<SchemaError>) {
        Self::reload_while(directory, former, rules, &|| true).unwrap_or_default()
    }

    /// As [`SchemaSet::reload`], but `go_on` is asked before each file is read and before it is compiled.
    /// `None` if it said no.
    pub fn reload_while(
        directory: &Path,
        former: &Self,
        rules: SchemaRules,
        go_on: &dyn Fn() -> bool,
    ) -> Option<(Self, Vec<SchemaError>)> {
        let mut catalog = Catalog::of_directory(directory, rules, go_on);
        let library = Arc::new(catalog.library());
        let mut schemas = HashMap::with_capacity(catalog.sources.len());
        let mut hints = Vec::new();
        let mut broken = Vec::new();
        for (file, source) in &catalog.sources {
            if !go_on() {
                return None;
            }
            match Schema::compile(&file.label, source, &library) {
                Ok(schema) => {
                    hints.extend(schema.hints(&file.path));
                    let (schema, digest) = (Arc::new(schema), source.digest);
                    schemas.insert(file.label.clone(), LoadedSchema { schema, digest });
                }
                Err(problem) => broken.push((file.label.clone(), problem)),
            }
        }
        catalog.refuse_broken(broken);
        schemas.retain(|label: &String, _| !catalog.is_refused(label));
        let mut errors = catalog.errors;
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
            digest: rules.digest(fnv::OFFSET_BASIS),
            stale,
            hints,
        };
        set.digest = set.names().into_iter().fold(set.digest, |digest, label| {
            // The terminator keeps two labels apart.
            let digest = fnv::extend(fnv::extend(digest, label.as_bytes()), b"\0");
            let of_file = set.schemas.get(label).map_or(0, |entry| entry.digest);
            fnv::extend(digest, &of_file.to_le_bytes())
        });
        go_on().then_some((set, errors))
    }

    /// The schema of a label `name/revision`.
    pub fn find(&self, label: &str) -> Option<&Schema> {
        self.schemas.get(label).map(|entry| entry.schema.as_ref())
    }

    /// Labels of schemas that were kept from the former set because their files do not load, ascending.
    pub fn stale(&self) -> &[String] {
        &self.stale
    }

    /// Hints about what is right in the schemas but probably not meant.
    pub fn hints(&self) -> &[SchemaHint] {
        &self.hints
    }

    /// All labels, ascending.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.schemas.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// How many schemas there are.
    pub fn len(&self) -> usize {
        self.schemas.len()
    }

    /// Whether there is no schema.
    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty()
    }

    /// A digest of the rules, the labels and the bytes of the loaded files. It almost surely differs if one of
    /// them does.
    pub fn digest(&self) -> u64 {
        self.digest
    }
}
