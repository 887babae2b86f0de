//! Counts, for each stream of an audit, the frames that were judged, those that gave a key, and the
//! documents without a key. So it is known at the end of a recording whether it could be read at
//! all, even while the other one goes on.

use std::sync::atomic::{AtomicU64, Ordering};

use landfall_ledger::{PerStream, Stream};

/// The counts of all judges together.
#[derive(Debug, Default)]
pub struct Decoding {
    streams: PerStream<StreamCounts>,
}

#[derive(Debug, Default)]
struct StreamCounts {
    judged: AtomicU64,
    decoded: AtomicU64,
    keyless: AtomicU64,
}

/// What became of all frames of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Frames that gave a key.
    pub keyed: u64,
    /// Frames that are documents without a key.
    pub keyless: u64,
}

impl Decoding {
    /// Adds frames of a stream: how many were judged, how many of them gave a key, and how many
    /// were documents without a key.
    pub(super) fn add(&self, stream: Stream, judged: u64, decoded: u64, keyless: u64) {
        let counted = &self.streams[stream];
        // `judged` comes last: whoever sees that all were judged also sees the other counts
        // complete.
        counted.keyless.fetch_add(keyless, Ordering::AcqRel);
        counted.decoded.fetch_add(decoded, Ordering::AcqRel);
        counted.judged.fetch_add(judged, Ordering::AcqRel);
    }

    /// The counts of a stream once all of its `frames` were judged; None before.
    pub fn of(&self, stream: Stream, frames: u64) -> Option<Decoded> {
        let counted = &self.streams[stream];
        let is_judged = counted.judged.load(Ordering::Acquire) == frames;
        is_judged.then(|| Decoded {
            keyed: counted.decoded.load(Ordering::Acquire),
            keyless: counted.keyless.load(Ordering::Acquire),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_were_decoded_is_known_once_all_were_judged() {
        let decoding = Decoding::default();
        let some = |keyed, keyless| Some(Decoded { keyed, keyless });
        assert_eq!(decoding.of(Stream::Raw, 0), some(0, 0));
        assert_eq!(decoding.of(Stream::Raw, 2), None);
        decoding.add(Stream::Raw, 1, 0, 1);
        assert_eq!(decoding.of(Stream::Raw, 2), None);
        decoding.add(Stream::Raw, 1, 1, 0);
        assert_eq!(decoding.of(Stream::Raw, 2), some(1, 1));
        assert_eq!(decoding.of(Stream::Written, 2), None);
    }
}
