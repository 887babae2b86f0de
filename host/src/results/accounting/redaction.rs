//! Documents as they may be shown: with the configured pointers redacted.
//!
//! A writer may flatten: `/event/email` of an event becomes `event_email` of its row. A pointer
//! hides its value under each of these names, and everything inside the value as well. It may hide
//! a field too many; that is better than an address in a log.

use std::collections::BTreeMap;

use landfall_document::{Pointer, redact};
use serde::de::IgnoredAny;

/// Longest document kept as a sample, in bytes.
const DOCUMENT_BYTES_MAX: usize = 16 << 10;

/// Redacted canonical JSON; empty if the bytes are no JSON document (a frame of some codec).
pub(super) fn document(bytes: &[u8], pointers: &[Pointer]) -> String {
    let mut text = Vec::new();
    redact(bytes, pointers, &mut text);
    let mut text = String::from_utf8(text).unwrap_or_default();
    text.truncate(text.floor_char_boundary(DOCUMENT_BYTES_MAX));
    text
}

/// The same for a row that landed, whose members may be flattened. Also empty if its members cannot
/// be determined with certainty, because then none can be hidden with certainty.
pub(super) fn row(bytes: &[u8], pointers: &[Pointer]) -> String {
    let Ok(members) = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(bytes) else {
        return String::new();
    };
    let flattened = members
        .keys()
        .filter(|name| hides_field(name, pointers))
        .filter_map(|name| {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            Pointer::parse(&format!("/{escaped}")).ok()
        });
    let all: Vec<Pointer> = flattened.chain(pointers.iter().cloned()).collect();
    document(bytes, &all)
}

/// Whether a field of a row is a redacted value or inside one, however a check names it or a writer
/// flattens it.
pub(super) fn hides_field(field: &str, pointers: &[Pointer]) -> bool {
    let field = flat(field);
    pointers.iter().any(|pointer| {
        let hidden = flat(pointer.as_str());
        hidden.is_empty()
            || field
                .strip_prefix(&hidden)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

/// One spelling for `/event/email`, `event.email`, `event_email` and `Event_Email`.
fn flat(name: &str) -> String {
    name.trim_start_matches('/')
        .replace(['/', '.'], "_")
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(texts: &[&str]) -> Vec<Pointer> {
        texts
            .iter()
            .map(|text| Pointer::parse(text).unwrap())
            .collect()
    }

    #[test]
    fn a_pointer_hides_the_field_however_it_is_spelt() {
        let pointers = pointers(&["/event/email", "/userAgent"]);
        for hidden in [
            "event_email",
            "/event/email",
            "event.email",
            "event_email_domain",
            "userAgent",
            "useragent",
            "/userAgent/browser_family",
        ] {
            assert!(hides_field(hidden, &pointers), "{hidden}");
        }
        for shown in ["event_emails", "event", "email", "uuid"] {
            assert!(!hides_field(shown, &pointers), "{shown}");
        }
    }

    #[test]
    fn flattened_members_of_a_row_are_redacted() {
        let text = row(
            br#"{"event_email":"a@b","event":{"email":"c@d"},"userAgent_os":"x","uuid":"1"}"#,
            &pointers(&["/event/email", "/userAgent"]),
        );
        assert!(!text.contains('@') && !text.contains("\"x\""), "{text}");
        assert!(text.contains(r#""uuid":"1""#), "{text}");
        assert_eq!(row(br#"{"ip":NaN,"event_email":"a@b"}"#, &[]), "");
    }
}
