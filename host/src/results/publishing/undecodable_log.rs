//! Decides when unreadable frames are logged: the first of a reason at once, because all frames may
//! be affected; then all of a minute together. Reads no clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::results::accounting::account::Undecodable;

const LOG_EVERY: Duration = Duration::from_secs(60);

/// By reason. Reasons come from manifests, so their number is bounded.
#[derive(Debug, Default)]
pub(super) struct UndecodableLog {
    logged: BTreeMap<Undecodable, LoggedReason>,
}

#[derive(Debug)]
struct LoggedReason {
    at: Instant,
    held_back: u64,
}

impl UndecodableLog {
    /// Adds frames. Gives the number of frames to log now, if it is time for a line.
    pub fn add(&mut self, unread: &Undecodable, frames: u64, now: Instant) -> Option<u64> {
        let Some(logged) = self.logged.get_mut(unread) else {
            let logged = LoggedReason {
                at: now,
                held_back: 0,
            };
            self.logged.insert(unread.clone(), logged);
            return Some(frames);
        };
        logged.held_back += frames;
        if now.saturating_duration_since(logged.at) < LOG_EVERY {
            return None;
        }
        logged.at = now;
        Some(std::mem::take(&mut logged.held_back))
    }
}

/// Logs the frames of a reason since the last line.
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
    fn the_first_of_a_reason_is_logged_at_once_and_a_minute_of_them_together() {
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
