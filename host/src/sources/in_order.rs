//! Starts the sources of the written stream before those of the raw one.
//!
//! In the other order, an event could be read while its row passes unseen, at each start under
//! traffic, and the event would be called missing. A row whose event passed unseen is only
//! unexpected.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::{Opener, RunningSource, SourceContext, SourceError, SourceSettings};
use crate::flow::Link;
use crate::thread_watch::ThreadWatch;
use landfall_ledger::Stream;

/// The pause between two checks whether the written stream is connected.
const CHECK_EVERY: Duration = Duration::from_millis(10);

/// The most checks, which take a second. A handshake takes milliseconds. If a publisher does not
/// answer, waiting for it would not keep anything from passing unseen.
const CHECKS_MAX: u32 = 100;

/// Opens and starts the sources of both streams, and gives them with the raw ones first. `of` gives
/// the settings of a stream, and the context in which its sources are opened.
///
/// # Errors
/// A source cannot be opened, or the system cannot start a thread.
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
    for _ in 0..CHECKS_MAX {
        if !written.iter().any(is_trying) {
            break;
        }
        thread::sleep(CHECK_EVERY);
    }
    let mut sources = start(Stream::Raw)?;
    sources.extend(written);
    Ok(sources)
}
