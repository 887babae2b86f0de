//! Takes raw frames apart, by the processor's format strings.
//!
//! The processor makes a regular expression of its format: a space is `\s+`, `%{x}s` and `%h` are
//! `\S+`, `%{x}d` is `\d+`, `%{x}i` and `%u` are `[^\t]+`, `%q` is `\?\S+`. The expression is
//! anchored at the start of the line only. White space is ASCII's.

use landfall_guest::time::{CIVIL_BYTES, parse_civil};

use crate::config::Era;
use crate::word;

/// What a frame is, by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A web cache's log line.
    Client(Client<'a>),
    /// `<sequence>\tEventLogging {json}`.
    Server {
        /// The forwarder's own counter.
        sequence: &'a str,
        /// The rest of the line.
        json: &'a str,
    },
    /// A capsule already.
    Capsule(&'a str),
}

/// The parts of a client-side line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client<'a> {
    /// Percent-encoded JSON, its `?` and `;` stripped.
    pub query: &'a str,
    /// The cache's host name.
    pub host: &'a str,
    /// Digits.
    pub sequence: &'a str,
    /// `YYYY-MM-DDTHH:MM:SS`.
    pub civil: &'a str,
    /// The same in Unix seconds.
    pub seconds: i64,
    /// The client's address.
    pub ip: &'a str,
    /// The rest up to a tab, as the processor takes it: with its double quotes, and with the line's
    /// newline if it is the last thing in the line. No key depends on it.
    pub user_agent: &'a str,
}

/// Tells the form of a frame and takes it apart. The error is the id of a reason.
pub fn split(frame: &str, era: Era) -> Result<Frame<'_>, &'static str> {
    match frame.as_bytes().first() {
        Some(b'?') => client(frame, era).map(Frame::Client),
        Some(b'0'..=b'9') => server(frame),
        _ => {
            let text = frame.trim_ascii();
            match text.as_bytes().first() {
                None => Err("empty"),
                Some(b'{') => Ok(Frame::Capsule(text)),
                Some(_) => Err("unknown_form"),
            }
        }
    }
}

fn client(line: &str, era: Era) -> Result<Client<'_>, &'static str> {
    let (query, rest) = token(line);
    let query = query.trim_matches(['?', ';']);
    if query.is_empty() {
        return Err("no_json");
    }
    let (host, rest) = token(skip_space(rest));
    if host.is_empty() {
        return Err("missing_host");
    }
    let (sequence, rest) = token(skip_space(rest));
    match sequence {
        "" => return Err("missing_sequence"),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {}
        _ => return Err("bad_sequence"),
    }
    let (civil, rest) = token(skip_space(rest));
    let seconds = match civil.len() {
        0 => return Err("missing_time"),
        CIVIL_BYTES => parse_civil(civil).ok_or("bad_time")?,
        _ => return Err("bad_time"),
    };
    let rest = skip_space(rest);
    let (ip, rest) = match (era, rest.split_once('\t')) {
        // `%{ip}i` runs up to a tab and may hold spaces, as a list of proxies does. In a line whose
        // parts are set apart by spaces an address is one word.
        (Era::Y2019, Some((ip, _))) => (ip, rest.get(ip.len()..).unwrap_or_default()),
        _ => token(rest),
    };
    if ip.is_empty() {
        return Err("missing_ip");
    }
    let user_agent = user_agent(rest).ok_or("missing_user_agent")?;
    Ok(Client {
        query,
        host,
        sequence,
        civil,
        seconds,
        ip,
        user_agent,
    })
}

/// What `\s+([^\t]+)` takes of `rest`, which begins with white space: as much white space as leaves
/// the user agent one character, then everything up to a tab.
fn user_agent(rest: &str) -> Option<&str> {
    let space = rest.len() - skip_space(rest).len();
    let start = (1..=space)
        .rev()
        .find(|&place| matches!(rest.as_bytes().get(place), Some(byte) if *byte != b'\t'))?;
    rest.get(start..)?.split('\t').next()
}

fn server(line: &str) -> Result<Frame<'_>, &'static str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (sequence, rest) = line.split_at(digits);
    let (word, json) = token(skip_space(rest));
    if word != "EventLogging" || rest.len() == skip_space(rest).len() {
        return Err("unknown_form");
    }
    match json.trim_ascii() {
        "" => Err("no_json"),
        json => Ok(Frame::Server { sequence, json }),
    }
}

/// Python's `\s` over bytes.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The run without white space at the start, and what follows.
fn token(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut end = 0;
    // White space is at most a space; whatever else is so low is looked at by itself.
    while let Some(word) = word::at(bytes, end) {
        let skipped = word::before(word::less(word, b' ' + 1));
        end += skipped;
        if skipped < word::BYTES {
            if bytes.get(end).is_some_and(|&byte| is_space(byte)) {
                return text.split_at(end);
            }
            end += 1;
        }
    }
    let rest = bytes.get(end..).unwrap_or_default();
    let left = rest.iter().position(|&byte| is_space(byte));
    text.split_at(end + left.unwrap_or(rest.len()))
}

fn skip_space(text: &str) -> &str {
    let start = text.bytes().position(|byte| !is_space(byte));
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}
