//! Lines of a guest for the operator's log. Their number is bounded for a batch, and as a whole as long as nobody
//! fetches them.

use crate::fault::clip;

/// Lines kept of one batch, however many calls it takes; more are counted, not kept.
/// `wit/check.wit` promises it.
const LINES_PER_BATCH_MAX: usize = 16;

/// Lines that wait to be fetched.
const LINES_MAX: usize = 4 * LINES_PER_BATCH_MAX;

/// Longest line, in bytes; `wit/check.wit` promises it.
const LINE_BYTES_MAX: usize = 1024;

/// The level that a guest gave its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// One line of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub level: LogLevel,
    pub text: String,
}

/// Lines of a guest that wait to be fetched, and how many more there is room for.
#[derive(Debug)]
pub(crate) struct LogBuffer {
    lines: Vec<LogLine>,
    room: usize,
    dropped: u64,
}

impl Default for LogBuffer {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            room: LINES_PER_BATCH_MAX,
            dropped: 0,
        }
    }
}

impl LogBuffer {
    /// A new batch has room for its lines, if those before were fetched.
    pub(crate) fn begin_batch(&mut self) {
        self.room = LINES_PER_BATCH_MAX.min(LINES_MAX.saturating_sub(self.lines.len()));
    }

    /// Keeps a line if there is room for it.
    pub(crate) fn push(&mut self, level: LogLevel, text: String) {
        if self.room == 0 {
            self.dropped += 1;
            return;
        }
        self.room -= 1;
        let text = clip(text, LINE_BYTES_MAX);
        self.lines.push(LogLine { level, text });
    }

    /// Moves the lines of `other` here as far as there is room, and lets it fill again.
    pub(crate) fn absorb(&mut self, other: &mut LogBuffer) {
        let taken = other.lines.len().min(self.room);
        self.room -= taken;
        self.dropped += other.dropped + (other.lines.len() - taken) as u64;
        self.lines.extend(other.lines.drain(..).take(taken));
        *other = Self::default();
    }

    pub(crate) fn take(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines)
    }

    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call that logs `lines` lines.
    fn call(instance: &mut LogBuffer, lines: usize) {
        let mut store = LogBuffer::default();
        (0..lines).for_each(|_| store.push(LogLevel::Info, "a line".into()));
        instance.absorb(&mut store);
    }

    #[test]
    fn many_calls_of_one_batch_share_the_room_of_the_batch() {
        let mut instance = LogBuffer::default();
        instance.begin_batch();
        (0..2000).for_each(|_| call(&mut instance, 20));
        assert_eq!(instance.take().len(), LINES_PER_BATCH_MAX);
        assert_eq!(instance.take_dropped(), 40_000 - LINES_PER_BATCH_MAX as u64);
        instance.begin_batch();
        call(&mut instance, 1);
        assert_eq!(instance.take().len(), 1);
    }

    #[test]
    fn lines_that_nobody_fetches_do_not_pile_up() {
        let mut instance = LogBuffer::default();
        for _ in 0..1000 {
            instance.begin_batch();
            call(&mut instance, 16);
        }
        assert_eq!(instance.take().len(), LINES_MAX);
        assert_eq!(instance.take_dropped(), 16_000 - LINES_MAX as u64);
    }

    #[test]
    fn a_line_is_cut_and_stays_as_it_is_for_the_log_escapes_it() {
        let mut buffer = LogBuffer::default();
        buffer.push(LogLevel::Warn, format!("a\nb{}", "é".repeat(1000)));
        let lines = buffer.take();
        assert!(lines[0].text.starts_with("a\nb"));
        assert!(lines[0].text.len() <= LINE_BYTES_MAX);
    }
}
