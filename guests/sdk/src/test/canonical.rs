//! Columns as the host writes them: canonical JSON text of the value at a pointer.

use serde_json::Value;

use crate::bindings::event_check::landfall::check::types;
use crate::column::Writer;
use crate::value::canonical;

/// Parses documents given as JSON text.
pub fn parse(documents: &[&str]) -> Vec<Value> {
    let parse = |text: &&str| {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in the document {text}"))
    };
    documents.iter().map(parse).collect()
}

/// The batch of these documents for the columns that a check declared.
pub fn batch(stream: &str, documents: &[Value], pointers: &[String]) -> types::Batch {
    let columns = pointers.iter().map(|pointer| {
        let mut column = Writer::default();
        for document in documents {
            let value = document.pointer(pointer);
            let text = value.map(canonical).unwrap_or_default();
            let filled: Result<(), ()> = column.row(|bytes| {
                bytes.extend_from_slice(text.as_bytes());
                Ok(())
            });
            debug_assert!(filled.is_ok());
        }
        column.finish()
    });
    types::Batch {
        stream: stream.into(),
        rows: documents.len() as u32,
        columns: columns.collect(),
    }
}
