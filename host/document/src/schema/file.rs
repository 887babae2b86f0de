//! Loads one schema file on its own, for the command line.

use std::path::Path;
use std::sync::Arc;

use super::catalog::{Catalog, root_of};
use super::directory::SchemaFile;
use super::rules::SchemaRules;
use super::source::SchemaSource;
use super::{Problem, Schema, SchemaError};

impl Schema {
    /// Loads one file. With `root`, references lead to the same files as when that directory is loaded. Without
    /// it, they lead to files below the directory from which the schema's identifier (`/name/revision`) is its
    /// path, else below the file's own directory; only the files that are needed are read.
    ///
    /// # Errors
    /// If the file cannot be read or is refused.
    pub fn load_file(
        path: &Path,
        root: Option<&Path>,
        rules: SchemaRules,
    ) -> Result<Self, SchemaError> {
        load(path, root, rules).map_err(|problem| SchemaError {
            path: path.to_owned(),
            problem,
        })
    }
}

fn load(path: &Path, root: Option<&Path>, rules: SchemaRules) -> Result<Schema, Problem> {
    let canonical = path.canonicalize()?;
    let base = match root {
        Some(root) => root.canonicalize()?,
        None => root_of(&canonical, SchemaSource::id_of(&canonical)?.as_deref()),
    };
    // A file outside of the root has no path below it, and is named by its file name.
    let place = canonical.strip_prefix(&base).ok();
    let place = place.or_else(|| canonical.file_name().map(Path::new));
    let label = place.unwrap_or(&canonical).with_extension("");
    let label = label.to_string_lossy().into_owned();
    let file = SchemaFile {
        label: label.clone(),
        path: canonical.clone(),
    };
    let catalog = match root {
        Some(root) => Catalog::of_directory(root, rules, &|| true).with(file, rules),
        None => Catalog::of_file(file, &base, rules),
    };
    let library = Arc::new(catalog.library());
    let source = catalog.take(&canonical)?;
    Schema::compile(&label, &source, &library)
}
