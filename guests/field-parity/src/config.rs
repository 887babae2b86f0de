//! The operator's settings: the changes that the writer is declared to make. The default is
//! EventLogging's, and settings add to it (`defaults.rs`).

use serde::{Deserialize, Serialize};

/// The configuration.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether EventLogging's `fields` and `ignore` apply besides the ones given here. A field given
    /// here replaces those that name the same value on either side.
    pub defaults: bool,
    /// Objects whose members are compared by their flattened names, so that nested capsules and
    /// flat rows look alike.
    pub flatten: Vec<Flatten>,
    /// The separator between the parts of a flattened name.
    pub separator: String,
    /// Values that need a separate rule, or have different places on each side. They are left out of
    /// the flattening.
    pub fields: Vec<Field>,
    /// Flattened names that are not compared; `name*` is every name with that beginning. A field given
    /// in `fields` is compared all the same.
    pub ignore: Vec<String>,
    /// The maximum number of characters that the writer keeps of a string; 0 for all.
    pub truncate: usize,
    /// How the writer keeps numbers that are written with a fraction or an exponent. Integers are
    /// compared exactly: name those of a column of floats in `fields`, as `float`.
    pub float: Float,
    /// Whether `null` and no value are the same.
    pub null_as_absent: bool,
    /// How the writer writes an array as text.
    pub arrays: ArrayText,
}

/// An object to flatten, on each side.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flatten {
    /// JSON pointer in the raw document; empty for all of it.
    pub raw: String,
    /// JSON pointer in the written document.
    pub written: String,
    /// The prefix of the names of the raw side's members.
    pub raw_prefix: String,
    /// The prefix of the names of the written side's members.
    pub written_prefix: String,
}

/// One value, on each side.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its place in the raw document; of several pointers the first that has a value.
    pub raw: Pointers,
    /// Its place in the written document.
    pub written: Pointers,
    /// Its normal form.
    #[serde(default, rename = "as")]
    pub form: As,
    /// Its name when it differs; by default its first written pointer, flattened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Instead of the general setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<usize>,
    /// Instead of the general setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub float: Option<Float>,
    /// Instead of the general setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_as_absent: Option<bool>,
}

/// One JSON pointer or several.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Pointers {
    /// Just one.
    One(String),
    /// In the order of preference.
    Several(Vec<String>),
}

impl Pointers {
    /// All of them.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(pointer) => std::slice::from_ref(pointer),
            Self::Several(pointers) => pointers,
        }
    }
}

/// The normal form of a value.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum As {
    /// What the database makes of its type: strings cut, booleans 0 and 1, integers exact, other
    /// numbers as set by `float` (so that `12.0` is 12), arrays as JSON text.
    #[default]
    Value,
    /// Its unchanged canonical JSON text: nothing is tolerated.
    Exact,
    /// `YYYYMMDDHHMMSS` in UTC of a number of Unix seconds or milliseconds, of digits, or of an ISO
    /// 8601 time; fractions of a second are cut.
    Timestamp,
    /// A number kept as set by `float`, even if it is an integer: for columns of floats.
    Float,
    /// JSON text; a string that holds JSON is that JSON, whatever its white space.
    JsonText,
    /// A string without white space and double quotes at its ends.
    Trimmed,
}

/// How the writer keeps numbers that are written with a fraction or an exponent.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Float {
    /// As a 32-bit float.
    F32,
    /// As a 64-bit float.
    F64,
    /// As a 32-bit float that is read back with this many significant decimal digits (MySQL shows 6).
    Digits(u8),
}

/// How the writer writes an array as text.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrayText {
    /// As Python's `json.dumps`: a space after `,` and `:`, all beyond ASCII escaped, floats as by
    /// `repr`.
    Python,
    /// Without white space, with only the necessary escapes, floats as in docs/JSON.md.
    Compact,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            defaults: true,
            flatten: vec![Flatten::default()],
            separator: "_".into(),
            fields: Vec::new(),
            ignore: Vec::new(),
            truncate: 191,
            float: Float::F32,
            null_as_absent: true,
            arrays: ArrayText::Python,
        }
    }
}

impl Field {
    /// Its name when it differs; None if it has no written pointer.
    pub fn name(&self, separator: &str) -> Option<String> {
        let written = || Some(flat_name(self.written.as_slice().first()?, separator));
        self.name.clone().or_else(written)
    }
}

/// The flattened name of the value at a JSON pointer.
pub fn flat_name(pointer: &str, separator: &str) -> String {
    let parts: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    parts.join(separator)
}
