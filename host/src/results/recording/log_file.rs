//! The store's write-ahead log, which cannot be emptied while somebody reads what is only in it. When
//! that is told. Pure, but for the line.

use landfall_store::Emptied;

/// With more bytes it is told that it grows: SQLite by itself keeps it at four.
const BYTES_TOLD: u64 = 64 << 20;

/// However few they are: so many rounds (of half a minute each) it was held, and has what was deleted.
const ROUNDS_TOLD: u32 = 20;

/// The log, round by round.
#[derive(Debug, Default)]
pub(super) struct LogFile {
    /// Rounds in a row in which it was held.
    held: u32,
    told: bool,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tell {
    Grows,
    Kept,
    Emptied,
}

impl LogFile {
    pub(super) fn emptied(&mut self, emptied: Emptied) {
        let megabytes = emptied.log_bytes >> 20;
        match self.tell(emptied) {
            None => {}
            Some(Tell::Grows) => tracing::warn!(
                megabytes,
                "the store's write-ahead log grows: somebody reads the store in one long transaction; end that reader"
            ),
            Some(Tell::Kept) => tracing::warn!(
                megabytes,
                "what was deleted stays in the store's write-ahead log: somebody reads the store in one long \
                 transaction; end that reader"
            ),
            Some(Tell::Emptied) => tracing::info!("the store's write-ahead log is empty again"),
        }
    }

    fn tell(&mut self, emptied: Emptied) -> Option<Tell> {
        if !emptied.is_held {
            self.held = 0;
            return std::mem::take(&mut self.told).then_some(Tell::Emptied);
        }
        self.held += 1;
        let tell = if emptied.log_bytes > BYTES_TOLD {
            Tell::Grows
        } else if self.held >= ROUNDS_TOLD {
            Tell::Kept
        } else {
            return None;
        };
        (!std::mem::replace(&mut self.told, true)).then_some(tell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_held_is_told_once_when_it_is_large_or_was_held_for_long_and_when_that_is_over()
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
        assert_eq!(log.tell(empty), None);
        assert_eq!(log.tell(held(BYTES_TOLD)), None);
        assert_eq!(log.tell(held(BYTES_TOLD + 1)), Some(Tell::Grows));
        assert_eq!(log.tell(held(BYTES_TOLD + 2)), None);
        assert_eq!(log.tell(empty), Some(Tell::Emptied));
        assert_eq!(log.tell(empty), None);
        for _ in 1..ROUNDS_TOLD {
            assert_eq!(log.tell(held(1)), None);
        }
        assert_eq!(log.tell(held(1)), Some(Tell::Kept));
        assert_eq!(log.tell(held(BYTES_TOLD + 1)), None);
    }
}
