//! Settings that can prove nothing: with them every event would land, or none, whatever the pipeline
//! does. A certain case is an error for commands that subscribe (`run`, `config check`). A case that may
//! be intended is a hint.

use std::net::{IpAddr, Ipv6Addr};

use super::Config;
use crate::settings::errors::ConfigError;
use crate::settings::reader::Findings;
use crate::sources::zmq::{Likeness, ZmqSettings, likeness};
use landfall_ledger::Stream;

/// A field, what was found there, and what to do.
type Finding = (String, String, &'static str);

const ONE_PUBLISHER: &str = "name the writer's publisher, which publishes what it wrote: with the raw stream's publisher every event proves itself, and none is ever missing";

/// Finds settings that certainly prove nothing.
pub fn check(config: &Config, findings: &mut Findings) {
    let all = both_sides(config, Likeness::Same)
        .into_iter()
        .chain(key(config))
        .chain(own_address(config));
    for (field, found, remedy) in all {
        let origin = findings.origin(&field);
        findings.error(origin, &field, found, remedy);
    }
}

/// Settings that prove nothing, unless they are intended.
pub fn hints(config: &Config, findings: &Findings) -> Vec<ConfigError> {
    let all = both_sides(config, Likeness::Perhaps)
        .into_iter()
        .chain(copies(config))
        .chain(times(config));
    all.map(|(field, found, remedy)| ConfigError {
        origin: findings.origin(&field),
        field,
        found,
        remedy: remedy.to_owned(),
    })
    .collect()
}

/// Endpoints of the written stream that are also the raw stream's, with the likeness `wanted`. If topics
/// separate one publisher's frames into two parts, these are two streams.
fn both_sides(config: &Config, wanted: Likeness) -> Vec<Finding> {
    let Some((raw, written)) = publishers(config).filter(|(raw, written)| written.covers(raw))
    else {
        return Vec::new();
    };
    pairs(raw, written)
        .filter(|(_, _, likeness)| *likeness == wanted)
        .map(|(raw, written, _)| {
            let how = if raw == written {
                "it is an endpoint of streams.raw too".to_owned()
            } else if wanted == Likeness::Same {
                format!("it is the same as \"{raw}\" of streams.raw")
            } else {
                format!("it is another address of \"{raw}\" of streams.raw, on the same machine")
            };
            let field = "streams.written.endpoints".to_owned();
            (field, format!("\"{written}\": {how}"), ONE_PUBLISHER)
        })
        .collect()
}

/// Both sides, if both come from publishers.
fn publishers(config: &Config) -> Option<(&ZmqSettings, &ZmqSettings)> {
    let streams = &config.streams;
    Some((streams.raw.source.zmq()?, streams.written.source.zmq()?))
}

/// Every raw endpoint with every written one.
fn pairs<'a>(
    raw: &'a ZmqSettings,
    written: &'a ZmqSettings,
) -> impl Iterator<Item = (&'a str, &'a str, Likeness)> {
    written.endpoints.iter().flat_map(|written| {
        let raw = raw.endpoints.iter();
        raw.map(move |raw| (raw.as_str(), written.as_str(), likeness(raw, written)))
    })
}

/// A publisher whose written frames come in as raw frames too.
fn copies(config: &Config) -> Vec<Finding> {
    let Some((raw, written)) =
        publishers(config).filter(|(raw, written)| raw.covers(written) && !written.covers(raw))
    else {
        return Vec::new();
    };
    pairs(raw, written)
        .filter(|(_, _, likeness)| *likeness == Likeness::Same)
        .map(|(raw, _, _)| {
            (
                "streams.raw.topics".to_owned(),
                format!("they also take what \"{raw}\" publishes for the written stream"),
                "a row would then count as an event that comes in: name topics with which only raw frames begin",
            )
        })
        .collect()
}

/// A key that is the same for all events of a kind.
fn key(config: &Config) -> Vec<Finding> {
    let event = &config.event;
    let others = [
        ("event.schema", &event.schema),
        ("event.revision", &event.revision),
    ];
    let same = others.into_iter().filter(|(_, other)| **other == event.key);
    same.map(|(name, _)| {
        (
            "event.key".to_owned(),
            format!("\"{}\" is {name} too", event.key),
            "name a value that differs in each event: only the first event of a key counts, and all others are copies of it",
        )
    })
    .collect()
}

/// Endpoints at which Landfall itself answers.
fn own_address(config: &Config) -> Vec<Finding> {
    let Some(listen) = config.http.listen else {
        return Vec::new();
    };
    let port = listen.port();
    let own = match listen.ip() {
        IpAddr::V4(address) => vec![format!("tcp://{address}:{port}")],
        // A socket that listens on all IPv6 addresses also listens on those of IPv4.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            vec![
                format!("tcp://[::]:{port}"),
                format!("tcp://0.0.0.0:{port}"),
            ]
        }
        IpAddr::V6(address) => vec![format!("tcp://[{address}]:{port}")],
    };
    let is_own = |endpoint: &&String| {
        let mut own = own.iter();
        own.any(|own| likeness(endpoint, own) == Likeness::Same)
    };
    let of_stream = |stream: Stream| {
        let endpoints = config.streams.of(stream).source.endpoints().iter();
        endpoints
            .filter(is_own)
            .map(move |endpoint| {
                (
                    format!("streams.{}.endpoints", stream.as_str()),
                    format!("\"{endpoint}\" is where Landfall serves HTTP (http.listen)"),
                    "name the publisher, or change http.listen: no frame ever comes from this address",
                )
            })
            .collect::<Vec<_>>()
    };
    Stream::ALL.into_iter().flat_map(of_stream).collect()
}

/// A key that many events may share.
fn times(config: &Config) -> Vec<Finding> {
    let event = &config.event;
    if !event.time.contains(&event.key) {
        return Vec::new();
    }
    vec![(
        "event.key".to_owned(),
        format!("\"{}\" is one of event.time too", event.key),
        "events with the same time would be copies of each other; name a value that differs in each event",
    )]
}
