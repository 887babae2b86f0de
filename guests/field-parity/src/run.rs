//! Members that are in their normal form as they stand, many at a time: most are.
//!
//! The two loops are functions of their own, and do nothing else: the compiler of the host's runtime
//! keeps values in registers only in a function that has few of them. What they cannot do quickly
//! they leave to `form.rs`, so they may stop at any member.

use landfall_guest::{HEAD_BYTES, MemberKind};

use crate::name::WHOLE_BYTES_MAX;
use crate::out::STRIDE;

/// Bytes of a length.
const LENGTH: usize = size_of::<u32>();

/// Which members are left as they stand.
#[derive(Clone, Copy)]
pub struct Plain {
    /// A string of fewer bytes is whole.
    pub text_bytes: usize,
    /// Bit n: a flattened name of n bytes may be one that is not compared; the last bit: or more.
    pub doubtful_names: u64,
}

/// Bytes that members are read from.
#[derive(Clone, Copy)]
pub struct From<'a> {
    pub bytes: &'a [u8],
    /// Where the next member begins.
    pub at: usize,
    /// Where the last one ends.
    pub end: usize,
}

/// How far a run went.
#[derive(Clone, Copy)]
pub struct Run {
    /// Where the next member begins.
    pub at: usize,
    /// Where the last one begins that was taken, in what was written.
    pub last: Option<usize>,
    /// Where the next one is to be written.
    pub to: usize,
}

/// One member's head.
#[derive(Clone, Copy)]
struct Head {
    kind: u8,
    name_bytes: usize,
    value_bytes: usize,
}

impl Head {
    #[inline(always)]
    fn bytes(self) -> usize {
        HEAD_BYTES + self.name_bytes + self.value_bytes
    }
}

/// The head at a place; None if what it tells of is not all there.
#[inline(always)]
fn head(from: &From<'_>, at: usize) -> Option<Head> {
    let rest = from.bytes.get(at..from.end)?;
    let &[kind, n0, n1, n2, n3, v0, v1, v2, v3] = rest.first_chunk::<HEAD_BYTES>()?;
    let head = Head {
        kind,
        name_bytes: u32::from_le_bytes([n0, n1, n2, n3]) as usize,
        value_bytes: u32::from_le_bytes([v0, v1, v2, v3]) as usize,
    };
    let left = rest.len() - HEAD_BYTES;
    (head.name_bytes <= left && head.value_bytes <= left - head.name_bytes).then_some(head)
}

/// Whether the member at `at` stays as it is, under a name with `base_bytes` before its own.
#[inline(always)]
fn stays(plain: &Plain, from: &From<'_>, at: usize, head: Head, base_bytes: usize) -> bool {
    const FALSE: u8 = MemberKind::False as u8;
    const TRUE: u8 = MemberKind::True as u8;
    const INTEGER: u8 = MemberKind::Integer as u8;
    const STRING: u8 = MemberKind::String as u8;
    let name_bytes = base_bytes + head.name_bytes;
    if name_bytes > WHOLE_BYTES_MAX || plain.doubtful_names >> name_bytes.min(63) & 1 != 0 {
        return false;
    }
    let first = from.bytes.get(at + HEAD_BYTES + head.name_bytes).copied();
    match head.kind {
        TRUE | FALSE => true,
        // Zero and one may be what is left of booleans.
        INTEGER => head.value_bytes != 1 || !matches!(first, Some(b'0' | b'1')),
        STRING => {
            head.value_bytes < plain.text_bytes && (head.value_bytes == 0 || first != Some(b'['))
        }
        _ => false,
    }
}

/// Passes members that stay as they are, names and all. `to` is where they will be written.
#[inline(never)]
pub fn whole(plain: &Plain, from: From<'_>, to: usize) -> Run {
    let mut at = from.at;
    let mut last = None;
    while let Some(head) = head(&from, at) {
        if !stays(plain, &from, at, head, 0) {
            break;
        }
        last = Some(to + (at - from.at));
        at += head.bytes();
    }
    Run {
        at,
        last,
        to: to + (at - from.at),
    }
}

/// Copies members whose values stay as they are, with `base` before their names. Stops where `out`
/// has no room, and where the copies would reach beyond what is there to read.
#[inline(never)]
pub fn renamed(
    plain: &Plain,
    from: From<'_>,
    base: (&[u8], usize),
    out: &mut [u8],
    to: usize,
) -> Run {
    let (base, base_bytes) = base;
    let mut run = Run {
        at: from.at,
        last: None,
        to,
    };
    while let Some(head) = head(&from, run.at) {
        if !stays(plain, &from, run.at, head, base_bytes) {
            break;
        }
        let texts = head.name_bytes + head.value_bytes;
        let Some(place) = out.get_mut(run.to..run.to + HEAD_BYTES + base_bytes + texts + STRIDE)
        else {
            break;
        };
        let Some(texts) = from
            .bytes
            .get(run.at + HEAD_BYTES..run.at + HEAD_BYTES + texts + STRIDE)
        else {
            break;
        };
        let lengths =
            [base_bytes + head.name_bytes, head.value_bytes].map(|n| (n as u32).to_le_bytes());
        let Some((first, place)) = place.split_first_mut() else {
            break;
        };
        *first = head.kind;
        let Some((name_length, place)) = place.split_first_chunk_mut::<LENGTH>() else {
            break;
        };
        *name_length = lengths[0];
        let Some((value_length, place)) = place.split_first_chunk_mut::<LENGTH>() else {
            break;
        };
        *value_length = lengths[1];
        strides(place, base, base_bytes);
        let Some(place) = place.get_mut(base_bytes..) else {
            break;
        };
        strides(place, texts, texts.len() - STRIDE);
        run.last = Some(run.to);
        run.to += HEAD_BYTES + base_bytes + texts.len() - STRIDE;
        run.at += head.bytes();
    }
    run
}

/// Copies so many bytes, and some more: both sides have a stride behind them.
#[inline(always)]
fn strides(to: &mut [u8], from: &[u8], bytes: usize) {
    let mut done = 0;
    while done < bytes {
        let (Some(to), Some(from)) = (to.get_mut(done..), from.get(done..)) else {
            return;
        };
        let (Some(to), Some(from)) = (to.first_chunk_mut::<STRIDE>(), from.first_chunk::<STRIDE>())
        else {
            return;
        };
        *to = *from;
        done += STRIDE;
    }
}
