//! What one check may use, and the limiter that holds it to its memory.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Largest file that is read as a check, in bytes. A Python check has 18 MB.
pub(crate) const FILE_BYTES_MAX: u64 = 128 << 20;

/// Limits of one check. Each instance of it (one per worker) is held to them on its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Memory in bytes, summed over all linear memories and tables (8 bytes an element) of the check.
    pub memory_bytes_max: usize,
    /// Time for one call with a full batch; a part of a batch gets a part of it.
    pub batch_time: Duration,
    /// Time for instantiating, configuring and describing. Interpreters in wasm need more than a batch.
    pub start_time: Duration,
    /// Bytes that it may hand to the host: its answer for a batch, and each of its host calls.
    pub output_bytes_max: usize,
    /// An instance is replaced after this many batches (or parts of one), so that what it hoards goes with it.
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
    /// A growth was refused in this call: a guest that dies in it died of memory.
    refused: bool,
    /// What was granted last, in case the machine cannot give it.
    granted_bytes: usize,
}

impl MemoryLimiter {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            refused: false,
            granted_bytes: 0,
        }
    }

    /// A call begins: what was refused in earlier ones does not count for it.
    pub(crate) fn begin_call(&mut self) {
        self.refused = false;
    }

    /// Whether a growth was refused in this call.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        self.granted_bytes = 0;
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The guest's own maximum stops it, not this limit: nothing is granted, so nothing is charged.
            return false;
        }
        let more = desired.saturating_sub(current);
        let allowed = self
            .bytes
            .checked_add(more)
            .is_some_and(|sum| sum <= self.bytes_max);
        if allowed {
            self.bytes += more;
            self.granted_bytes = more;
        } else {
            self.refused = true;
        }
        allowed
    }

    /// Takes back what was granted if the machine could not give it. Wasmtime reports other failures the same
    /// way, some of which were never granted; only those of the machine are I/O errors.
    fn failed(&mut self, error: &wasmtime::Error) {
        if error.is::<std::io::Error>() {
            self.bytes -= std::mem::take(&mut self.granted_bytes);
            self.refused = true;
        }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(&error);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired), maximum.map(bytes)))
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
        assert!(!limiter.refused());
        assert!(!limiter.memory_growing(600, 605, None).unwrap());
        assert!(limiter.refused());
        assert_eq!(limiter.bytes(), 996);
        limiter.begin_call();
        assert!(!limiter.refused(), "what follows did not die of that");
    }

    #[test]
    fn a_growth_that_fails_is_not_charged() {
        let mut limiter = MemoryLimiter::new(1000);
        assert!(limiter.memory_growing(0, 600, Some(600)).unwrap());
        for _ in 0..10 {
            assert!(!limiter.memory_growing(600, 700, Some(600)).unwrap());
            assert!(!limiter.table_growing(0, 20, Some(10)).unwrap());
        }
        assert_eq!(limiter.bytes(), 600);
        assert!(!limiter.refused(), "its own maximum stopped it");
        assert!(limiter.memory_growing(0, 400, None).unwrap());
        let none_left = || std::io::Error::from(std::io::ErrorKind::OutOfMemory);
        limiter.memory_grow_failed(none_left().into()).unwrap();
        limiter.memory_grow_failed(none_left().into()).unwrap();
        assert_eq!(limiter.bytes(), 600, "taken back once");
    }

    #[test]
    fn a_growth_that_was_never_asked_for_takes_nothing_back() {
        let mut limiter = MemoryLimiter::new(1000);
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        let beyond = wasmtime::Error::msg("memory growth exceeds memory type's limits");
        limiter.memory_grow_failed(beyond).unwrap();
        assert_eq!(limiter.bytes(), 600);
    }
}
