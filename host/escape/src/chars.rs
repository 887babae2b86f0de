//! Which characters are shown as they are. Ordinary text of every script is. Characters that nobody would see, or
//! that act on the text around them, are not.

/// Whether the character may stand in an output as it is. These may not: controls (C0, DEL, C1), line and paragraph
/// separators, marks and overrides of direction, zero-width and other format characters, spaces other than U+0020,
/// private use, and what Unicode has not assigned.
pub fn is_shown(char: char) -> bool {
    match char {
        ' '..='~' => true,
        '\0'..='\u{9f}' => false,
        _ => !is_ignorable(char) && is_printable(char),
    }
}

/// Whether nothing is drawn for it: Unicode's Default_Ignorable_Code_Point, and the blank of Braille.
fn is_ignorable(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether it is, by the standard library's table, no control, format, surrogate, private use, unassigned or separator
/// character. `escape_debug` leaves a combining mark as it is only behind a letter, so the character gets one.
fn is_printable(char: char) -> bool {
    let mut pair = [b'a', 0, 0, 0, 0];
    let bytes = 1 + char.encode_utf8(&mut pair[1..]).len();
    let pair = std::str::from_utf8(&pair[..bytes]).unwrap_or_default();
    pair.escape_debug().nth(1) == Some(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_every_script_is_shown_as_it_is() {
        for text in [
            "plain ~ \"text\" \\",
            "é e\u{301}",
            "Привет",
            "日本語",
            "שלום",
            "नमस्ते",
            "😀",
            "→ – …",
        ] {
            for char in text.chars() {
                assert!(is_shown(char), "{char:?} of {text}");
            }
        }
    }

    #[test]
    fn what_acts_or_hides_is_not_shown() {
        let controls = (0..0x20).chain(0x7f..0xa0);
        let others = [
            0xa0, 0xad, 0x34f, 0x61c, 0x115f, 0x1680, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e,
            0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066, 0x2067,
            0x2068, 0x2069, 0x206a, 0x2800, 0x3000, 0x3164, 0xe000, 0xfe0f, 0xfeff, 0xfff9, 0xfffe,
            0xffff, 0x1d173, 0xe0001, 0xe0041, 0xf0000, 0x10_ffff, 0x378,
        ];
        for point in controls.chain(others) {
            let char = char::from_u32(point).expect("a character");
            assert!(!is_shown(char), "{char:?}");
        }
    }
}
