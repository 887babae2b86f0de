//! One table of hostile texts, and every destination: what comes out has no character that must not be shown, stays on
//! one line, and can be read back.

use landfall_escape::{file, is_shown, json, log, metrics, terminal};
use proptest::prelude::*;

/// What comes in, and how it stands in a line for people.
const TABLE: [(&str, &str); 14] = [
    ("plain \"é\" 日本 😀", "plain \"é\" 日本 😀"),
    ("C:\\new\\u{1b}", "C:\\\\new\\\\u{1b}"),
    ("a\nERROR forged", "a\\nERROR forged"),
    ("a\r\nb\tc", "a\\r\\nb\\tc"),
    ("\x1b[2J\x1b]0;title\x07", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
    ("\0\x08\x7f", "\\u{0}\\u{8}\\u{7f}"),
    ("\u{85}\u{9b}31m", "\\u{85}\\u{9b}31m"),
    ("abc\u{202e}cba\u{202c}", "abc\\u{202e}cba\\u{202c}"),
    (
        "\u{2066}x\u{2069}\u{200e}\u{200f}\u{61c}",
        "\\u{2066}x\\u{2069}\\u{200e}\\u{200f}\\u{61c}",
    ),
    ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
    (
        "adm\u{200b}in\u{feff}\u{ad}",
        "adm\\u{200b}in\\u{feff}\\u{ad}",
    ),
    ("\u{e0041}\u{1d173}", "\\u{e0041}\\u{1d173}"),
    ("\u{e000}\u{378}\u{ffff}", "\\u{e000}\\u{378}\\u{ffff}"),
    ("", ""),
];

fn assert_one_line(text: &str) {
    let odd = text.chars().find(|char| !is_shown(*char));
    assert_eq!(odd, None, "{text:?}");
}

#[test]
fn every_destination_escapes_every_text() {
    for (text, expected) in TABLE {
        assert_eq!(log::value(text).to_string(), expected);
        assert_eq!(terminal::line(text).to_string(), expected);
        assert_eq!(file::escape(text), expected);
        assert_eq!(file::unescape(expected), text);

        let as_json = serde_json::to_string(text).expect("JSON");
        let escaped = json::escaped(&as_json);
        assert_one_line(&escaped);
        let read: String = serde_json::from_str(&escaped).expect("JSON");
        assert_eq!(read, text);
    }
}

#[test]
fn a_page_has_as_many_lines_as_it_was_given() {
    let mut page = terminal::Page::default();
    for (text, _) in TABLE {
        page.line(format_args!("key {text} end"));
    }
    assert_eq!(page.as_str().lines().count(), TABLE.len());
    assert!(
        page.as_str()
            .lines()
            .all(|line| line.starts_with("key ") && line.ends_with(" end"))
    );
}

#[test]
fn labels_hold_the_escaped_text_and_the_format_stays_whole() {
    // As the encoder writes them: its own escapes, and everything else raw.
    let encoded = "# HELP m With a \\\\ backslash.\n# TYPE m counter\n\
        m{schema=\"a\\\"b\",x=\"y\"} 1\n\
        m{schema=\"a\\nb\"} 2\n\
        m{schema=\"a\\\\nb\"} 3\n\
        m{schema=\"\x1b[2J\u{202e}\r\"} 4\n";
    assert_eq!(
        metrics::escaped(encoded),
        "# HELP m With a \\\\ backslash.\n# TYPE m counter\n\
        m{schema=\"a\\\"b\",x=\"y\"} 1\n\
        m{schema=\"a\\\\nb\"} 2\n\
        m{schema=\"a\\\\\\\\nb\"} 3\n\
        m{schema=\"\\\\u{1b}[2J\\\\u{202e}\\\\r\"} 4\n"
    );
    let plain = "# HELP m x\nm{schema=\"é/1\"} 1\n";
    assert_eq!(metrics::escaped(plain), plain);
}

#[test]
fn texts_kept_by_earlier_versions_stay_as_they_are() {
    for text in [
        "C:\\dir",
        "\\u{110000}",
        "\\u{zz}",
        "\\u{1b",
        "\\",
        "100 \\% \\u0041",
    ] {
        assert_eq!(file::unescape(text), text);
    }
}

proptest! {
    #[test]
    fn any_text_is_one_line_of_shown_characters_and_is_read_back(text in "\\PC*|[\\x00-\\x{10FFFF}]{0,200}") {
        let kept = file::escape(&text);
        assert_one_line(&kept);
        prop_assert_eq!(file::unescape(&kept), text.clone());
        let as_json = serde_json::to_string(&text).expect("JSON");
        let escaped = json::escaped(&as_json);
        assert_one_line(&escaped);
        prop_assert_eq!(serde_json::from_str::<String>(&escaped).expect("JSON"), text);
    }
}
