//! What is wrong with a configuration: where, which field, what was found, what to do.

use std::fmt;

use super::origin::SettingOrigin;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// None if the field has no place (a default, or something that is not set).
    pub origin: Option<SettingOrigin>,
    /// The field with its tables, `streams.raw.endpoints`; empty for an error of syntax.
    pub field: String,
    /// What was found.
    pub found: String,
    /// What to do.
    pub remedy: String,
}

impl ConfigError {
    pub(crate) fn syntax(origin: Option<SettingOrigin>, found: String) -> Self {
        let remedy =
            "this is not TOML: see https://toml.io, or compare with `landfall config default`";
        Self {
            origin,
            field: String::new(),
            found,
            remedy: remedy.to_owned(),
        }
    }

    /// The error as one line, beginning with the file and line or the variable's name.
    fn line(&self, file: &str) -> String {
        let place = match &self.origin {
            Some(SettingOrigin::Line(line)) => format!("{file}:{line}"),
            Some(SettingOrigin::Variable(name)) => name.clone(),
            None => file.to_owned(),
        };
        let field = if self.field.is_empty() {
            String::new()
        } else {
            format!("{}: ", self.field)
        };
        format!("{place}: {field}{}; {}", self.found, self.remedy)
    }
}

/// All errors of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The file, or the text that is shown in its place.
    pub file: String,
    pub errors: Vec<ConfigError>,
}

impl ConfigErrors {
    /// One line for each error. The quoted text may contain line ends: the printing code escapes each line.
    pub fn lines(&self) -> Vec<String> {
        let errors = self.errors.iter();
        errors.map(|error| error.line(&self.file)).collect()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

/// A setting that can be right, but is probably not intended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub file: String,
    pub error: ConfigError,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.line(&self.file))
    }
}
