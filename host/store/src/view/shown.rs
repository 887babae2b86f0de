//! Text from events and checks on a terminal: it must not move the cursor, nor be taken for ours.

/// Control characters, and those that turn the direction of text, as escapes; all else as it is.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}') || turns_text(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX #9).
fn turns_text(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_the_cursor_or_turn_the_text_is_escaped() {
        assert_eq!(shown("plain \"é\" \\ text"), "plain \"é\" \\ text");
        assert_eq!(shown("a\nb\x1b[2Jc\u{7f}"), r"a\nb\u{1b}[2Jc\u{7f}");
        assert_eq!(shown("x\u{202e}y\u{2028}"), r"x\u{202e}y\u{2028}");
    }
}
