//! The three raw formats, written and read.

use serde_json::Value;

use crate::clock;
use crate::identity::{Era, event_uuid};
use crate::percent;

/// How a producer writes its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A web cache of 2014: `%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i`.
    Client2014,
    /// A web cache of 2019: `%q %{recvFrom}s %{seqId}d %D %{ip}i %u`.
    Client2019,
    /// A server of 2014: forwarder's number, a tab, `EventLogging`, JSON.
    Server2014,
}

impl Format {
    pub fn era(self) -> Era {
        match self {
            Self::Client2014 | Self::Server2014 => Era::Timestamp,
            Self::Client2019 => Era::Dt,
        }
    }

    pub fn is_client(self) -> bool {
        self != Self::Server2014
    }
}

/// The parts of a line besides its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub recv_from: String,
    pub seq_id: u64,
    pub time_ms: i64,
}

/// The address and the agent of all invented clients: from the network that is reserved for documentation.
const CLIENT_IP: &str = "198.51.100.7";
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:33.0) Gecko/20100101 Firefox/33.0";

/// The raw line of a capsule's JSON text. On the server side the text must hold `recvFrom` and
/// `timestamp` itself.
pub fn write(format: Format, capsule: &str, place: &Place) -> Vec<u8> {
    let Place {
        recv_from,
        seq_id,
        time_ms,
    } = place;
    let time = clock::log_time(*time_ms);
    match format {
        Format::Client2014 => format!(
            "?{};\t{recv_from}\t{seq_id}\t{time}\t{CLIENT_IP}\t\"{USER_AGENT}\"\n",
            percent::encode(capsule)
        ),
        Format::Client2019 => {
            format!(
                "?{};\t{recv_from}\t{seq_id}\t{time}\t{CLIENT_IP}\t{USER_AGENT}\n",
                percent::encode(capsule)
            )
        }
        Format::Server2014 => format!("{seq_id}\tEventLogging {capsule}\n"),
    }
    .into_bytes()
}

/// A line as the processor reads it.
#[derive(Clone, Debug)]
pub struct Read {
    pub uuid: String,
    pub place: Place,
    /// The capsule as sent, its JSON text decoded.
    pub capsule: String,
    /// Of a client-side line, with the quotes around it.
    pub user_agent: Option<String>,
}

/// Reads any of the formats; None if the line is malformed. `era` selects the uuid formula.
pub fn read(frame: &[u8], era: Era) -> Option<Read> {
    let line = std::str::from_utf8(frame).ok()?.strip_suffix('\n')?;
    let (place, capsule, user_agent) = if line.starts_with('?') {
        read_client(line)?
    } else {
        read_server(line)?
    };
    let uuid = event_uuid(era, &place.recv_from, place.seq_id, place.time_ms);
    Some(Read {
        uuid,
        place,
        capsule,
        user_agent,
    })
}

/// Place, capsule and user agent.
type Parts = (Place, String, Option<String>);

fn read_client(line: &str) -> Option<Parts> {
    let mut fields = line.split('\t');
    let query = fields.next()?.trim_start_matches('?').trim_end_matches(';');
    let recv_from = fields.next()?.to_owned();
    let seq_id = fields.next()?.parse().ok()?;
    let time_ms = clock::parse_time(fields.next()?)?;
    let (_ip, user_agent) = (fields.next()?, fields.next()?);
    let place = Place {
        recv_from,
        seq_id,
        time_ms,
    };
    Some((place, percent::decode(query)?, Some(user_agent.to_owned())))
}

fn read_server(line: &str) -> Option<Parts> {
    let (seq_id, rest) = line.split_once('\t')?;
    let capsule = rest.strip_prefix("EventLogging ")?;
    let json: Value = serde_json::from_str(capsule).ok()?;
    let place = Place {
        recv_from: json.get("recvFrom")?.as_str()?.to_owned(),
        seq_id: seq_id.parse().ok()?,
        time_ms: json.get("timestamp")?.as_i64()? * 1000,
    };
    Some((place, capsule.to_owned(), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_back() {
        let place = Place {
            recv_from: "cp1".into(),
            seq_id: 7,
            time_ms: 1_416_276_000_000,
        };
        let capsule = r#"{"event":{"a":"ü ;"},"recvFrom":"cp1","timestamp":1416276000}"#;
        for format in [Format::Client2014, Format::Client2019, Format::Server2014] {
            let read = read(&write(format, capsule, &place), format.era()).expect("readable");
            assert_eq!(read.place, place);
            assert_eq!(read.capsule, capsule);
        }
        assert!(read(b"?%7B", Era::Dt).is_none());
    }
}
