//! Texts for people in a file that is also opened with other tools, as the store is with `sqlite3`. Not for keys and
//! frames, which are data.

use crate::escaper::Escaped;

/// Longest text, in bytes: enough for all fields of an altered event with both values, by two checks.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// The text as it is stored.
pub fn escape(text: &str) -> String {
    Escaped::new(text, TEXT_BYTES_MAX).to_string()
}

/// The text of what was stored, to be escaped anew for wherever it goes. What is no escape stays as it is: earlier
/// versions stored texts without escaping them.
pub fn unescape(stored: &str) -> String {
    let mut text = String::with_capacity(stored.len());
    let mut rest = stored;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (char, bytes) = unescape_first(rest).unwrap_or(('\\', 1));
        text.push(char);
        rest = &rest[bytes..];
    }
    text + rest
}

/// The character of the escape at the beginning, and the bytes that it takes.
fn unescape_first(text: &str) -> Option<(char, usize)> {
    match text.as_bytes().get(1)? {
        b'\\' => Some(('\\', 2)),
        b'n' => Some(('\n', 2)),
        b'r' => Some(('\r', 2)),
        b't' => Some(('\t', 2)),
        b'u' => {
            let (digits, _) = text.get(2..)?.strip_prefix('{')?.split_once('}')?;
            let point = u32::from_str_radix(digits, 16).ok()?;
            Some((char::from_u32(point)?, "\\u{}".len() + digits.len()))
        }
        _ => None,
    }
}
