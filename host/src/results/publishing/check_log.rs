//! What checks log, as lines of Landfall's log.

use landfall_runtime::{LogLevel, LogLine};

/// A guest's line in the host's log.
pub(super) fn line(check: &str, line: &LogLine) {
    let text = line.text.as_str();
    match line.level {
        LogLevel::Debug => tracing::debug!(check, "{text}"),
        LogLevel::Info => tracing::info!(check, "{text}"),
        LogLevel::Warn => tracing::warn!(check, "{text}"),
        LogLevel::Error => tracing::error!(check, "{text}"),
    }
}
