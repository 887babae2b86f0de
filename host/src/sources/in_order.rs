//! Starts the sources of the written stream before those of the raw one.
//!
//! The other way round an event may be read while its row passes unseen, at each start under traffic, and would be
//! called missing. A row whose event passed unseen is only unexpected.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::{Opener, RunningSource, SourceContext, SourceError, SourceSettings};
use crate::flow::Link;
use crate::thread_watch::ThreadWatch;
use landfall_ledger::Stream;

/// Between two looks whether the written stream is connected.
const LOOK: Duration = Duration::from_millis(10);

/// Looks at most, which is a second: a handshake takes milliseconds, and of a publisher that does not answer
/// nothing passes unseen that anybody could wait for.
const LOOKS_MAX: u32 = 100;

/// Opens and starts the sources of both streams, and gives them with the raw ones first. `of` has the settings of a
/// stream, and what its sources are opened with.
///
/// # Errors
/// A source cannot be opened, or the system gives no thread.
pub fn start_in_order<'a>(
    of: impl Fn(Stream) -> (&'a SourceSettings, &'a SourceContext),
    threads: &Arc<ThreadWatch>,
) -> Result<Vec<RunningSource>, SourceError> {
    let opener = Opener::default();
    let start = |stream| -> Result<Vec<RunningSource>, SourceError> {
        let (settings, context) = of(stream);
        let opened = opener.open(settings, context)?.into_iter();
        opened
            .map(|source| RunningSource::start(source, threads))
            .collect()
    };
    let written = start(Stream::Written)?;
    let is_trying = |source: &RunningSource| source.status.link() == Link::Connecting;
    for _ in 0..LOOKS_MAX {
        if !written.iter().any(is_trying) {
            break;
        }
        thread::sleep(LOOK);
    }
    let mut sources = start(Stream::Raw)?;
    sources.extend(written);
    Ok(sources)
}
