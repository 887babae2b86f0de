//! Percent-decoding with plus-as-space, as Python's `unquote_plus` does it.

/// Appends the decoded bytes of `encoded` to `decoded`. A `%` without two hexadecimal digits after
/// it stands for itself, as in Python, so there is no such thing as a bad encoding.
pub fn decode_into(encoded: &[u8], decoded: &mut Vec<u8>) {
    decoded.reserve(encoded.len());
    let mut rest = encoded;
    while let Some(place) = rest.iter().position(|&byte| byte == b'%' || byte == b'+') {
        let (plain, special) = rest.split_at(place);
        decoded.extend_from_slice(plain);
        let escaped = match special {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        let taken = match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                3
            }
            None => {
                decoded.push(if special.first() == Some(&b'+') {
                    b' '
                } else {
                    b'%'
                });
                1
            }
        };
        rest = special.get(taken..).unwrap_or_default();
    }
    decoded.extend_from_slice(rest);
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
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
}
