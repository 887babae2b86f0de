//! Decides when a failing store is tried again, and when it is given up. Pure, apart from the log
//! lines.

use std::time::{Duration, Instant};

use landfall_store::StoreError;

use crate::shutdown::Shutdown;

/// The first pause between two tries to write to a failing store. Everything upstream waits
/// meanwhile. Each pause is twice as long as the one before. The longest is short enough for a
/// person who has just repaired the store and waits.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });
const PAUSE_MAX: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 4000 });

/// Tries for each log line: half a minute.
const TRIES_PER_LINE: u32 = 8;

/// Tries before a failing store is given up when the process shuts down.
const LAST_TRIES: u32 = 2;

/// The tries of one piece of work.
#[derive(Debug, Default)]
pub(in crate::results) struct Retry {
    tries: u32,
    since: Option<Instant>,
}

impl Retry {
    /// The work succeeded.
    pub fn succeeded(&mut self) {
        if self.tries > 0 {
            tracing::info!(tries = self.tries, "the store works again");
        }
        *self = Self::default();
    }

    /// The work failed. Gives the pause before the next try; None to give up. `tries_max` is the
    /// number of tries; None for no limit, as beside a pipeline.
    pub fn failed(
        &mut self,
        error: &StoreError,
        tries_max: Option<u32>,
        shutdown: &Shutdown,
        now: Instant,
    ) -> Option<Duration> {
        self.tries += 1;
        let since = *self.since.get_or_insert(now);
        let is_useless = error.is_final();
        if is_useless && !shutdown.has_given_up() {
            tracing::error!("{error}; trying again cannot help, so Landfall gives up");
        }
        if is_useless || tries_max.is_some_and(|tries_max| self.tries >= tries_max) {
            shutdown.give_up(error.to_string());
        }
        if shutdown.has_given_up() || self.tries >= LAST_TRIES && shutdown.is_over() {
            // The work after it is not tried for as long again.
            shutdown.give_up(error.to_string());
            *self = Self::default();
            return None;
        }
        if self.tries % TRIES_PER_LINE == 1 {
            let (tries, seconds) = (self.tries, now.saturating_duration_since(since).as_secs());
            tracing::error!(tries, seconds, "{error}; trying again, nothing is dropped");
        }
        let is_short = tries_max.is_some();
        let doublings = self.tries.saturating_sub(1).min(16);
        Some(match is_short {
            true => PAUSE,
            false => (PAUSE * (1 << doublings)).min(PAUSE_MAX),
        })
    }
}
