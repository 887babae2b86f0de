//! Watches the store's write-ahead log, and decides when to log about it. It cannot be emptied
//! while somebody reads what is only in it. Pure, apart from the log line.

use landfall_store::Emptied;

/// If it has more bytes, it is logged that it grows. By itself SQLite keeps it at about four MiB.
const LOGGED_BYTES_MIN: u64 = 64 << 20;

/// If it was held for this many rounds (of half a minute each), this is logged, whatever its size:
/// it still has what was deleted.
const LOGGED_ROUNDS_MIN: u32 = 20;

/// The state of the write-ahead log from round to round.
#[derive(Debug, Default)]
pub(super) struct LogFile {
    /// Number of rounds in a row in which a reader held it.
    held: u32,
    is_logged: bool,
}

/// What to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogFileEvent {
    Grows,
    Kept,
    Emptied,
}

impl LogFile {
    pub(super) fn emptied(&mut self, emptied: Emptied) {
        let megabytes = emptied.log_bytes >> 20;
        match self.next_event(emptied) {
            None => {}
            Some(LogFileEvent::Grows) => tracing::warn!(
                megabytes,
                "the store's write-ahead log grows: somebody reads the store in one long transaction; end that reader"
            ),
            Some(LogFileEvent::Kept) => tracing::warn!(
                megabytes,
                "what was deleted stays in the store's write-ahead log: somebody reads the store in one long \
                 transaction; end that reader"
            ),
            Some(LogFileEvent::Emptied) => {
                tracing::info!("the store's write-ahead log is empty again")
            }
        }
    }

    fn next_event(&mut self, emptied: Emptied) -> Option<LogFileEvent> {
        if !emptied.is_held {
            self.held = 0;
            return std::mem::take(&mut self.is_logged).then_some(LogFileEvent::Emptied);
        }
        self.held += 1;
        let event = if emptied.log_bytes > LOGGED_BYTES_MIN {
            LogFileEvent::Grows
        } else if self.held >= LOGGED_ROUNDS_MIN {
            LogFileEvent::Kept
        } else {
            return None;
        };
        (!std::mem::replace(&mut self.is_logged, true)).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_held_is_logged_once_when_it_is_large_or_was_held_for_long_and_when_that_is_over()
     {
        let held = |log_bytes| Emptied {
            log_bytes,
            is_held: true,
        };
        let empty = Emptied {
            log_bytes: 0,
            is_held: false,
        };
        let mut log = LogFile::default();
        assert_eq!(log.next_event(empty), None);
        assert_eq!(log.next_event(held(LOGGED_BYTES_MIN)), None);
        assert_eq!(
            log.next_event(held(LOGGED_BYTES_MIN + 1)),
            Some(LogFileEvent::Grows)
        );
        assert_eq!(log.next_event(held(LOGGED_BYTES_MIN + 2)), None);
        assert_eq!(log.next_event(empty), Some(LogFileEvent::Emptied));
        assert_eq!(log.next_event(empty), None);
        for _ in 1..LOGGED_ROUNDS_MIN {
            assert_eq!(log.next_event(held(1)), None);
        }
        assert_eq!(log.next_event(held(1)), Some(LogFileEvent::Kept));
        assert_eq!(log.next_event(held(LOGGED_BYTES_MIN + 1)), None);
    }
}
