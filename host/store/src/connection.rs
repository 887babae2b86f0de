//! What the connections of the writer and of readers have in common.

use std::time::Duration;

/// Name of the SQLite file in the store's directory.
pub const FILE_NAME: &str = "landfall.sqlite";

/// How long one waits for a lock that another connection holds: each is held for a moment only.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
