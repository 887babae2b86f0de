//! How many frames of each stream an audit has judged, of how many a key was had, and how many were documents
//! without one. So it is known as soon as a recording is at its end whether it could be read at all, also
//! while the other one goes on.

use std::sync::atomic::{AtomicU64, Ordering};

use landfall_ledger::{PerStream, Stream};

/// Counted by all judges together.
#[derive(Debug, Default)]
pub struct Decoding {
    streams: PerStream<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    judged: AtomicU64,
    decoded: AtomicU64,
    keyless: AtomicU64,
}

/// What became of all frames of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// A key was had of so many.
    pub keyed: u64,
    /// So many are documents, and have no key.
    pub keyless: u64,
}

impl Decoding {
    /// So many frames of a stream were judged, of so many a key was had, and so many were documents without.
    pub(super) fn add(&self, stream: Stream, judged: u64, decoded: u64, keyless: u64) {
        let counted = &self.streams[stream];
        // In this order: whoever sees that all are judged sees all that were decoded.
        counted.keyless.fetch_add(keyless, Ordering::AcqRel);
        counted.decoded.fetch_add(decoded, Ordering::AcqRel);
        counted.judged.fetch_add(judged, Ordering::AcqRel);
    }

    /// What became of so many frames, once all of them were judged.
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
