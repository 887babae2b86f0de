//! `[compile]`: the limits for compiling the file of a check, and where the code is kept.

use std::path::PathBuf;
use std::time::Duration;

use landfall_runtime::CompileLimits;

use crate::settings::reader::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileConfig {
    /// For one file.
    pub limits: CompileLimits,
    /// Directory of kept code; empty: the usual places.
    pub cache_dir: PathBuf,
    /// Maximum bytes of kept code; 0: none.
    pub cache_bytes_max: usize,
}

impl Default for CompileConfig {
    fn default() -> Self {
        Self {
            limits: CompileLimits::default(),
            cache_dir: PathBuf::new(),
            cache_bytes_max: 1 << 30,
        }
    }
}

/// Less is not enough for the compiler itself.
const MEMORY_MIN: usize = 64 << 20;

/// The code of the smallest check takes this much: with less none would ever be kept.
const CACHE_BYTES_MIN: usize = 1 << 20;

impl CompileConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.duration(
            "time_max",
            &mut self.limits.time_max,
            Duration::from_secs(1)..=Duration::from_secs(3600),
        );
        let mut memory = usize::try_from(self.limits.memory_bytes_max).unwrap_or(usize::MAX);
        section.size("memory_max", &mut memory, MEMORY_MIN..=1 << 40);
        self.limits.memory_bytes_max = memory as u64;
        section.path("cache_dir", &mut self.cache_dir);
        section.size_or_none(
            "cache_bytes_max",
            &mut self.cache_bytes_max,
            CACHE_BYTES_MIN..=1 << 44,
        );
    }
}
