//! Splits raw frames by the processor's format strings.
//!
//! The processor makes a regular expression of its format: a space is `\s+`, `%{x}s` and `%h` are
//! `\S+`, `%{x}d` is `\d+`, `%{x}i` and `%u` are `[^\t]+`, `%q` is `\?\S+`. The expression is
//! anchored at the start of the line only. White space is ASCII's.

use landfall_guest::time::{CIVIL_BYTES, parse_civil};

use crate::config::Era;
use crate::word;

/// The kinds of frames.
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
    /// newline if nothing follows it. No key depends on it.
    pub user_agent: &'a str,
}

/// Recognises the kind of a frame and splits it. The error is the id of a reason.
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
    let (ip, user_agent) = match era {
        Era::Y2014 => {
            let (ip, rest) = token(skip_space(rest));
            (ip, user_agent(rest))
        }
        // `%{ip}i` may hold spaces, as a list of proxies does.
        Era::Y2019 => match two_runs(rest) {
            Some((ip, agent)) => (ip, Some(agent)),
            None => (skip_space(rest), None),
        },
    };
    if ip.is_empty() {
        return Err("missing_ip");
    }
    let user_agent = user_agent.ok_or("missing_user_agent")?;
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

/// What `\s+([^\t]+)` matches in `rest`, which begins with white space: as much white space as leaves
/// the user agent one character, then everything up to a tab.
fn user_agent(rest: &str) -> Option<&str> {
    let space = rest.len() - skip_space(rest).len();
    let start = (1..=space)
        .rev()
        .find(|&place| matches!(rest.as_bytes().get(place), Some(byte) if *byte != b'\t'))?;
    rest.get(start..)?.split('\t').next()
}

/// What `\s+([^\t]+)\s+([^\t]+)` matches in `rest`, greedy from the left, with backtracking from the right:
/// if only spaces separate the parts, the first takes all but the last word.
fn two_runs(rest: &str) -> Option<(&str, &str)> {
    let bytes = rest.as_bytes();
    let space = rest.len() - skip_space(rest).len();
    (1..=space).rev().find_map(|start| {
        let run = bytes
            .get(start..)?
            .iter()
            .take_while(|&&byte| byte != b'\t');
        let run_end = start + run.count();
        (start + 1..=run_end).rev().find_map(|end| {
            let after = rest.get(end..)?;
            Some((rest.get(start..end)?, user_agent(after)?))
        })
    })
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
    // White space is at most a space; other bytes below it are tested one by one.
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

#[cfg(test)]
mod tests {
    use super::two_runs;

    /// The right side is the result of CPython's `re` for `\s+([^\t]+)\s+([^\t]+)`.
    #[test]
    fn two_runs_are_taken_as_the_expression_takes_them() {
        let cases = [
            ("\t1.2.3.4\tUA 1\n", Some(("1.2.3.4", "UA 1\n"))),
            (
                "\t10.0.0.1, 10.0.0.2\tUA",
                Some(("10.0.0.1, 10.0.0.2", "UA")),
            ),
            (" 1.2.3.4 UA\t", Some(("1.2.3.4", "UA"))),
            (" 1.2.3.4 UA\tx", Some(("1.2.3.4 UA", "x"))),
            (" 1.2.3.4 My UA", Some(("1.2.3.4 My", "UA"))),
            (" 1.2.3.4 UA\n", Some(("1.2.3.4", "UA\n"))),
            (" é ü", Some(("é", "ü"))),
            ("\t1.2.3.4\t\tUA\tmore", Some(("1.2.3.4", "UA"))),
            ("   1.2.3.4", Some((" ", "1.2.3.4"))),
            ("  1.2.3.4", None),
            (" 1.2.3.4", None),
            ("\t1.2.3.4\t", None),
            ("\t\t", None),
            ("", None),
        ];
        for (rest, expected) in cases {
            assert_eq!(two_runs(rest), expected, "{rest:?}");
        }
    }
}
