//! Completes a capsule: appends to its JSON text the members that it lacks.

use crate::config::Formula;
use crate::identity::{Parts, uuid_into};
use crate::scan::{NoObject, Top, scan};

/// The members of a capsule that the codec reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    RecvFrom,
    SeqId,
    Timestamp,
    Dt,
    ClientIp,
    Ip,
    UserAgent,
    Uuid,
}

impl Member {
    /// The number of members.
    pub const COUNT: usize = 8;

    /// The name in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::RecvFrom => "recvFrom",
            Self::SeqId => "seqId",
            Self::Timestamp => "timestamp",
            Self::Dt => "dt",
            Self::ClientIp => "clientIp",
            Self::Ip => "ip",
            Self::UserAgent => "userAgent",
            Self::Uuid => "uuid",
        }
    }

    /// The member with this name, if the codec uses it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "recvFrom" => Self::RecvFrom,
            "seqId" => Self::SeqId,
            "timestamp" => Self::Timestamp,
            "dt" => Self::Dt,
            "clientIp" => Self::ClientIp,
            "ip" => Self::Ip,
            "userAgent" => Self::UserAgent,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }
}

/// What is known about an event besides its JSON: members with their JSON texts.
pub type Extra<'a> = [(Member, &'a str)];

/// How the uuid is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uuid {
    /// Computed, whatever the JSON contains: the processor does so with every line.
    Computed,
    /// The capsule's own; otherwise computed if the capsule holds enough; otherwise none.
    Kept,
}

/// Buffers that are reused for the next event.
#[derive(Default)]
pub struct Scratch {
    url: String,
    tail: Vec<u8>,
}

/// Completes the JSON text that `document` holds from `start` on. Members of the JSON win over
/// `extra`. The error is the id of a reason.
pub fn complete(
    document: &mut Vec<u8>,
    start: usize,
    extra: &Extra<'_>,
    uuid: Uuid,
    formula: Formula,
    scratch: &mut Scratch,
) -> Result<(), &'static str> {
    let text = document.get(start..).unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| "not_utf8")?;
    let top = scan(text).map_err(|why| match why {
        NoObject::OtherValue => "not_an_object",
        NoObject::NotJson => "not_json",
    })?;
    let tail = &mut scratch.tail;
    tail.clear();
    for &(member, value) in extra {
        if top.value(member).is_none() {
            push_name(tail, member);
            tail.extend_from_slice(value.as_bytes());
        }
    }
    if uuid == Uuid::Computed || top.value(Member::Uuid).is_none() {
        let before = tail.len();
        push_name(tail, Member::Uuid);
        tail.push(b'"');
        // Of two equal names the last wins, so a client's own uuid does not have to be cut out.
        match (
            uuid_into(&parts(&top, extra), formula, &mut scratch.url, tail),
            uuid,
        ) {
            (Ok(()), _) => tail.push(b'"'),
            (Err(reason), Uuid::Computed) => return Err(reason),
            (Err(_), Uuid::Kept) => tail.truncate(before),
        }
    }
    // In an empty object nothing comes before the tail's first comma.
    let tail = match (top.is_empty, tail.split_first()) {
        (true, Some((_, rest))) => rest,
        _ => tail.as_slice(),
    };
    document.truncate(start + top.closing);
    document.extend_from_slice(tail);
    document.push(b'}');
    Ok(())
}

fn parts<'a>(top: &Top<'a>, extra: &Extra<'a>) -> Parts<'a> {
    let value = |member| {
        let line = extra.iter().find(|(name, _)| *name == member);
        top.value(member).or(line.map(|(_, value)| *value))
    };
    Parts {
        host: value(Member::RecvFrom),
        sequence: value(Member::SeqId),
        timestamp: value(Member::Timestamp),
        dt: value(Member::Dt),
    }
}

fn push_name(tail: &mut Vec<u8>, member: Member) {
    tail.extend_from_slice(b",\"");
    tail.extend_from_slice(member.name().as_bytes());
    tail.extend_from_slice(b"\":");
}
