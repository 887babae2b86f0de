//! How schemas are read where validators differ. The operator configures what the pipeline's validator does.

use super::fnv;
use crate::pattern::PatternDialect;

/// How the schemas of one directory are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaRules {
    /// The dialect in which patterns are read.
    pub patterns: PatternDialect,
    /// Whether an event of a draft-03 schema may have only declared properties at its top level. That is
    /// EventLogging's rule; draft-03 does not have it.
    pub draft03_closed: bool,
}

impl Default for SchemaRules {
    /// EventLogging's rules, with Python 3.
    fn default() -> Self {
        Self {
            patterns: PatternDialect::Python3,
            draft03_closed: true,
        }
    }
}

impl SchemaRules {
    /// Extends a digest by the rules.
    pub(super) fn digest(self, digest: u64) -> u64 {
        let text = format!("{}\0{}", self.patterns.name(), self.draft03_closed);
        fnv::extend(digest, text.as_bytes())
    }
}
