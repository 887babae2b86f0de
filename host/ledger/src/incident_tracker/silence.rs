//! A stream that brings nothing at all for too long is an incident of its own.

use super::{Cause, IncidentTracker, Scope};
use crate::stream::Stream;

impl IncidentTracker {
    /// A stream brought something at that time.
    pub fn seen(&mut self, stream: Stream, at_ms: i64) {
        let seen = &mut self.seen_ms[stream];
        *seen = Some(seen.map_or(at_ms, |known| known.max(at_ms)));
    }

    /// Everything that a stream brought up to that time has been told: its silence is judged by this.
    /// A stream that is held back is not silent, and another's silence is not hidden by it.
    pub fn told_up_to(&mut self, stream: Stream, at_ms: i64) {
        let told = &mut self.told_ms[stream];
        *told = Some(told.map_or(at_ms, |known| known.max(at_ms)));
    }

    pub(super) fn watch_silence(&mut self) {
        for stream in Stream::ALL {
            let limit = self.config.silence_ms[stream];
            let scope = Scope::Stream(stream);
            let open = self.find_open(Cause::Silent, scope, None);
            let told = self.told_ms[stream].unwrap_or(self.now_ms);
            let seen = self.seen_ms[stream].unwrap_or(told);
            let is_silent = limit > 0 && told.saturating_sub(seen) > limit;
            match (is_silent, open) {
                (true, Some(id)) => {
                    let now_ms = self.now_ms;
                    if let Some(held) = self.held.get_mut(&id) {
                        held.touched_ms = now_ms;
                        held.incident.end_ms = now_ms;
                        // Silent again, before it was over.
                        held.changed |= held.incident.resumed_ms.take().is_some();
                    }
                }
                (true, None) => {
                    self.reopen_or_open(Cause::Silent, scope, None, seen);
                }
                (false, Some(id)) => {
                    if let Some(held) = self.held.get_mut(&id)
                        && held.incident.resumed_ms.is_none()
                    {
                        held.incident.resumed_ms = Some(seen);
                        held.incident.end_ms = seen;
                        held.changed = true;
                    }
                }
                (false, None) => {}
            }
        }
    }
}
