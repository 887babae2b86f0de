//! How schemas are read where validators differ: what the pipeline's does, the operator says.

use super::fnv;
use crate::pattern::PatternDialect;

/// How the schemas of one directory are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaRules {
    /// Whose reading of patterns counts.
    pub patterns: PatternDialect,
    /// Whether an event of a draft-03 schema may have no property at its top level but those that are
    /// declared there: EventLogging's rule, which draft-03 does not know.
    pub draft03_closed: bool,
}

impl Default for SchemaRules {
    /// EventLogging's, by Python 3.
    fn default() -> Self {
        Self {
            patterns: PatternDialect::Python3,
            draft03_closed: true,
        }
    }
}

impl SchemaRules {
    /// The same for the same rules, another for others.
    pub(super) fn digest(self, digest: u64) -> u64 {
        let text = format!("{}\0{}", self.patterns.name(), self.draft03_closed);
        fnv::extend(digest, text.as_bytes())
    }
}
