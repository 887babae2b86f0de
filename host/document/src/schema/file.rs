//! One schema file on its own, for the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::library::Library;
use super::source::Source;
use super::{Problem, Schema, SchemaError};

impl Schema {
    /// Loads one file. With `root`, references lead where they do when that directory is loaded.
    /// Without it, they lead to files below the directory from which the schema's identifier
    /// (`/name/revision`) is its path, else below the file's own; these are read when they are needed.
    pub fn load_file(path: &Path, root: Option<&Path>) -> Result<Self, SchemaError> {
        let load = || -> Result<Self, Problem> {
            let source = Source::read(path)?;
            let path = path.canonicalize()?;
            let (root, library) = match root {
                Some(root) => (root.canonicalize()?, Library::of_directory(root)),
                None => {
                    let root = root_of(&path, source.id.as_deref());
                    (root.clone(), Library::Directory(root))
                }
            };
            // Outside the root it has no place there, but a name all the same.
            let place = path
                .strip_prefix(&root)
                .ok()
                .or_else(|| path.file_name().map(Path::new));
            let label = place
                .unwrap_or(&path)
                .with_extension("")
                .to_string_lossy()
                .into_owned();
            Self::compile(&label, &source, &Arc::new(library))
        };
        load().map_err(|problem| SchemaError {
            path: path.to_owned(),
            problem,
        })
    }
}

/// `path` without the identifier at its end.
fn root_of(path: &Path, id: Option<&str>) -> PathBuf {
    let own = path.parent().unwrap_or(path).to_owned();
    let Some(id) = id.and_then(|id| id.strip_prefix('/')) else {
        return own;
    };
    let id = id.strip_suffix('#').unwrap_or(id);
    let spelled = [PathBuf::from(id), PathBuf::from(format!("{id}.json"))];
    spelled
        .iter()
        .find(|end| path.ends_with(end))
        .or_else(|| {
            spelled
                .iter()
                .find(|end| path.with_extension("").ends_with(end))
        })
        .and_then(|end| path.ancestors().nth(end.components().count()))
        .map_or(own, Path::to_owned)
}
