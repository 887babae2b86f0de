//! The sources of a stream that are followed: a bounded number of them.

use std::collections::HashMap;

use landfall_ledger::Fingerprint;

use crate::flow::sequences::runs::Runs;

/// Sources of a stream that are followed. With more, the one that was silent longest is forgotten.
pub(super) const SOURCES_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Source {
    pub runs: Runs,
    /// The place of the batch with which it began anew, if it ever did.
    pub anew_at: Option<u64>,
    /// Grows with each number of any source.
    used: u64,
}

#[derive(Debug, Default)]
pub(super) struct Sources {
    sources: HashMap<Fingerprint, Source>,
    used: u64,
}

impl Sources {
    /// A source that is followed.
    pub fn get(&self, source: Fingerprint) -> Option<&Source> {
        self.sources.get(&source)
    }

    /// The source gives its numbers once more, from a batch on.
    pub fn begin_anew(&mut self, source: Fingerprint, place: u64) {
        if let Some(known) = self.sources.get_mut(&source) {
            known.anew_at = Some(place);
        }
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
