//! Frames of waiting events that the host puts elsewhere: the references to them follow.

use super::Shard;
use crate::identity::PayloadRef;

impl Shard {
    /// Names each frame that is held to `place`, which answers where it is from now on, or nothing if it
    /// stays. The frame at the former place is then released by the host, and never named again.
    ///
    /// Looks at `entries_max` entries, from the number `from` on (0 at first); gives the number to go on
    /// with, or nothing at the end. No effect may be unhandled meanwhile: it may name a frame.
    pub fn relocate(
        &mut self,
        from: u32,
        entries_max: u32,
        mut place: impl FnMut(PayloadRef) -> Option<PayloadRef>,
    ) -> Option<u32> {
        let mut follow = |payload: &mut PayloadRef| {
            if *payload != PayloadRef::NONE
                && let Some(now) = place(*payload)
            {
                *payload = now;
            }
        };
        if from == 0 {
            // Those that are not in the slab, which are few.
            self.histories.payloads_mut().for_each(&mut follow);
            self.recalls.payloads_mut().for_each(&mut follow);
        }
        self.keys
            .pending
            .payloads_mut(from, entries_max)
            .for_each(&mut follow);
        let next = from.saturating_add(entries_max);
        (next < self.keys.pending.used()).then_some(next)
    }
}
