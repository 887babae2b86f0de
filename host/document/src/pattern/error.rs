//! Why a pattern is refused, in words for the schema's author.

/// What is wrong with a pattern, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("at character {} of the pattern: {reason}", position + 1)]
    At {
        /// Characters before the place, in the pattern as its author wrote it.
        position: usize,
        reason: String,
    },
    /// The reason, if it is about the pattern as a whole.
    #[error("{0}")]
    Whole(String),
}

/// Refuses a pattern at a place: after `position` characters.
pub(super) fn at<T>(position: usize, reason: impl Into<String>) -> Result<T, PatternError> {
    Err(PatternError::At {
        position,
        reason: reason.into(),
    })
}
