//! Where things stand in the author's file and in its translation, so that what is told of an event or
//! a schema names the place that its author can mend.

use crate::schema::locations::{before_renaming, below};

/// Where one schema, or one keyword of it, stands: a JSON pointer into the file and one into the
/// translation.
#[derive(Clone)]
pub(super) struct TranslatedPlace {
    pub at: String,
    pub to: String,
}

impl TranslatedPlace {
    pub fn top() -> Self {
        Self {
            at: String::new(),
            to: String::new(),
        }
    }

    /// What stands below it under one name, escaped, in both.
    pub fn step(&self, name: &str) -> Self {
        self.moved(name, name)
    }

    /// What stands below it here and there.
    pub fn moved(&self, at: &str, to: &str) -> Self {
        Self {
            at: format!("{}/{at}", self.at),
            to: format!("{}/{to}", self.to),
        }
    }
}

/// Places of a whole file. `Default` is that of a file that was not translated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Pointers to schemas that were moved: into the translation, and into the file.
    moved: Vec<(String, String)>,
    is_translated: bool,
    /// Pointers to members whose names were changed after all: the new ones, and the ones before.
    renamed: Vec<(String, String)>,
}

impl Places {
    pub(super) fn of_translation() -> Self {
        Self {
            moved: Vec::new(),
            is_translated: true,
            renamed: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, place: &TranslatedPlace) {
        self.moved.push((place.to.clone(), place.at.clone()));
    }

    /// Notes the members whose names were changed.
    pub(in crate::schema) fn rename(&mut self, renamed: Vec<(String, String)>) {
        self.renamed = renamed;
    }

    /// The pointer into the author's file to what stands at `pointer` of the translation. A place in
    /// another file, which a reference led to, may be read as one of this file.
    pub(crate) fn author(&self, pointer: &str) -> String {
        let pointer = &before_renaming(&self.renamed, pointer);
        if !self.is_translated {
            return pointer.clone();
        }
        let moved = self.moved.iter();
        let nearest = moved
            .filter(|(to, _)| below(pointer, to).is_some())
            .max_by_key(|(to, _)| to.len());
        let (to, at) = nearest.map_or(("", ""), |(to, at)| (to.as_str(), at.as_str()));
        format!("{at}{}", in_draft03(below(pointer, to).unwrap_or(pointer)))
    }

    /// The reference that the author wrote, or one that leads there too.
    pub(crate) fn author_reference(&self, reference: String) -> String {
        match reference.strip_prefix('#') {
            Some(pointer) => format!("#{}", self.author(pointer)),
            None => reference,
        }
    }
}

/// A pointer from a schema downwards, with the names that the keywords have in draft-03. What draft-04
/// puts into a keyword of its own ends there.
fn in_draft03(pointer: &str) -> String {
    let mut out = String::new();
    let mut is_name = false;
    for step in pointer.split('/').skip(1) {
        let (step, is_last) = match step {
            name if is_name => (name, false),
            "multipleOf" => ("divisibleBy", true),
            "not" => ("disallow", true),
            "anyOf" => ("type", true),
            "allOf" => ("extends", true),
            // The list is made of what the properties say.
            "required" => ("properties", true),
            keyword => (keyword, false),
        };
        is_name = !is_name
            && matches!(
                step,
                "properties" | "patternProperties" | "dependencies" | "definitions"
            );
        out.push('/');
        out.push_str(step);
        if is_last {
            break;
        }
    }
    out
}
