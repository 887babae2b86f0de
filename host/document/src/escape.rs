//! Escapes of JSON strings, as both readers read them. Knows bytes alone.

/// One escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escape {
    /// The code point that it stands for; a surrogate if the other one of its pair is missing.
    pub code_point: u32,
    /// Bytes of the escape in the text.
    pub bytes: usize,
}

/// Reads the escape at the beginning of `text`, which begins with a backslash. The error is the offset of the
/// first byte that does not belong there; of a wrong letter it is that of the backslash.
pub(crate) fn read(text: &[u8]) -> Result<Escape, usize> {
    let simple = match text.get(1) {
        Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
        Some(b'b') => 0x08,
        Some(b'f') => 0x0C,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => return unicode(text),
        _ => return Err(0),
    };
    Ok(Escape {
        code_point: u32::from(simple),
        bytes: 2,
    })
}

fn unicode(text: &[u8]) -> Result<Escape, usize> {
    let first = four_digits(text, 2)?;
    if (0xD800..0xDC00).contains(&first) && text.get(6..8) == Some(b"\\u") {
        let second = four_digits(text, 8)?;
        if (0xDC00..0xE000).contains(&second) {
            return Ok(Escape {
                code_point: 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00),
                bytes: 12,
            });
        }
    }
    Ok(Escape {
        code_point: first,
        bytes: 6,
    })
}

fn four_digits(text: &[u8], at: usize) -> Result<u32, usize> {
    (at..at + 4).try_fold(0, |value, at| {
        let digit = text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        Ok(value << 4 | digit.ok_or(at)?)
    })
}
