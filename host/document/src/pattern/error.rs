//! Why a pattern was refused, in words for the schema's author.

/// What is wrong with a pattern, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("at character {} of the pattern: {reason}", position + 1)]
    At {
        /// Characters before the place.
        position: usize,
        reason: String,
    },
    #[error("{0}")]
    Whole(String),
}

/// A refusal at a place.
pub(super) fn at<T>(position: usize, reason: impl Into<String>) -> Result<T, PatternError> {
    Err(PatternError::At {
        position,
        reason: reason.into(),
    })
}
