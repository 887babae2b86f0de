//! Columns as the host writes them: the value at a pointer, as canonical JSON text or as members.

use serde_json::Value;

use crate::bindings::event_check::landfall::check::types;
use crate::canonical::Node;
use crate::column::Writer;
use crate::members::{Member, Members};
use crate::test::fields::{named, parted};

/// Parses documents given as JSON text, for the host's double.
pub fn parse(documents: &[&str]) -> Vec<Value> {
    let parse = |text: &&str| {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in the document {text}"))
    };
    documents.iter().map(parse).collect()
}

/// The batch of these documents for the columns that a check declared.
pub fn batch(stream: &str, documents: &[&str], pointers: &[String]) -> types::Batch {
    batch_taking(stream, documents, pointers, None)
}

/// The same without the fields that the host takes from columns of fields; these go to `taken`.
pub fn batch_taking(
    stream: &str,
    documents: &[&str],
    pointers: &[String],
    mut taken: Option<&mut Vec<Vec<u8>>>,
) -> types::Batch {
    let read = |text: &&str| {
        Node::read(text).unwrap_or_else(|| panic!("the document is no JSON, or too deep: {text}"))
    };
    let nodes: Vec<Node> = documents.iter().map(read).collect();
    let columns = pointers.iter().map(|pointer| {
        let texts = nodes.iter().map(|node| {
            let mut row = Vec::new();
            if let Some(fields) = named(pointer) {
                let parted = parted(node, &fields, taken.is_some());
                row = parted.row;
                if let Some(taken) = &mut taken {
                    taken.extend(parted.taken);
                }
            } else if let Some(pointer) = pointer.strip_prefix("members:") {
                if let Some(value) = node.at(pointer) {
                    value.write_members("", &mut row);
                }
            } else if let Some(value) = node.at(pointer) {
                let mut text = String::new();
                value.write(&mut text);
                row = text.into_bytes();
            }
            row
        });
        column(texts)
    });
    types::Batch {
        stream: stream.into(),
        rows: documents.len() as u32,
        columns: columns.collect(),
    }
}

/// Passes a JSON text to `look`, in the form of a column of members.
///
/// # Panics
/// If it is no JSON.
pub fn with_member<T>(text: &str, look: impl FnOnce(Member<'_>) -> T) -> T {
    let node = Node::read(text).unwrap_or_else(|| panic!("it is no JSON, or too deep: {text}"));
    let mut row = Vec::new();
    node.write_members("", &mut row);
    match Members::between(&row, 0, row.len()).next() {
        Some(member) => look(member),
        None => panic!("a column of members that cannot be read back: {text}"),
    }
}

/// Rows of bytes as a packed column.
pub fn column(rows: impl Iterator<Item = impl AsRef<[u8]>>) -> types::Column {
    let mut column = Writer::default();
    for row in rows {
        let filled: Result<(), ()> = column.row(|bytes| {
            bytes.extend_from_slice(row.as_ref());
            Ok(())
        });
        debug_assert!(filled.is_ok());
    }
    column.finish()
}

#[cfg(test)]
mod tests {
    use super::batch;

    /// As `host/document` writes them, by docs/JSON.md.
    #[test]
    fn columns_are_what_the_host_writes() {
        let documents = [
            r#"{"n":1e30,"i":1180591620717411303424,"o":{"b":1e-7,"a":-0}}"#,
            r#"{"n":1.0,"n":null}"#,
        ];
        let pointers = ["/n", "/i", "/o", "/o/b"].map(String::from);
        let batch = batch("raw", &documents, &pointers);
        let texts: Vec<&str> = batch
            .columns
            .iter()
            .map(|column| std::str::from_utf8(&column.text).expect("UTF-8"))
            .collect();
        assert_eq!(
            texts,
            [
                "1e30null",
                "1180591620717411303424",
                r#"{"a":0,"b":1e-7}"#,
                "1e-7"
            ]
        );
        assert_eq!(batch.columns[0].ends, [4, 8]);
        assert_eq!(batch.columns[3].ends, [4, 4]);
    }
}
