//! The place of a setting, for messages about it.

use std::fmt;

/// The place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingOrigin {
    /// Line of the file, from 1.
    Line(usize),
    /// Name of an environment variable.
    Variable(String),
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingOrigin::Line(line) => write!(f, "{line}"),
            SettingOrigin::Variable(name) => write!(f, "{name}"),
        }
    }
}
