//! Percent-decoding with plus-as-space, as Python's `unquote_plus` does it.

use crate::word;

/// The value of a byte as a hexadecimal digit, or [`NO_DIGIT`]. A table, because every third byte of
/// a query is looked up here.
static DIGITS: [u8; 256] = digits();

/// More than any digit.
const NO_DIGIT: u8 = 16;

/// Appends the decoded bytes of `encoded` to `decoded`. A `%` without two hexadecimal digits after
/// it stays a `%`, as in Python, so every encoding is valid.
///
/// Runs between two escapes are copied in whole words and not by their length: they are short, and a
/// copy of unknown length costs a call out of the guest, as much as some twenty bytes.
pub fn decode_into(encoded: &[u8], decoded: &mut Vec<u8>) {
    let start = decoded.len();
    // The decoded text is never longer than the encoded one; a word may reach beyond its end.
    decoded.resize(start + encoded.len() + word::BYTES, 0);
    let out = decoded.get_mut(start..).unwrap_or_default();
    let (mut read, mut written) = (0, 0);
    while let Some(bytes) = word::at(encoded, read) {
        let plain = word::before(word::equal(bytes, b'%') | word::equal(bytes, b'+'));
        let Some(place) = out.get_mut(written..).and_then(<[u8]>::first_chunk_mut) else {
            break;
        };
        *place = bytes.to_le_bytes();
        read += plain;
        written += plain;
        if plain < word::BYTES {
            decode_one(encoded, &mut read, out, &mut written);
        }
    }
    while read < encoded.len() {
        decode_one(encoded, &mut read, out, &mut written);
    }
    decoded.truncate(start + written);
}

/// Decodes the escape, plus or plain byte at `read`.
fn decode_one(encoded: &[u8], read: &mut usize, out: &mut [u8], written: &mut usize) {
    let (Some(&byte), Some(place)) = (encoded.get(*read), out.get_mut(*written)) else {
        *read = encoded.len();
        return;
    };
    let (value, taken) = match byte {
        b'%' => match escaped(encoded, *read + 1) {
            Some(value) => (value, 3),
            None => (b'%', 1),
        },
        b'+' => (b' ', 1),
        plain => (plain, 1),
    };
    *place = value;
    *read += taken;
    *written += 1;
}

/// The byte of the two hexadecimal digits from `at` on.
fn escaped(encoded: &[u8], at: usize) -> Option<u8> {
    let high = DIGITS[usize::from(*encoded.get(at)?)];
    let low = DIGITS[usize::from(*encoded.get(at + 1)?)];
    (high | low < NO_DIGIT).then_some(high << 4 | low)
}

const fn digits() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::decode_into;

    #[test]
    fn decodes_as_python_does() {
        let cases: [(&str, &[u8]); 9] = [
            ("", b""),
            ("a+b%20c", b"a b c"),
            ("%7B%22a%22%3A1%7D", b"{\"a\":1}"),
            ("%2B%2b", b"++"),
            ("100%", b"100%"),
            ("%4", b"%4"),
            ("%zz%7", b"%zz%7"),
            ("%%41", b"%A"),
            ("%C3%A9%ff", &[0xc3, 0xa9, 0xff]),
        ];
        for (encoded, expected) in cases {
            let mut decoded = b"before ".to_vec();
            decode_into(encoded.as_bytes(), &mut decoded);
            assert_eq!(&decoded[7..], expected, "{encoded}");
        }
    }

    proptest::proptest! {
        #[test]
        fn decodes_as_the_rule_says_byte_by_byte(encoded in "[%+0-9a-fA-Fx]{0,40}") {
            let (bytes, mut expected, mut at) = (encoded.as_bytes(), Vec::new(), 0);
            while at < bytes.len() {
                let digits = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
                let value = digits
                    .filter(|two| !two.contains('+'))
                    .and_then(|two| u8::from_str_radix(two, 16).ok());
                let (byte, taken) = match (bytes[at], value) {
                    (b'%', Some(value)) => (value, 3),
                    (b'+', _) => (b' ', 1),
                    (other, _) => (other, 1),
                };
                expected.push(byte);
                at += taken;
            }
            let mut decoded = Vec::new();
            decode_into(bytes, &mut decoded);
            proptest::prop_assert_eq!(decoded, expected);
        }
    }
}
