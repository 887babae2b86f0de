//! `[judge]`: the workers that judge, and the batches and queues before them.

use std::time::Duration;

use crate::flow::queue::Bound;
use crate::flow::{BATCH_WAIT_MAX, BatchLimits};
use crate::settings::reader::Section;

/// No machine has more cores.
const WORKERS_MAX: i64 = 256;

/// Rows of a batch: a check's limits are for one batch.
const BATCH_ROWS_MAX: i64 = 65_536;

/// Batches that wait in one queue. The bytes bound them; this only bounds the cost of empty batches.
const QUEUE_BATCHES_MAX: usize = 65_536;

/// The longest wait of a lone frame that may be configured.
const LONE_WAIT_MAX: Duration = Duration::from_millis(50);

/// No frame waits for longer than this part of the shortest deadline: arrivals are exact to that much.
const PART_OF_DEADLINE: u32 = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgeConfig {
    /// 0: one for each core.
    pub workers: usize,
    /// Maximum bytes that wait before the workers, for each stream.
    pub queue_bytes_max: usize,
    pub batch_rows_max: usize,
    pub batch_bytes_max: usize,
    /// How long a lone frame waits for others to fill its batch.
    pub batch_wait: Duration,
    /// How long a batch of several frames waits.
    pub batch_wait_max: Duration,
}

impl Default for JudgeConfig {
    fn default() -> Self {
        Self {
            workers: 0,
            queue_bytes_max: 32 << 20,
            batch_rows_max: 1024,
            batch_bytes_max: 1 << 20,
            batch_wait: Duration::from_millis(5),
            batch_wait_max: Duration::from_millis(500),
        }
    }
}

impl JudgeConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.count("workers", &mut self.workers, 0..=WORKERS_MAX);
        section.size(
            "queue_bytes_max",
            &mut self.queue_bytes_max,
            64 << 10..=16 << 30,
        );
        section.count(
            "batch_rows_max",
            &mut self.batch_rows_max,
            1..=BATCH_ROWS_MAX,
        );
        section.size(
            "batch_bytes_max",
            &mut self.batch_bytes_max,
            1 << 10..=64 << 20,
        );
        section.duration(
            "batch_wait",
            &mut self.batch_wait,
            Duration::ZERO..=LONE_WAIT_MAX,
        );
        section.duration(
            "batch_wait_max",
            &mut self.batch_wait_max,
            Duration::ZERO..=BATCH_WAIT_MAX,
        );
    }

    /// How sources make batches, with this shortest deadline.
    pub fn batches(&self, deadline_min: Duration) -> BatchLimits {
        BatchLimits {
            rows_max: self.batch_rows_max,
            bytes_max: self.batch_bytes_max,
            wait: self.batch_wait.min(deadline_min / PART_OF_DEADLINE),
            wait_max: self.batch_wait_max.min(deadline_min / PART_OF_DEADLINE),
        }
    }

    /// The bound of each stream's queue.
    pub fn queue(&self) -> Bound {
        Bound {
            bytes_max: self.queue_bytes_max,
            items_max: QUEUE_BATCHES_MAX,
        }
    }

    /// The number of workers.
    pub fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_batch_waits_for_long_where_deadlines_are_short() {
        let ms = Duration::from_millis;
        let config = JudgeConfig {
            batch_wait_max: ms(250),
            ..JudgeConfig::default()
        };
        for (deadline, waits) in [
            (600_000, 250),
            (2_000, 250),
            (1_999, 249),
            (800, 100),
            (100, 12),
        ] {
            let wait_max = config.batches(ms(deadline)).wait_max;
            assert_eq!(wait_max.as_millis(), waits, "{deadline}");
        }
    }
}
