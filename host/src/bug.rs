//! How Landfall speaks of its own bugs: one sentence, wherever it is said. It knows nothing else.

/// The end of a message about something that only a bug of Landfall explains.
pub const REPORT_BUG: &str = "this is a bug of Landfall, please report it";
