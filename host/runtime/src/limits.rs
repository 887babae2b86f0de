//! What one check may use, and the limiter that holds it to its memory.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Limits of one check. Each instance of it (one per worker) is held to them on its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Memory in bytes, summed over all linear memories and tables (8 bytes an element) of the check.
    pub memory_bytes_max: usize,
    /// Time for one call with a full batch; a part of a batch gets a part of it.
    pub batch_time: Duration,
    /// Time for instantiating, configuring and describing. Interpreters in wasm need more than a batch.
    pub start_time: Duration,
    /// Bytes that one call may hand to the host: its answer, and each of its host calls.
    pub output_bytes_max: usize,
    /// An instance is thrown away after this many batches, so that what it hoards goes with it.
    pub batches_per_instance: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 << 20,
            batch_time: Duration::from_millis(250),
            start_time: Duration::from_secs(10),
            output_bytes_max: 16 << 20,
            batches_per_instance: 10_000,
        }
    }
}

/// Tables are counted with the memory, at the size of one element on a 64-bit host.
const TABLE_ELEMENT_BYTES: usize = 8;

/// Counts the memory of one store and refuses what goes beyond.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    bytes_max: usize,
    bytes: usize,
    /// Set once a growth was refused: a guest that dies after that died of memory.
    pub(crate) refused: bool,
}

impl MemoryLimiter {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            refused: false,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let more = desired.saturating_sub(current);
        let allowed = self
            .bytes
            .checked_add(more)
            .is_some_and(|sum| sum <= self.bytes_max);
        if allowed {
            self.bytes += more;
        } else {
            self.refused = true;
        }
        allowed
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(
            current.saturating_mul(TABLE_ELEMENT_BYTES),
            desired.saturating_mul(TABLE_ELEMENT_BYTES),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_summed_over_all_memories_and_tables() {
        let mut limiter = MemoryLimiter::new(1000);
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(limiter.memory_growing(0, 300, None).unwrap());
        assert!(limiter.table_growing(0, 12, None).unwrap());
        assert!(!limiter.refused);
        assert!(!limiter.memory_growing(600, 605, None).unwrap());
        assert!(limiter.refused);
        assert_eq!(limiter.bytes(), 996);
    }
}
