//! The sources of a stream that are followed: a bounded number of them.

use std::collections::HashMap;

use landfall_ledger::Fingerprint;

use crate::flow::sequences::runs::Runs;

/// Sources of a stream that are followed. With more, the one that was silent longest is forgotten.
pub(super) const SOURCES_MAX: usize = 1_024;

#[derive(Debug, Default)]
struct Source {
    runs: Runs,
    /// Grows with each number of any source.
    used: u64,
}

#[derive(Debug, Default)]
pub(super) struct Sources {
    sources: HashMap<Fingerprint, Source>,
    used: u64,
}

impl Sources {
    /// The runs of a source that is followed.
    pub fn get(&self, source: Fingerprint) -> Option<&Runs> {
        self.sources.get(&source).map(|known| &known.runs)
    }

    /// The runs of a source that has sent something, and how many others were forgotten for it.
    pub fn follow(&mut self, source: Fingerprint) -> (&mut Runs, u64) {
        let mut forgotten = 0;
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            let silent = self.sources.iter().min_by_key(|(_, known)| known.used);
            if let Some(silent) = silent.map(|(source, _)| *source) {
                self.sources.remove(&silent);
                forgotten = 1;
            }
        }
        self.used += 1;
        let known = self.sources.entry(source).or_default();
        known.used = self.used;
        (&mut known.runs, forgotten)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.sources.len()
    }
}
