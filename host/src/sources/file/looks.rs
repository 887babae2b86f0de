//! What a file looks like of which not one line could be read: told by its beginning, and only then, for
//! each of these could be the beginning of a good recording too. Pure.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use flate2::{Decompress, FlushDecompress, Status};
use landfall_document::UTF8_MARK;
use landfall_escape::is_shown;
use serde::de::IgnoredAny;

/// So much of the beginning is looked at: some lines of any usual length.
pub(super) const BEGINNING_BYTES: usize = 8 << 10;

/// What a file looks like, and how its lines are had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looks {
    pub what: String,
    /// A command that makes lines of it, with its file behind it or from standard input; none if no usual
    /// tool does. It has no backslash: on a terminal that is two.
    pub filter: Option<String>,
}

impl Looks {
    fn new(what: impl Into<String>, filter: Option<&str>) -> Option<Self> {
        Some(Self {
            what: what.into(),
            filter: filter.map(str::to_owned),
        })
    }

    /// Of what begins like this; none if it looks like lines of text.
    pub fn of(beginning: &[u8]) -> Option<Self> {
        let head = beginning.strip_prefix(UTF8_MARK).unwrap_or(beginning);
        match text(head) {
            Some(text) => of_text(text),
            None => of_bytes(head),
        }
    }
}

/// The beginning as text in UTF-8, without a character that is cut at its end. None if it is none, or holds
/// what no text does.
fn text(head: &[u8]) -> Option<&str> {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && is_cut(head) => {
            str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    (!text.contains(is_odd)).then_some(text)
}

/// Whether there may be more than this.
fn is_cut(head: &[u8]) -> bool {
    head.len() + UTF8_MARK.len() >= BEGINNING_BYTES
}

/// A control that no text has.
fn is_odd(char: char) -> bool {
    char.is_control() && !matches!(char, '\t' | '\n' | '\r')
}

fn of_text(text: &str) -> Option<Looks> {
    let begin = text.trim_start();
    let has_cr_alone = text.contains('\r') && !text.contains('\n');
    if begin.starts_with("%PDF-") {
        return Looks::new("PDF", None);
    }
    if has_cr_alone {
        let what = "text whose lines end with a carriage return alone";
        return Looks::new(what, Some("perl -l -015 -pe 1"));
    }
    if begin.starts_with('<') {
        return Looks::new("XML or HTML", None);
    }
    if begin.starts_with("%7B") || begin.starts_with("%7b") {
        let what = "percent-encoded JSON, which a codec of the configuration has to decode";
        return Looks::new(what, None);
    }
    match begin.chars().next() {
        Some('[') if is_json(begin) => Looks::new("a JSON array", Some("jq -c '.[]'")),
        Some('{') if is_json(begin) => {
            Looks::new("JSON documents over several lines", Some("jq -c ."))
        }
        _ => None,
    }
}

/// Whether it begins with a JSON document that goes on over several lines, or with an array: one document a
/// line would have been read.
fn is_json(text: &str) -> bool {
    first_document(text).is_some_and(|first| first.is_over_lines || text.starts_with('['))
}

/// Whether what begins like this is a JSON document over several lines, which is whole or goes on beyond it.
pub(super) fn is_over_lines(beginning: &[u8]) -> bool {
    let head = beginning.strip_prefix(UTF8_MARK).unwrap_or(beginning);
    let document = text(head).and_then(|text| first_document(text.trim_start()));
    document.is_some_and(|first| first.is_over_lines && (first.is_whole || is_cut(head)))
}

/// The JSON document at the beginning.
struct First {
    /// All of it is there.
    is_whole: bool,
    /// It has a line end within.
    is_over_lines: bool,
}

fn first_document(text: &str) -> Option<First> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let is_whole = match documents.next()? {
        Ok(_) => true,
        Err(error) if error.is_eof() => false,
        Err(_) => return None,
    };
    let end = if is_whole {
        documents.byte_offset()
    } else {
        text.len()
    };
    Some(First {
        is_whole,
        is_over_lines: text.get(..end)?.contains('\n'),
    })
}

fn of_bytes(head: &[u8]) -> Option<Looks> {
    if head.iter().all(|byte| *byte == 0) {
        let what = "nothing but NUL bytes, as what was never written to the disk";
        return Looks::new(what, None);
    }
    if head.starts_with(b"%PDF-") {
        return Looks::new("PDF", None);
    }
    if head.starts_with(b"ORC") {
        return Looks::new("ORC", None);
    }
    if is_zlib(head) {
        return Looks::new("zlib", Some("pigz -dc"));
    }
    if let Some((what, delete)) = separated(head) {
        return Looks::new(what, Some(delete));
    }
    if let Some(name) = wide(head) {
        let filter = format!("iconv -f {name} -t UTF-8");
        return Looks::new(
            format!("text in {name} without a byte order mark"),
            Some(&filter),
        );
    }
    match legacy(head) {
        Some(name) => {
            let filter = format!("iconv -f {name} -t UTF-8");
            Looks::new(format!("text in {name}"), Some(&filter))
        }
        None => Looks::new("binary data", None),
    }
}

/// A zlib stream of any level and window (RFC 1950): its header is right, and it unpacks as far as it is
/// there. Text is none, for that was asked before.
fn is_zlib(head: &[u8]) -> bool {
    let Some((&[method, flags], _)) = head.split_first_chunk::<2>() else {
        return false;
    };
    let is_deflate = method & 0x0f == 8 && method >> 4 <= 7;
    if !is_deflate || u16::from_be_bytes([method, flags]) % 31 != 0 {
        return false;
    }
    let mut unpacking = Decompress::new(true);
    let mut out = vec![0; BEGINNING_BYTES];
    loop {
        let (read, written) = (unpacking.total_in(), unpacking.total_out());
        let rest = head.get(read as usize..).unwrap_or_default();
        match unpacking.decompress(rest, &mut out, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return true,
            Ok(_) => {}
            // A preset dictionary, or no zlib.
            Err(_) => return false,
        }
        if (read, written) == (unpacking.total_in(), unpacking.total_out()) {
            return written > 0;
        }
    }
}

/// Text of two or four bytes a character, in any script: every character is one that texts have, and there
/// are line ends, spaces or ASCII among them. In the wrong order of bytes these are none.
fn wide(head: &[u8]) -> Option<&'static str> {
    let utf16 = |order: fn([u8; 2]) -> u16| {
        let units = head.as_chunks::<2>().0.iter().map(|unit| order(*unit));
        let mut chars: Vec<_> = char::decode_utf16(units).collect();
        // Half of a pair at the end is one that was cut.
        chars.pop_if(|last| last.is_err() && is_cut(head));
        ascii_of(chars.into_iter().map(Result::ok))
    };
    let utf32 = |order: fn([u8; 4]) -> u32| {
        let units = head.as_chunks::<4>().0.iter().map(|unit| order(*unit));
        ascii_of(units.map(char::from_u32))
    };
    let candidates = [
        ("UTF-32LE", 4, utf32(u32::from_le_bytes)),
        ("UTF-32BE", 4, utf32(u32::from_be_bytes)),
        ("UTF-16LE", 2, utf16(u16::from_le_bytes)),
        ("UTF-16BE", 2, utf16(u16::from_be_bytes)),
    ];
    let is_whole = |bytes: usize| is_cut(head) || head.len().is_multiple_of(bytes);
    let fitting = candidates.into_iter().filter_map(|(name, bytes, ascii)| {
        let ascii = ascii.filter(|ascii| *ascii > 0 && is_whole(bytes))?;
        Some((ascii, name))
    });
    fitting
        .max_by_key(|(ascii, _)| *ascii)
        .map(|(_, name)| name)
}

/// How many are ASCII, if all are characters of a text.
fn ascii_of(chars: impl Iterator<Item = Option<char>>) -> Option<usize> {
    let mut ascii = 0;
    for char in chars {
        let char = char?;
        if !is_shown(char) && !matches!(char, '\t' | '\n' | '\r' | '\u{a0}' | '\u{3000}') {
            return None;
        }
        ascii += usize::from(char.is_ascii());
    }
    Some(ascii)
}

/// Text in UTF-8 with a control between or before its lines, and the command that sets it right. Of a text of
/// two bytes a character in which much is ASCII, more than a fifth is NUL.
fn separated(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let without = |control: u8| {
        let rest: Vec<u8> = head
            .iter()
            .copied()
            .filter(|byte| *byte != control)
            .collect();
        let text = match str::from_utf8(&rest) {
            Ok(_) => rest.as_slice(),
            // Its last character is cut.
            Err(error) if error.error_len().is_none() => &rest[..error.valid_up_to()],
            Err(_) => return false,
        };
        let is_text = !String::from_utf8_lossy(text).contains(is_odd);
        is_text && rest.len() < head.len() && !rest.trim_ascii().is_empty()
    };
    let has_lines = head.contains(&b'\n');
    // Runs of more are none of a wide text.
    let runs = head.split(|byte| *byte != 0).map(<[u8]>::len);
    let zeros: usize = runs.filter(|zeros| *zeros <= 3).sum();
    match () {
        () if without(0x1e) => Some((
            "a JSON text sequence (RFC 7464), with a record separator before each line",
            "perl -pe '$c = chr 30; s/$c//g'",
        )),
        () if zeros * 5 >= head.len() => None,
        () if without(0) && has_lines => Some((
            "text with NUL bytes in it",
            "perl -pe '$c = chr 0; s/$c//g'",
        )),
        () if without(0) => Some(("text whose lines end with NUL bytes", "perl -l -0 -pe 1")),
        () => None,
    }
}

/// The encoding of a text of one byte or several a character that is no UTF-8, by what is frequent in
/// languages.
fn legacy(head: &[u8]) -> Option<&'static str> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, !is_cut(head));
    let encoding = detector.guess(None, Utf8Detection::Deny);
    let text = encoding.decode_without_bom_handling(head).0;
    let text = match is_cut(head) {
        true => text.trim_end_matches(char::REPLACEMENT_CHARACTER),
        false => &text,
    };
    let is_text = !text.contains(|char| is_odd(char) || char == char::REPLACEMENT_CHARACTER);
    is_text.then_some(match encoding.name() {
        // The same characters, in the order in which they are read.
        "ISO-8859-8-I" => "ISO-8859-8",
        name => name,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn what(beginning: &[u8]) -> String {
        Looks::of(beginning).map_or_else(String::new, |looks| looks.what)
    }

    fn zlib(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_may_be_lines_of_text_is_told_as_nothing_else() {
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
    fn json_over_several_lines_is_told_with_what_makes_lines_of_it() {
        let long = format!("[\n{}", "  {\"id\": 1},\n".repeat(2000));
        let array = Looks::new("a JSON array", Some("jq -c '.[]'"));
        for text in [
            "[{\"id\":1}]",
            "[\n {\"id\":1},\n {\"id\":2}\n]\n",
            "\u{feff}[]",
            &long[..BEGINNING_BYTES],
        ] {
            assert_eq!(Looks::of(text.as_bytes()), array, "{text}");
        }
        let several = Looks::new("JSON documents over several lines", Some("jq -c ."));
        for text in ["{\n \"id\": 1\n}\n", "{\n \"id\": 1\n}\n{\n \"id\": 2\n}\n"] {
            assert_eq!(Looks::of(text.as_bytes()), several, "{text}");
        }
    }

    #[test]
    fn a_document_over_several_lines_is_told_from_one_document_a_line() {
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
    fn zlib_is_told_at_every_level_and_text_that_begins_like_it_is_not() {
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
    fn formats_that_a_good_recording_could_begin_like_are_told() {
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
    fn utf16_and_utf32_without_a_mark_are_told_in_every_script() {
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
                    let looks = Looks::of(&head).unwrap();
                    assert_eq!(
                        looks.filter.as_deref(),
                        Some(&*filter),
                        "{text:.20} {looks:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn text_in_an_older_encoding_is_told_by_its_name() {
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
            let filter = Looks::of(head).unwrap().filter.unwrap();
            assert!(
                filter.chars().all(|char| is_shown(char) && char != '\\'),
                "{filter}"
            );
        }
    }

    #[test]
    fn garbage_of_any_kind_is_told_as_something() {
        let mut random = fastrand::Rng::with_seed(7);
        for length in (1..300).chain([4096, BEGINNING_BYTES]) {
            let head: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
                .take(length)
                .collect();
            let looks = Looks::of(&head);
            if length > 200 {
                assert_eq!(looks.unwrap().what, "binary data", "{length}");
            }
        }
    }
}
