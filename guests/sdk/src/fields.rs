//! Columns of fields: everything that a parity check compares, without the fields that the host compares for it.

use serde::{Deserialize, Serialize};

/// The prefix of the name of a column of fields.
pub(crate) const FIELDS: &str = "fields:";

/// The definition of a column of fields; `column` in `wit/check.wit` defines which fields the host takes.
///
/// A parity check that asks for one answers with fields, on both sides: one byte of its choice, then
/// entries ([`write_field`]). The host adds the fields that it took.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// A JSON pointer; empty for the whole document.
    pub at: String,
    /// The prefix of the flattened name of each field.
    pub prefix: String,
    /// The separator between the parts of a flattened name.
    pub separator: String,
    /// Flattened names that are left out. An object is left out with everything in it.
    pub without: Vec<String>,
    /// Beginnings of flattened names that are left out.
    pub without_beginning: Vec<String>,
    /// The check always gets strings of this many bytes or more; None: there is no such bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_bytes: Option<usize>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            at: String::new(),
            prefix: String::new(),
            separator: "_".into(),
            without: Vec::new(),
            without_beginning: Vec::new(),
            text_bytes: None,
        }
    }
}

impl Fields {
    /// The name of the column, to declare it and to get it from a row.
    pub fn column(&self) -> String {
        let Ok(text) = serde_json::to_string(self) else {
            unreachable!("texts, a list of texts and a number have a JSON text");
        };
        format!("{FIELDS}{text}")
    }
}

/// Appends a field to an answer: an entry as in a column of members, but its kind may be any byte.
pub fn write_field(kind: u8, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    // A row is far below 4 GiB, because a guest's memory is.
    out.extend_from_slice(&(name.len() as u32).to_le_bytes());
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(name);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn a_column_is_named_as_the_contract_has_it() {
        let fields = Fields::default();
        let name =
            r#"fields:{"at":"","prefix":"","separator":"_","without":[],"without_beginning":[]}"#;
        assert_eq!(fields.column(), name);
        let fields = Fields {
            at: "/event".into(),
            without_beginning: vec!["ip".into()],
            text_bytes: Some(191),
            ..fields
        };
        assert!(
            fields
                .column()
                .ends_with(r#""without":[],"without_beginning":["ip"],"text_bytes":191}"#)
        );
    }
}
