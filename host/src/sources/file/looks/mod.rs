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
mod tests;
