//! Incidents of coverage: a stream that nobody saw for a while. Until a hole has ended, and for as long afterwards as it
//! takes to see one, nothing is called a stall or a silence.

use super::{Cause, IncidentTracker, Scope};
use crate::coverage::{Hole, HoleCause};
use crate::stream::Stream;

impl IncidentTracker {
    /// Hands in a hole of a stream, once more whenever it has grown.
    pub fn unwatched(&mut self, stream: Stream, hole: Hole) {
        let until_ms = &mut self.unwatched_until_ms[stream];
        *until_ms = (*until_ms).max(hole.to_ms);
        let is_short = hole.to_ms.saturating_sub(hole.from_ms) < self.config.unwatched_min_ms;
        if is_short || hole.cause == HoleCause::NotRunning {
            return;
        }
        let scope = Scope::Stream(stream);
        let id = match self.find_open(Cause::Unwatched, scope, None) {
            Some(id) => id,
            None => self.reopen_or_open(Cause::Unwatched, scope, None, hole.from_ms),
        };
        let now_ms = self.now_ms;
        if let Some(tracked) = self.tracked.get_mut(&id) {
            let incident = &mut tracked.incident;
            if hole.to_ms > incident.end_ms {
                incident.end_ms = hole.to_ms;
                tracked.updated_ms = now_ms.max(hole.to_ms);
                tracked.changed = true;
            }
            incident.start_ms = incident.start_ms.min(hole.from_ms);
            if !tracked.was_reported {
                // The hole is known only now, however far the streams are applied.
                incident.opened_ms = incident.opened_ms.max(hole.to_ms);
            }
        }
    }

    /// From when on waiting for landings proves something.
    pub(super) fn landings_seen_since_ms(&self) -> i64 {
        self.unwatched_until_ms[Stream::Written]
    }
}
