//! `[schemas]`, `[guests]` and `[redact]`: where files are, and which values are never shown.

use std::path::PathBuf;

use landfall_document::{PatternDialect, SchemaRules};

use crate::settings::reader::Section;

/// The settings for draft-03 schemas, by name: whether their top level is closed.
const DRAFT03: [(&str, bool); 2] = [("closed", true), ("open", false)];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemasConfig {
    /// Directory of `<name>/<revision>.json`.
    pub dir: PathBuf,
    /// How they are read where validators differ.
    pub rules: SchemaRules,
}

impl Default for SchemasConfig {
    fn default() -> Self {
        Self {
            dir: "schemas".into(),
            rules: SchemaRules::default(),
        }
    }
}

impl SchemasConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.path("dir", &mut self.dir);
        let dialects = PatternDialect::ALL.map(|dialect| (dialect.name(), dialect));
        section.choice("patterns", &mut self.rules.patterns, &dialects);
        section.choice("draft03", &mut self.rules.draft03_closed, &DRAFT03);
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestsConfig {
    /// Directory of checks; empty: the usual places are searched.
    pub dir: PathBuf,
}

impl GuestsConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.path("dir", &mut self.dir);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactConfig {
    /// JSON pointers of values that samples, logs and answers do not show.
    pub pointers: Vec<String>,
}

impl Default for RedactConfig {
    fn default() -> Self {
        Self {
            pointers: ["/ip", "/clientIp", "/userAgent"].map(str::to_owned).into(),
        }
    }
}

impl RedactConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.texts("pointers", &mut self.pointers);
    }
}
