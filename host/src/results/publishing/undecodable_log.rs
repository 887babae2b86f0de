//! When the log says that frames cannot be read: the first of a reason at once, for it may be all of
//! them; then all that came in a minute together. Reads no clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::results::accounting::account::Undecodable;

const TOLD_EVERY: Duration = Duration::from_secs(60);

/// By reason. Reasons are of manifests, so they are bounded.
#[derive(Debug, Default)]
pub(super) struct UndecodableLog {
    told: BTreeMap<Undecodable, Logged>,
}

#[derive(Debug)]
struct Logged {
    at: Instant,
    held_back: u64,
}

impl UndecodableLog {
    /// So many frames more; how many there are to tell of now, if it is time to.
    pub fn add(&mut self, unread: &Undecodable, frames: u64, now: Instant) -> Option<u64> {
        let Some(told) = self.told.get_mut(unread) else {
            let told = Logged {
                at: now,
                held_back: 0,
            };
            self.told.insert(unread.clone(), told);
            return Some(frames);
        };
        told.held_back += frames;
        if now.saturating_duration_since(told.at) < TOLD_EVERY {
            return None;
        }
        told.at = now;
        Some(std::mem::take(&mut told.held_back))
    }
}

/// Frames of a reason, since the line before.
pub(super) fn log(by: &Undecodable, frames: u64) {
    let Undecodable {
        stream,
        check,
        reason,
    } = by;
    let name = stream.as_str();
    tracing::warn!(
        stream = name,
        check,
        reason,
        frames,
        "frames cannot be read: see whether streams.{name}.codec, .envelope and event.key are right; samples have \
         some of the frames (logged once a minute; landfall_undecodable_total counts them)"
    );
}

#[cfg(test)]
mod tests {
    use landfall_ledger::Stream;

    use super::*;

    #[test]
    fn the_first_of_a_reason_is_told_at_once_and_a_minute_of_them_together() {
        let unread = |reason: &str| Undecodable {
            stream: Stream::Written,
            check: "landfall".into(),
            reason: reason.into(),
        };
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut log = UndecodableLog::default();
        assert_eq!(log.add(&unread("no_key"), 20, start), Some(20));
        assert_eq!(log.add(&unread("no_key"), 5, after(10)), None);
        assert_eq!(log.add(&unread("not_json"), 1, after(20)), Some(1));
        assert_eq!(log.add(&unread("no_key"), 6, after(59_999)), None);
        assert_eq!(log.add(&unread("no_key"), 1, after(60_000)), Some(12));
        assert_eq!(log.add(&unread("no_key"), 1, after(60_001)), None);
    }
}
