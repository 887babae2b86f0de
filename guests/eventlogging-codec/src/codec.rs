//! The codec: turns one frame into one capsule, or into the reason why it is malformed.

use std::fmt::Write;

use landfall_guest::{Codec, Malformed, Reason};

use crate::capsule::{Member, Scratch, Uuid, complete};
use crate::config::{Config, Era};
use crate::line::{Client, Frame, split};
use crate::percent;

/// The codec; see the crate's documentation.
#[derive(Default)]
pub struct EventLoggingCodec {
    config: Config,
    scratch: Scratch,
    texts: Texts,
}

impl Codec for EventLoggingCodec {
    const NAME: &'static str = "eventlogging-codec";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const REASONS: &'static [Reason] = &[
        Reason::violation("empty", "the frame holds nothing but white space"),
        Reason::violation(
            "unknown_form",
            "neither a client-side line, nor a server-side line, nor a JSON object",
        ),
        Reason::violation("not_utf8", "the frame, or its decoded JSON, is not UTF-8"),
        Reason::violation("no_json", "the line has no JSON"),
        Reason::violation(
            "not_json",
            "the JSON breaks off or is malformed at its top level",
        ),
        Reason::violation("not_an_object", "the JSON is no object"),
        Reason::violation(
            "missing_host",
            "no cache host in the line, or recvFrom is no string",
        ),
        Reason::violation("missing_sequence", "no sequence number"),
        Reason::violation("bad_sequence", "the sequence number is no number"),
        Reason::violation(
            "missing_time",
            "no time in the line, no timestamp or dt in the JSON",
        ),
        Reason::violation(
            "bad_time",
            "the time is not YYYY-MM-DDTHH:MM:SS, or no such time",
        ),
        Reason::violation("missing_ip", "no client address in the line"),
        Reason::violation("missing_user_agent", "no user agent in the line"),
    ];
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self {
            config,
            ..Self::default()
        })
    }

    fn decode(&mut self, frame: &[u8], document: &mut Vec<u8>) -> Result<(), Malformed> {
        self.capsule(frame, document).map_err(Malformed::from)
    }
}

impl EventLoggingCodec {
    fn capsule(&mut self, frame: &[u8], document: &mut Vec<u8>) -> Result<(), &'static str> {
        let frame = std::str::from_utf8(frame).map_err(|_| "not_utf8")?;
        let start = document.len();
        let formula = self.config.formula();
        let scratch = &mut self.scratch;
        match split(frame, self.config.era)? {
            Frame::Client(client) => {
                percent::decode_into(client.query.as_bytes(), document);
                let extra = self.texts.fill(&client, self.config.era);
                complete(document, start, &extra, Uuid::Computed, formula, scratch)
            }
            Frame::Server { sequence, json } => {
                document.extend_from_slice(json.as_bytes());
                let extra = [(Member::SeqId, digits(sequence))];
                complete(document, start, &extra, Uuid::Computed, formula, scratch)
            }
            Frame::Capsule(json) => {
                document.extend_from_slice(json.as_bytes());
                complete(document, start, &[], Uuid::Kept, formula, scratch)
            }
        }
    }
}

/// The line's parts as JSON texts, in buffers that are reused for the next line.
#[derive(Default)]
struct Texts {
    host: String,
    time: String,
    ip: String,
    user_agent: String,
}

impl Texts {
    fn fill<'a>(&'a mut self, client: &Client<'a>, era: Era) -> [(Member, &'a str); 5] {
        quote(client.host, &mut self.host);
        quote(client.ip, &mut self.ip);
        quote(client.user_agent, &mut self.user_agent);
        self.time.clear();
        // Writing to a String cannot fail.
        let _ = match era {
            Era::Y2014 => write!(self.time, "{}", client.seconds),
            Era::Y2019 => write!(self.time, "\"{}Z\"", client.civil),
        };
        let (time, ip) = match era {
            Era::Y2014 => (Member::Timestamp, Member::ClientIp),
            Era::Y2019 => (Member::Dt, Member::Ip),
        };
        [
            (Member::RecvFrom, &self.host),
            (Member::SeqId, digits(client.sequence)),
            (time, &self.time),
            // The pipeline of 2014 stored a hash under a key that never left its process, so it
            // cannot be computed again. The capsule has the address itself, and the parity check
            // must be configured to leave it out.
            (ip, &self.ip),
            (Member::UserAgent, &self.user_agent),
        ]
    }
}

/// Digits as a JSON number, which has no leading zeros.
fn digits(text: &str) -> &str {
    match text.trim_start_matches('0') {
        "" => "0",
        number => number,
    }
}

/// Writes `text` as a JSON string literal: runs of characters, and escapes between them.
fn quote(text: &str, literal: &mut String) {
    literal.clear();
    literal.reserve(text.len() + 2);
    literal.push('"');
    let mut run = 0;
    for (place, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        literal.push_str(text.get(run..place).unwrap_or_default());
        run = place + 1;
        match byte {
            b'"' => literal.push_str("\\\""),
            b'\\' => literal.push_str("\\\\"),
            b'\n' => literal.push_str("\\n"),
            // Writing to a String cannot fail.
            control => drop(write!(literal, "\\u{control:04x}")),
        }
    }
    literal.push_str(text.get(run..).unwrap_or_default());
    literal.push('"');
}
