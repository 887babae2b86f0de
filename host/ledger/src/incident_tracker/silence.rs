//! Incidents of silence: a stream that brings nothing at all for too long.

use super::{Cause, IncidentTracker, Scope};
use crate::stream::Stream;

impl IncidentTracker {
    /// A stream brought something at that time.
    pub fn seen(&mut self, stream: Stream, at_ms: i64) {
        let seen = &mut self.seen_ms[stream];
        *seen = Some(seen.map_or(at_ms, |known| known.max(at_ms)));
    }

    /// Everything that a stream brought up to that time has been handed in: its silence is judged by this.
    /// So a stream that is read late is not taken for a silent one, and does not hide another's silence.
    pub fn read_up_to(&mut self, stream: Stream, at_ms: i64) {
        let read_up_to = &mut self.read_up_to_ms[stream];
        *read_up_to = Some(read_up_to.map_or(at_ms, |known| known.max(at_ms)));
    }

    /// Opens, goes on with or ends the incident of each stream's silence.
    pub(super) fn watch_silence(&mut self) {
        for stream in Stream::ALL {
            let limit = self.config.silence_ms[stream];
            let scope = Scope::Stream(stream);
            let open = self.find_open(Cause::Silent, scope, None);
            let read_up_to = self.read_up_to_ms[stream].unwrap_or(self.now_ms);
            let seen = self.seen_ms[stream].unwrap_or(read_up_to);
            // What came while nobody saw the stream is not known.
            let known = seen.max(self.unwatched_until_ms[stream]);
            let is_silent = limit > 0 && read_up_to.saturating_sub(known) > limit;
            match (is_silent, open) {
                (true, Some(id)) => {
                    let now_ms = self.now_ms;
                    if let Some(tracked) = self.tracked.get_mut(&id) {
                        tracked.updated_ms = now_ms;
                        tracked.incident.end_ms = now_ms;
                        // Silent again, before it was over.
                        tracked.changed |= tracked.incident.resumed_ms.take().is_some();
                    }
                }
                (true, None) => {
                    self.reopen_or_open(Cause::Silent, scope, None, seen);
                }
                (false, Some(id)) => {
                    if let Some(tracked) = self.tracked.get_mut(&id)
                        && tracked.incident.resumed_ms.is_none()
                    {
                        tracked.incident.resumed_ms = Some(seen);
                        tracked.incident.end_ms = seen;
                        tracked.changed = true;
                    }
                }
                (false, None) => {}
            }
        }
    }
}
