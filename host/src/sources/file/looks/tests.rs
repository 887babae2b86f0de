//! What a file looks like that is no recording, and the commands that make one of it.

use std::io::Write as _;

use super::*;

fn what(beginning: &[u8]) -> String {
    FormatGuess::of(beginning).map_or_else(String::new, |guess| guess.what)
}

fn zlib(text: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_may_be_lines_of_text_is_recognized_as_nothing_else() {
    for text in [
        &b""[..],
        b"\n\n",
        b"x^2 + y\n",
        b"x^2 + y",
        b"{\"id\":1}\n{\"id\":2}\n",
        b"{\"id\":1}",
        b"{\"id\":\n",
        b"[not json\n",
        b"[12/Nov/2014] GET /\n[13/Nov/2014] GET /\n",
        b"ORCHARD\r\nno\n",
        "žluťoučký\n".as_bytes(),
    ] {
        let expected = if text == b"{\"id\":\n" {
            "JSON documents over several lines"
        } else {
            ""
        };
        assert_eq!(what(text), expected, "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn json_over_several_lines_is_recognized_with_what_makes_lines_of_it() {
    let long = format!("[\n{}", "  {\"id\": 1},\n".repeat(2000));
    let array = FormatGuess::new("a JSON array", Some("jq -c '.[]'"));
    for text in [
        "[{\"id\":1}]",
        "[\n {\"id\":1},\n {\"id\":2}\n]\n",
        "\u{feff}[]",
        &long[..BEGINNING_BYTES],
    ] {
        assert_eq!(FormatGuess::of(text.as_bytes()), array, "{text}");
    }
    let several = FormatGuess::new("JSON documents over several lines", Some("jq -c ."));
    for text in ["{\n \"id\": 1\n}\n", "{\n \"id\": 1\n}\n{\n \"id\": 2\n}\n"] {
        assert_eq!(FormatGuess::of(text.as_bytes()), several, "{text}");
    }
}

#[test]
fn a_document_over_several_lines_is_distinguished_from_one_document_a_line() {
    for (text, expected) in [
        ("[\n{\"id\":1},\n{\"id\":2}\n]\n", true),
        ("{\"events\":[\n{\"id\":1}\n]}\n", true),
        (&*format!("[\n{}", "{\"id\":1},\n".repeat(1000)), true),
        // It may as well be lines of which one is good.
        ("[\n[\n{\"id\":1}\n", false),
        ("{\n", false),
        ("[1]\n[2]\n[3]\n", false),
        ("{\"id\":1}\n{\"id\":2}\n", false),
        ("{\"id\":1}\n", false),
        ("{\"id\":1", false),
        ("[x\n", false),
        ("", false),
    ] {
        assert_eq!(is_over_lines(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn zlib_is_recognized_at_every_level_and_text_that_begins_like_it_is_not() {
    let text = b"{\"id\": 1, \"wiki\": \"enwiki\"}\n".repeat(1000);
    for level in 0..=9 {
        for length in [1, 30, text.len()] {
            let packed = zlib(&text[..length], level);
            let head = &packed[..packed.len().min(BEGINNING_BYTES)];
            assert_eq!(what(head), "zlib", "{level} {length}");
        }
    }
    // Levels 2 to 5.
    assert!(zlib(&text, 3).starts_with(b"x^"));
    assert_ne!(what(b"x^\xff\xff\xff\xff"), "zlib");
}

#[test]
fn formats_that_a_good_recording_could_begin_like_are_recognized() {
    for (head, expected) in [
        (&b"ORC\x11\x00\x00\x0a"[..], "ORC"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b"%PDF-1.4\n1 0 obj\n", "PDF"),
        (b"<?xml version=\"1.0\"?>\n", "XML or HTML"),
        (
            b"one\rtwo\r",
            "text whose lines end with a carriage return alone",
        ),
        (
            b"%7B%22event%22%3A1%7D;\thost\n",
            "percent-encoded JSON, which a codec of the configuration has to decode",
        ),
        (
            b"\x1e{\"id\":1}\n\x1e{\"id\":2}\n",
            "a JSON text sequence (RFC 7464), with a record separator before each line",
        ),
        (
            b"{\"id\":1}\0{\"id\":2}\0",
            "text whose lines end with NUL bytes",
        ),
        (b"\0\0\0\0{\"id\":1}\n", "text with NUL bytes in it"),
        (
            b"\0\0\0\0",
            "nothing but NUL bytes, as what was never written to the disk",
        ),
        (b"\x07\x91\x00\xfe\xff\x01\x02\x03\x80", "binary data"),
    ] {
        assert_eq!(what(head), expected, "{:?}", String::from_utf8_lossy(head));
    }
}

#[test]
fn utf16_and_utf32_without_a_mark_are_recognized_in_every_script() {
    for text in [
        "{\"id\":1}\n",
        "{\"wiki\":\"日本語のウィキ\",\"id\":\"漢字\"}\n",
        "日本語の文章です。\n二行目。\n",
        "Привет, мир\n",
        "{\"a\":\"שלום עולם\"}\n",
        "{\"a\":\"नमस्ते\"}\n",
        "{\"a\":\"😀😀\"}\n",
        "ελληνικά\r\n",
    ] {
        for times in [1, 1000] {
            let text = text.repeat(times);
            let bytes = |wide: Vec<Vec<u8>>| {
                let all = wide.concat();
                all[..all.len().min(BEGINNING_BYTES)].to_vec()
            };
            let utf16 = || text.encode_utf16();
            for (name, head) in [
                (
                    "UTF-16LE",
                    bytes(utf16().map(|unit| unit.to_le_bytes().to_vec()).collect()),
                ),
                (
                    "UTF-16BE",
                    bytes(utf16().map(|unit| unit.to_be_bytes().to_vec()).collect()),
                ),
                (
                    "UTF-32LE",
                    bytes(
                        text.chars()
                            .map(|c| u32::from(c).to_le_bytes().to_vec())
                            .collect(),
                    ),
                ),
                (
                    "UTF-32BE",
                    bytes(
                        text.chars()
                            .map(|c| u32::from(c).to_be_bytes().to_vec())
                            .collect(),
                    ),
                ),
            ] {
                let filter = format!("iconv -f {name} -t UTF-8");
                let guess = FormatGuess::of(&head).unwrap();
                assert_eq!(
                    guess.filter.as_deref(),
                    Some(&*filter),
                    "{text:.20} {guess:?}"
                );
            }
        }
    }
}

#[test]
fn text_in_an_older_encoding_is_recognized_by_its_name() {
    for (name, text) in [
        (
            "windows-1252",
            "{\"titel\": \"Müller läuft über die Straße, déjà vu\"}\n",
        ),
        (
            "Shift_JIS",
            "{\"title\": \"日本語の文章です。カタカナもあります。\"}\n",
        ),
        (
            "EUC-JP",
            "{\"title\": \"日本語の文章です。カタカナもあります。\"}\n",
        ),
        (
            "windows-1251",
            "{\"title\": \"Это предложение на русском языке\"}\n",
        ),
        ("GBK", "{\"title\": \"这是一个中文句子，用来测试编码。\"}\n"),
    ] {
        for times in [1, 400] {
            let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap();
            let bytes = encoding.encode(&text.repeat(times)).0.into_owned();
            let head = &bytes[..bytes.len().min(BEGINNING_BYTES)];
            assert_eq!(what(head), format!("text in {name}"));
        }
    }
}

#[test]
fn no_command_has_what_a_terminal_is_shown_in_another_way() {
    for head in [
        &b"a\rb"[..],
        b"{\"id\":1}\0{\"id\":2}\0",
        b"\0\0\0\0{}\n",
        b"\x1e{}\n",
        b"[{}]",
        b"{\n}",
        b"a\xff\n",
    ] {
        let filter = FormatGuess::of(head).unwrap().filter.unwrap();
        assert!(
            filter.chars().all(|char| is_shown(char) && char != '\\'),
            "{filter}"
        );
    }
}

#[test]
fn garbage_of_any_kind_is_recognized_as_something() {
    let mut random = fastrand::Rng::with_seed(7);
    for length in (1..300).chain([4096, BEGINNING_BYTES]) {
        let head: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
            .take(length)
            .collect();
        let guess = FormatGuess::of(&head);
        if length > 200 {
            assert_eq!(guess.unwrap().what, "binary data", "{length}");
        }
    }
}
