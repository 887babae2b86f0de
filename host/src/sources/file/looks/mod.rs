//! Guesses what a file is when not one line of it could be read. The guess uses its beginning, and
//! is made only then, because any such beginning could also begin a good recording. Pure.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use flate2::{Decompress, FlushDecompress, Status};
use landfall_document::UTF8_MARK;
use landfall_escape::is_shown;
use serde::de::IgnoredAny;

/// Bytes of the beginning that are examined: some lines of any usual length.
pub(super) const BEGINNING_BYTES: usize = 8 << 10;

/// A guess at what a file is, and how to get lines from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FormatGuess {
    pub what: String,
    /// A command that makes lines of it; the file's name follows, or it reads standard input. None
    /// if no usual tool does this. It has no backslash, because a terminal shows a backslash as
    /// two.
    pub filter: Option<String>,
}

impl FormatGuess {
    fn new(what: impl Into<String>, filter: Option<&str>) -> Option<Self> {
        Some(Self {
            what: what.into(),
            filter: filter.map(str::to_owned),
        })
    }

    /// The guess for a file that begins like this; None if it looks like lines of text.
    pub fn of(beginning: &[u8]) -> Option<Self> {
        let head = beginning.strip_prefix(UTF8_MARK).unwrap_or(beginning);
        match text(head) {
            Some(text) => of_text(text),
            None => of_bytes(head),
        }
    }
}

/// The beginning as UTF-8 text, without a character that is cut at its end. None if it is not
/// UTF-8, or holds characters that no text has.
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

/// Whether the file may have more than this.
fn is_cut(head: &[u8]) -> bool {
    head.len() + UTF8_MARK.len() >= BEGINNING_BYTES
}

/// Whether it is a control character that no text has.
fn is_odd(char: char) -> bool {
    char.is_control() && !matches!(char, '\t' | '\n' | '\r')
}

fn of_text(text: &str) -> Option<FormatGuess> {
    let begin = text.trim_start();
    let has_cr_alone = text.contains('\r') && !text.contains('\n');
    if begin.starts_with("%PDF-") {
        return FormatGuess::new("PDF", None);
    }
    if has_cr_alone {
        let what = "text whose lines end with a carriage return alone";
        return FormatGuess::new(what, Some("perl -l -015 -pe 1"));
    }
    if begin.starts_with('<') {
        return FormatGuess::new("XML or HTML", None);
    }
    if begin.starts_with("%7B") || begin.starts_with("%7b") {
        let what = "percent-encoded JSON, which a codec of the configuration has to decode";
        return FormatGuess::new(what, None);
    }
    match begin.chars().next() {
        Some('[') if is_json(begin) => FormatGuess::new("a JSON array", Some("jq -c '.[]'")),
        Some('{') if is_json(begin) => {
            FormatGuess::new("JSON documents over several lines", Some("jq -c ."))
        }
        _ => None,
    }
}

/// Whether it begins with an array, or with a JSON document that spans several lines. A file with
/// one document a line would have been read.
fn is_json(text: &str) -> bool {
    first_document(text).is_some_and(|first| first.is_over_lines || text.starts_with('['))
}

/// Whether the file begins with a JSON document over several lines, which ends here or later.
pub(super) fn is_over_lines(beginning: &[u8]) -> bool {
    let head = beginning.strip_prefix(UTF8_MARK).unwrap_or(beginning);
    let document = text(head).and_then(|text| first_document(text.trim_start()));
    document.is_some_and(|first| first.is_over_lines && (first.is_whole || is_cut(head)))
}

/// The JSON document at the beginning of a file.
struct FirstDocument {
    /// Whether all of it is there.
    is_whole: bool,
    /// Whether it contains a line end.
    is_over_lines: bool,
}

fn first_document(text: &str) -> Option<FirstDocument> {
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
    Some(FirstDocument {
        is_whole,
        is_over_lines: text.get(..end)?.contains('\n'),
    })
}

fn of_bytes(head: &[u8]) -> Option<FormatGuess> {
    if head.iter().all(|byte| *byte == 0) {
        let what = "nothing but NUL bytes, as what was never written to the disk";
        return FormatGuess::new(what, None);
    }
    if head.starts_with(b"%PDF-") {
        return FormatGuess::new("PDF", None);
    }
    if head.starts_with(b"ORC") {
        return FormatGuess::new("ORC", None);
    }
    if is_zlib(head) {
        return FormatGuess::new("zlib", Some("pigz -dc"));
    }
    if let Some((what, delete)) = separated(head) {
        return FormatGuess::new(what, Some(delete));
    }
    if let Some(name) = wide(head) {
        let filter = format!("iconv -f {name} -t UTF-8");
        return FormatGuess::new(
            format!("text in {name} without a byte order mark"),
            Some(&filter),
        );
    }
    match legacy(head) {
        Some(name) => {
            let filter = format!("iconv -f {name} -t UTF-8");
            FormatGuess::new(format!("text in {name}"), Some(&filter))
        }
        None => FormatGuess::new("binary data", None),
    }
}

/// A zlib stream of any level and window (RFC 1950): its header is right, and it unpacks as far as
/// it is there. Text was checked before, so this is not text.
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
            // It needs a preset dictionary, or it is not zlib.
            Err(_) => return false,
        }
        if (read, written) == (unpacking.total_in(), unpacking.total_out()) {
            return written > 0;
        }
    }
}

/// Text of two or four bytes a character, in any script: every character is one that texts have,
/// and there are line ends, spaces or ASCII among them. In the wrong byte order this does not hold.
fn wide(head: &[u8]) -> Option<&'static str> {
    let utf16 = |order: fn([u8; 2]) -> u16| {
        let units = head.as_chunks::<2>().0.iter().map(|unit| order(*unit));
        let mut chars: Vec<_> = char::decode_utf16(units).collect();
        // If the last character is half of a surrogate pair, it was cut.
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

/// The number of ASCII characters, if all characters are ones that texts have.
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

/// UTF-8 text with a control character between or before its lines, and the command that corrects
/// it. If a text of two bytes a character is mostly ASCII, more than a fifth of its bytes are NUL.
fn separated(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let without = |control: u8| {
        let rest: Vec<u8> = head
            .iter()
            .copied()
            .filter(|byte| *byte != control)
            .collect();
        let text = match str::from_utf8(&rest) {
            Ok(_) => rest.as_slice(),
            // The last character is cut.
            Err(error) if error.error_len().is_none() => &rest[..error.valid_up_to()],
            Err(_) => return false,
        };
        let is_text = !String::from_utf8_lossy(text).contains(is_odd);
        is_text && rest.len() < head.len() && !rest.trim_ascii().is_empty()
    };
    let has_lines = head.contains(&b'\n');
    // In wide text there are no longer runs of NUL.
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

/// The encoding of text that is not UTF-8, of one or more bytes a character, guessed by what is
/// frequent in languages.
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
        // The same characters, in reading order.
        "ISO-8859-8-I" => "ISO-8859-8",
        name => name,
    })
}

#[cfg(test)]
mod tests;
