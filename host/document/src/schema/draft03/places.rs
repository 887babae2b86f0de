//! Places in the author's file and in the translated document, so that messages name the place in the file that
//! its author can fix.

use crate::schema::locations::{before_renaming, below};

/// Where one schema, or one keyword of it, stands.
#[derive(Clone)]
pub(super) struct TranslatedPlace {
    /// The JSON pointer into the author's file.
    pub at: String,
    /// The JSON pointer into the translated document.
    pub to: String,
}

impl TranslatedPlace {
    pub fn top() -> Self {
        Self {
            at: String::new(),
            to: String::new(),
        }
    }

    /// The place below it that has one name in both; `name` is escaped.
    pub fn step(&self, name: &str) -> Self {
        self.moved(name, name)
    }

    /// The place below it that is `at` in the file and `to` in the translation.
    pub fn moved(&self, at: &str, to: &str) -> Self {
        Self {
            at: format!("{}/{at}", self.at),
            to: format!("{}/{to}", self.to),
        }
    }
}

/// Translates pointers of a whole document back to the author's file. `Default` is for a file that was not
/// translated from draft-03.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Pointers to schemas that were moved: into the translated document, and into the file.
    moved: Vec<(String, String)>,
    is_translated: bool,
    /// Pointers to members that were renamed after the translation: the new ones, and the former ones.
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

    /// Notes the members that were renamed after the translation: the new pointers, and the former ones.
    pub(in crate::schema) fn rename(&mut self, renamed: Vec<(String, String)>) {
        self.renamed = renamed;
    }

    /// The pointer into the author's file, of one into the translated document. If a reference led to another
    /// file, its place there may be mistaken for one in this file.
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

    /// A reference within the translated document, as one within the author's file.
    pub(crate) fn author_reference(&self, reference: String) -> String {
        match reference.strip_prefix('#') {
            Some(pointer) => format!("#{}", self.author(pointer)),
            None => reference,
        }
    }
}

/// A pointer below a schema, with the names that keywords have in draft-03. It ends at a keyword whose value
/// has another shape in draft-04.
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
            // The list was collected from the properties.
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
