//! Columns of fields as the host writes them, for the parity harness.

use crate::canonical::Node;
use crate::fields::{FIELDS, Fields, write_field};
use crate::members::{MemberKind, Members};

/// The check always gets a field with a longer flattened name. In bytes.
const NAME_BYTES_MAX: usize = 128;

/// The definition in a column's name; None if it is no column of fields.
///
/// # Panics
/// If it is one that the host would refuse.
pub fn named(column: &str) -> Option<Fields> {
    let text = column.strip_prefix(FIELDS)?;
    match serde_json::from_str(text) {
        Ok(fields) => Some(fields),
        Err(error) => panic!("column `{column}`: {error}"),
    }
}

/// The fields of a document, divided between host and check.
#[derive(Default)]
pub struct Parted {
    /// The row that the check gets.
    pub row: Vec<u8>,
    /// What the host takes, each as an entry.
    pub taken: Vec<Vec<u8>>,
}

/// Divides the fields of a document between the host and the check; the check gets all if the host does
/// not take any.
pub fn parted(document: &Node, fields: &Fields, is_taking: bool) -> Parted {
    let mut parted = Parted::default();
    match document.at(&fields.at) {
        Some(object @ Node::Object(_)) => {
            let mut walk = Walk {
                fields,
                is_taking,
                taken: &mut parted.taken,
            };
            let left = walk.left(object, &fields.prefix);
            write_field(MemberKind::Object as u8, b"", &left, &mut parted.row);
        }
        Some(other) => other.write_members("", &mut parted.row),
        None => {}
    }
    parted
}

struct Walk<'a> {
    fields: &'a Fields,
    is_taking: bool,
    taken: &'a mut Vec<Vec<u8>>,
}

impl Walk<'_> {
    /// The entries of an object that are left for the check.
    fn left(&mut self, object: &Node, base: &str) -> Vec<u8> {
        let mut left = Vec::new();
        let Node::Object(members) = object else {
            return left;
        };
        for (name, member) in members {
            let flat = format!("{base}{name}");
            if self.is_left_out(&flat) {
                continue;
            }
            if let Node::Object(_) = member {
                let inner = self.left(member, &format!("{flat}{}", self.fields.separator));
                if !inner.is_empty() {
                    write_field(MemberKind::Object as u8, name.as_bytes(), &inner, &mut left);
                }
                continue;
            }
            let (before, mut entry) = (left.len(), Vec::new());
            member.write_members(name, &mut left);
            member.write_members(&flat, &mut entry);
            if self.is_taking && flat.len() <= NAME_BYTES_MAX && self.is_plain(&entry) {
                left.truncate(before);
                self.taken.push(entry);
            }
        }
        left
    }

    fn is_left_out(&self, flat: &str) -> bool {
        let begins = |beginning: &String| flat.starts_with(beginning.as_str());
        self.fields.without.iter().any(|name| flat == name)
            || self.fields.without_beginning.iter().any(begins)
    }

    /// Whether a field is written in one way only.
    fn is_plain(&self, entry: &[u8]) -> bool {
        let Some(member) = Members::between(entry, 0, entry.len()).next() else {
            return false;
        };
        let value = member.value();
        match member.kind {
            MemberKind::False | MemberKind::True => true,
            MemberKind::Integer => value.parse::<i64>().is_ok() && !matches!(value, "0" | "1"),
            MemberKind::String => {
                let bytes_max = self.fields.text_bytes.unwrap_or(usize::MAX);
                value.len() < bytes_max && !value.starts_with('[')
            }
            _ => false,
        }
    }
}

/// The first byte of a form and its fields, sorted; `added` are some more fields.
///
/// # Panics
/// If it is not a byte and whole entries.
pub fn of_form(form: &[u8], added: &[Vec<u8>]) -> (u8, Vec<Vec<u8>>) {
    let Some((first, mut rest)) = form.split_first() else {
        panic!("a form of fields begins with a byte of the check's choosing");
    };
    let mut fields = added.to_vec();
    while !rest.is_empty() {
        let length = |at: usize| {
            let bytes = rest.get(at..at + 4)?.first_chunk::<4>()?;
            usize::try_from(u32::from_le_bytes(*bytes)).ok()
        };
        let end = length(1)
            .zip(length(5))
            .map(|(name, value)| 9 + name + value);
        let Some((entry, behind)) = end.and_then(|end| rest.split_at_checked(end)) else {
            panic!("behind the first byte of a form of fields there are whole entries: {form:?}");
        };
        fields.push(entry.to_vec());
        rest = behind;
    }
    fields.sort();
    (*first, fields)
}
