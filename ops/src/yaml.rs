//! Quoted texts in YAML.

use std::fmt::Write;

/// A text in double quotes. YAML reads escapes of JSON in it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // YAML breaks lines at the last three as well.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_quotes_stays_on_its_line() {
        assert_eq!(
            quoted("a \"b\"\\\n\u{85}\u{2028}é"),
            "\"a \\\"b\\\"\\\\\\u000a\\u0085\\u2028é\""
        );
    }
}
