//! Columns as the host writes them: canonical JSON text of the value at a pointer.

use serde_json::Value;

use crate::bindings::event_check::landfall::check::types;
use crate::column::Writer;

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

/// JSON text without white space, members sorted by the bytes of their names.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            let member = |name: &&String| {
                format!(
                    "{}:{}",
                    Value::from(name.as_str()),
                    canonical(&members[name.as_str()])
                )
            };
            let members: Vec<String> = names.iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn text_is_canonical() {
        let cases = [
            (
                r#" { "b" : [ 1 , 1.0, 1e30 ], "a" : "\u00e9\n\u002f" } "#,
                r#"{"a":"é\n/","b":[1,1.0,1e+30]}"#,
            ),
            (
                r#"{"a":{"y":null,"x":true},"B":""}"#,
                r#"{"B":"","a":{"x":true,"y":null}}"#,
            ),
        ];
        for (text, expected) in cases {
            let value = serde_json::from_str(text).expect("JSON");
            assert_eq!(canonical(&value), expected);
        }
    }
}
