//! Whether a network let nothing through for a while, and what that leaves in doubt: what is read afterwards may have come
//! long before, and the publisher may have dropped what had no room meanwhile.
//!
//! Pure: knows no socket and reads no clock.

use std::time::{Duration, Instant};

use super::{CATCH_UP_MAX, ConnectionLook, UNANSWERED_MAX};

/// When nothing was acknowledged for longer, a network holds back what comes: a probe a second is answered otherwise.
const SILENCE_MIN: Duration = Duration::from_millis(1_500);

/// Two looks that are further apart say nothing of what the network did between them: we were away.
const LOOKS_APART_MAX: Duration = Duration::from_secs(1);

/// So much a publisher's kernel keeps at least while a network lets nothing through: Linux begins with such a buffer
/// (`tcp_wmem`). What is beyond waits in the publisher, which drops it from its high-water mark on.
pub(crate) const PUBLISHER_ROOM_BYTES: u64 = 16 << 10;

/// A network let nothing through for a while, and what is read may be what it held back.
#[derive(Clone, Copy, Debug)]
struct Silence {
    /// The last proof before it.
    since_ms: i64,
    /// When something was found to come through again: in real time, and by Landfall's clock.
    over: Option<(Instant, i64)>,
    /// Read since then.
    bytes: u64,
}

/// Watches one connection.
#[derive(Debug, Default)]
pub(super) struct SilenceWatch {
    silence: Option<Silence>,
    looked: Option<Instant>,
    bytes_since_look: u64,
}

/// What a look left in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// The publisher may have dropped what came in this interval.
    pub hole_ms: Option<(i64, i64)>,
    /// What is stamped in this interval may have come when it began, and so may what is read from now on.
    pub delay_ms: Option<(i64, i64)>,
    /// It is not known yet whether the publisher dropped something, so time stands still at this instant.
    pub waits_ms: Option<i64>,
}

impl SilenceWatch {
    /// A frame was read.
    pub fn read(&mut self, bytes: u64) {
        self.bytes_since_look = self.bytes_since_look.saturating_add(bytes);
    }

    /// A look at the connection. `proven_ms`: the last proof that it lived, before this look and by it. `was_away`: we
    /// did not run for a while. `real`: how long so many milliseconds of Landfall's clock take.
    ///
    /// The other end sends again what was not acknowledged, and waits twice as long after each try. So what was held
    /// back comes at the latest as long after the silence as that took. Nobody waits for it longer than ten seconds.
    pub fn look(
        &mut self,
        proven_ms: [Option<i64>; 2],
        was_away: bool,
        look: &ConnectionLook,
        real: impl Fn(i64) -> Duration,
    ) -> Doubt {
        let [before_ms, now_proven_ms] = proven_ms;
        let bytes = std::mem::take(&mut self.bytes_since_look);
        let looked = self.looked.replace(look.now);
        let is_near = looked.is_some_and(|looked| {
            look.now.saturating_duration_since(looked) <= LOOKS_APART_MAX && !was_away
        });
        let is_silent = look.acknowledged.is_some_and(|ago| ago > SILENCE_MIN);
        if let (Some(since_ms), Some(now_proven_ms), None) =
            (before_ms, now_proven_ms, self.silence)
        {
            // Since the last proof, or between the last two.
            let gap = real(now_proven_ms.saturating_sub(since_ms));
            if is_silent || look.acknowledged.is_some() && is_near && gap > SILENCE_MIN {
                self.silence = Some(Silence {
                    since_ms,
                    over: None,
                    bytes: 0,
                });
            }
        }
        let Some(silence) = &mut self.silence else {
            return Doubt::default();
        };
        silence.bytes = silence.bytes.saturating_add(bytes);
        let is_connected = now_proven_ms.is_some();
        silence.over = match is_silent && is_connected {
            true => None,
            false => silence.over.or(Some((look.now, look.before_ms))),
        };
        let silence = *silence;
        let window = silence.over.map(|(began, over_ms)| {
            let length = real(over_ms.saturating_sub(silence.since_ms));
            (began, over_ms, length.clamp(CATCH_UP_MAX, UNANSWERED_MAX))
        });
        let is_over = window
            .is_some_and(|(began, _, length)| look.now.saturating_duration_since(began) >= length);
        if is_over {
            self.silence = None;
        }
        // Time goes on if nothing is acknowledged for long, or without a connection: with that, what was still held back
        // is lost.
        let goes_on = !is_connected || look.acknowledged.is_some_and(|ago| ago > UNANSWERED_MAX);
        let has_dropped = goes_on || is_over && silence.bytes >= PUBLISHER_ROOM_BYTES;
        Doubt {
            hole_ms: has_dropped.then_some((silence.since_ms, look.before_ms)),
            delay_ms: (!is_over).then_some((silence.since_ms, look.before_ms)),
            waits_ms: (!is_over && !goes_on).then_some(silence.since_ms),
        }
    }
}
