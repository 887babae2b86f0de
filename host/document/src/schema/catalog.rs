//! The schema files of a directory together: their identifiers, which file refers to which, and which are
//! refused. A schema that refers to a refused one is refused too: it could not be compiled as its author meant
//! it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory::{self, SchemaFile};
use super::draft03;
use super::error::{Problem, SchemaError};
use super::library::{self, Library};
use super::rules::SchemaRules;
use super::source::SchemaSource;

/// Characters of a file's problem that are quoted where another file that refers to it is refused.
const REASON_CHARACTERS_MAX: usize = 300;

/// Size of the patterns of all files together, in parts (`pattern/size.rs`): compiling them takes some ten
/// seconds and 2 GB. A pattern of a hundred word characters of any language has 80,000 parts, one of ASCII
/// letters a few hundred.
const PATTERNS_SIZE_MAX: u64 = 1 << 24;

/// Asked before each file whether to go on, for a directory may have many.
pub(super) type GoOn<'g> = &'g dyn Fn() -> bool;

/// The files that were read, and those of them that are refused.
#[derive(Default)]
pub(super) struct Catalog {
    pub sources: Vec<(SchemaFile, SchemaSource)>,
    pub errors: Vec<SchemaError>,
    /// By URI, the refused file that has it, and why it is refused.
    refused: HashMap<String, RefusedFile>,
    /// Size of the patterns of all files, in parts.
    patterns_size: u64,
}

#[derive(Clone)]
struct RefusedFile {
    label: String,
    reason: String,
}

impl Catalog {
    /// All files of the directory; only the first ones if `go_on` said no.
    pub fn of_directory(directory: &Path, rules: SchemaRules, go_on: GoOn<'_>) -> Self {
        let (files, errors) = directory::find(directory);
        let mut catalog = Self {
            errors,
            ..Self::default()
        };
        for file in files {
            if !go_on() {
                return catalog;
            }
            catalog.read(file, rules);
        }
        catalog.refuse_dead_references();
        catalog
    }

    /// A file, and those below the directory `root` to which its references lead, directly or by others.
    pub fn of_file(file: SchemaFile, root: &Path, rules: SchemaRules) -> Self {
        let mut catalog = Self::default();
        let mut seen = HashSet::from([file.label.clone()]);
        let mut wanted = vec![file];
        while let Some(file) = wanted.pop() {
            let read = catalog.sources.len();
            catalog.read(file, rules);
            let Some((_, source)) = catalog.sources.get(read) else {
                continue;
            };
            for (_, target) in source.targets() {
                let Some(label) = library::label_of(&target).map(str::to_owned) else {
                    continue;
                };
                let path = root.join(format!("{label}.json")).canonicalize();
                if let Ok(path) = path
                    && path.starts_with(root)
                    && seen.insert(label.clone())
                {
                    wanted.push(SchemaFile { label, path });
                }
            }
        }
        catalog.refuse_dead_references();
        catalog
    }

    /// Adds a file, if it is not among them.
    pub fn with(mut self, mut file: SchemaFile, rules: SchemaRules) -> Self {
        let is_it = |path: &Path| path.canonicalize().is_ok_and(|path| path == file.path);
        for (other, _) in &mut self.sources {
            if is_it(&other.path) {
                other.path.clone_from(&file.path);
                return self;
            }
        }
        for error in &mut self.errors {
            if is_it(&error.path) {
                error.path.clone_from(&file.path);
                return self;
            }
        }
        // Its label may be that of another file.
        while self.is_known(&file.label) {
            file.label.push('!');
        }
        self.read(file, rules);
        self.refuse_dead_references();
        self
    }

    fn is_known(&self, label: &str) -> bool {
        let uri = library::uri_of(label);
        self.refused.contains_key(&uri) || self.by_uri_contains(&uri)
    }

    fn read(&mut self, file: SchemaFile, rules: SchemaRules) {
        match SchemaSource::read(&file.path, &file.label, rules) {
            Ok(source) => {
                let size = self.patterns_size.saturating_add(source.patterns_size);
                if size > PATTERNS_SIZE_MAX {
                    let own = (&file.label, source.patterns_size);
                    let all = self.sources.iter();
                    let all = all.map(|(file, source)| (&file.label, source.patterns_size));
                    let largest = all.chain([own]).max_by_key(|(_, parts)| *parts);
                    let (label, parts) = largest.unwrap_or(own);
                    let problem = Problem::ManyPatterns {
                        max: PATTERNS_SIZE_MAX,
                        largest: label.clone(),
                        parts,
                    };
                    return self.refuse(&file, source.id.as_deref(), problem);
                }
                self.patterns_size = size;
                self.sources.push((file, source));
            }
            Err(refusal) => self.refuse(&file, refusal.id.as_deref(), refusal.problem),
        }
    }

    /// Notes that a file is refused, and why.
    pub fn refuse(&mut self, file: &SchemaFile, id: Option<&str>, problem: Problem) {
        let reason: String = problem.to_string();
        let reason = match reason.char_indices().nth(REASON_CHARACTERS_MAX) {
            Some((end, _)) => format!("{}...", &reason[..end]),
            None => reason,
        };
        let by_id = id.and_then(|id| library::uri_of_id(&file.label, id));
        for uri in std::iter::once(library::uri_of(&file.label)).chain(by_id) {
            // Another refused file may have the same identifier.
            self.refused.entry(uri).or_insert_with(|| RefusedFile {
                label: file.label.clone(),
                reason: reason.clone(),
            });
        }
        self.errors.push(SchemaError {
            path: file.path.clone(),
            problem,
        });
    }

    fn refuse_dead_references(&mut self) {
        self.refuse_same_identifiers();
        let known = self.known_uris();
        self.refuse_where(|_, _, source| dead_file(&known, source));
        // Made once for all files, for it is large.
        let by_uri = self.by_uri();
        let problems = self.sources.iter();
        let problems = problems
            .map(|(_, source)| dead_fragment(&by_uri, source))
            .collect();
        self.refuse_those(problems);
        self.refuse_dependents();
    }

    /// Refuses files that refer to refused ones, until there are none.
    pub fn refuse_dependents(&mut self) {
        loop {
            let before = self.errors.len();
            self.refuse_where(|catalog, file, source| catalog.refers_to_refused(file, source));
            if self.errors.len() == before {
                return;
            }
        }
    }

    /// Refuses files that do not compile, by their labels, and those that refer to them.
    pub fn refuse_broken(&mut self, broken: Vec<(String, Problem)>) {
        for (label, problem) in broken {
            let place = self
                .sources
                .iter()
                .position(|(file, _)| file.label == label);
            if let Some(place) = place {
                let (file, source) = self.sources.remove(place);
                self.refuse(&file, source.id.as_deref(), problem);
            }
        }
        self.refuse_dependents();
    }

    /// Whether a file is refused.
    pub fn is_refused(&self, label: &str) -> bool {
        let refused = self.refused.get(&library::uri_of(label));
        refused.is_some_and(|refused| refused.label == label)
    }

    fn refuse_where(
        &mut self,
        problem: impl Fn(&Self, &SchemaFile, &SchemaSource) -> Option<Problem>,
    ) {
        let problems: Vec<Option<Problem>> = self
            .sources
            .iter()
            .map(|(file, source)| problem(self, file, source))
            .collect();
        self.refuse_those(problems);
    }

    /// Refuses the sources that have a problem; there is one entry for each source.
    fn refuse_those(&mut self, problems: Vec<Option<Problem>>) {
        let sources = std::mem::take(&mut self.sources);
        for ((file, source), problem) in sources.into_iter().zip(problems) {
            match problem {
                None => self.sources.push((file, source)),
                Some(problem) => self.refuse(&file, source.id.as_deref(), problem),
            }
        }
    }

    /// Refuses a file whose identifier is that of an earlier one, for a reference to it could mean either.
    fn refuse_same_identifiers(&mut self) {
        let places = self.sources.iter();
        let mut owners: HashMap<String, String> = places
            .map(|(file, _)| (library::uri_of(&file.label), file.label.clone()))
            .collect();
        for (file, source) in std::mem::take(&mut self.sources) {
            let id = source.id.as_deref();
            let id = id.and_then(|id| library::uri_of_id(&file.label, id));
            let owner = id.as_ref().map(|id| {
                owners
                    .entry(id.clone())
                    .or_insert_with(|| file.label.clone())
                    .clone()
            });
            match (id, owner) {
                (Some(id), Some(other)) if other != file.label => {
                    let problem = Problem::SameIdentifier { id, other };
                    // It is refused by its label alone, for its identifier belongs to the other file.
                    self.refuse(&file, None, problem);
                }
                _ => self.sources.push((file, source)),
            }
        }
    }

    /// The URIs of all files, refused or not, and of the schemas in them.
    fn known_uris(&self) -> HashSet<String> {
        let mut known: HashSet<String> = self.refused.keys().cloned().collect();
        for (file, source) in &self.sources {
            known.extend(source.uris(&file.label));
            known.extend(source.identifiers.iter().cloned());
        }
        known
    }

    fn refers_to_refused(&self, file: &SchemaFile, source: &SchemaSource) -> Option<Problem> {
        source.targets().find_map(|(reference, target)| {
            let refused = self.refused.get(&target)?;
            if refused.label == file.label || self.by_uri_contains(&target) {
                return None;
            }
            Some(Problem::RefersToRefused {
                pointer: source.places.author(&reference.pointer),
                label: refused.label.clone(),
                reason: refused.reason.clone(),
            })
        })
    }

    /// Whether a file that is not refused has the URI.
    fn by_uri_contains(&self, uri: &str) -> bool {
        self.sources
            .iter()
            .any(|(file, source)| source.uris(&file.label).any(|other| other == uri))
    }

    fn by_uri(&self) -> HashMap<String, &SchemaSource> {
        let sources = self.sources.iter();
        sources
            .flat_map(|(file, source)| source.uris(&file.label).map(move |uri| (uri, source)))
            .collect()
    }

    /// The library that resolves references.
    pub fn library(&self) -> Library {
        let mut schemas = HashMap::new();
        let mut patterns = HashMap::new();
        draft03::add_meta_schema(&mut schemas);
        for (file, source) in &self.sources {
            for uri in source.uris(&file.label) {
                schemas.insert(uri, source.shared.clone());
            }
            for (text, pattern) in &source.patterns {
                let known = patterns.entry(text.clone());
                known.or_insert_with(|| pattern.clone());
            }
        }
        Library {
            schemas,
            patterns: Arc::new(patterns),
        }
    }

    /// The source of the file at `path`.
    ///
    /// # Errors
    /// If the file is refused.
    pub fn take(mut self, path: &Path) -> Result<SchemaSource, Problem> {
        let place = self.sources.iter().position(|(file, _)| file.path == path);
        match place {
            Some(place) => Ok(self.sources.swap_remove(place).1),
            None => Err(self.problem_of(path)),
        }
    }

    fn problem_of(&mut self, path: &Path) -> Problem {
        let place = self.errors.iter().position(|error| error.path == path);
        place.map_or(Problem::CompilerFailed, |place| {
            self.errors.swap_remove(place).problem
        })
    }
}

/// The first reference of a source with a pointer that leads to no schema in its target.
fn dead_fragment(
    by_uri: &HashMap<String, &SchemaSource>,
    source: &SchemaSource,
) -> Option<Problem> {
    source.targets().find_map(|(reference, target)| {
        let pointer = reference.pointer_within()?;
        let target = by_uri.get(&target)?;
        if target.has_schema_at(&pointer) {
            return None;
        }
        Some(Problem::DeadPointer {
            pointer: source.places.author(&reference.pointer),
            reference: reference.text.clone(),
        })
    })
}

/// The first reference of a source to a file that is not here. Meta-schemas are known to the crate.
fn dead_file(known: &HashSet<String>, source: &SchemaSource) -> Option<Problem> {
    source.targets().find_map(|(reference, target)| {
        let address = target.split_once("://").map_or("", |(_, address)| address);
        if known.contains(&target) || address.starts_with("json-schema.org/") {
            return None;
        }
        let shown = library::label_of(&target).unwrap_or(&target).to_owned();
        Some(Problem::NotHere {
            pointer: source.places.author(&reference.pointer),
            target: shown,
        })
    })
}

/// The directory from which the identifier `id` is the path of the file; its own directory if `path` does not
/// end with the identifier.
pub(super) fn root_of(path: &Path, id: Option<&str>) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_of_all_files_are_bounded_and_what_fits_still_loads() {
        let directory = tempfile::tempdir().unwrap();
        let mut catalog = Catalog {
            // The files read before have nearly all that is allowed.
            patterns_size: PATTERNS_SIZE_MAX - 1000,
            ..Catalog::default()
        };
        let mut read = |label: &str, pattern: &str| {
            let path = directory.path().join("file.json");
            std::fs::write(&path, format!("{{\"pattern\":\"{pattern}\"}}")).unwrap();
            let label = label.to_owned();
            catalog.read(SchemaFile { label, path }, SchemaRules::default());
            (catalog.sources.len(), catalog.errors.len())
        };
        assert_eq!(read("a/1", "^[a-z]{1,999}$"), (0, 1));
        assert_eq!(read("b/1", "^[a-z]{1,99}$"), (1, 1));
        assert_eq!(read("c/1", "^[a-z]{1,299}$"), (1, 2));
        assert_eq!(read("d/1", "^a$"), (2, 2));
        // Many small patterns exceed the limit too.
        let refused =
            (0..100).find(|number| read(&format!("small/{number}"), "^[a-z]{1,49}$").1 > 2);
        assert!(refused.is_some_and(|number| number > 0), "{refused:?}");
        // The message names the file with the largest patterns, whichever file exceeded the limit.
        for (error, largest) in catalog.errors.iter().zip(["a/1", "c/1", "b/1"]) {
            let told = error.problem.to_string();
            assert!(told.contains("the patterns of all schemas"), "{told}");
            assert!(told.contains(&format!("of which {largest} has ")), "{told}");
        }
    }
}
