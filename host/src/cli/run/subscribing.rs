//! Subscribes to what the writer says it wrote before what enters.
//!
//! The other way round an event may be read while its row passes unseen, at each start under traffic, and
//! would be called missing. A row whose event passed unseen is only unexpected.

use std::thread;
use std::time::Duration;

use crate::sources::{Link, zmq};
use landfall_ledger::Stream;

/// Between two looks whether the written stream is connected.
const LOOK: Duration = Duration::from_millis(10);

/// Looks at most, which is a second: a handshake takes milliseconds, and of a publisher that does not answer
/// nothing passes unseen that anybody could wait for.
const LOOKS_MAX: u32 = 100;

/// The sources of all streams, raw first. `subscribe` starts those of one.
///
/// # Errors
/// Those of `subscribe`.
pub fn in_order<E>(
    mut subscribe: impl FnMut(Stream) -> Result<Vec<zmq::Running>, E>,
) -> Result<Vec<zmq::Running>, E> {
    let written = subscribe(Stream::Written)?;
    let is_trying = |source: &zmq::Running| source.stats.link() == Link::Connecting;
    for _ in 0..LOOKS_MAX {
        if !written.iter().any(is_trying) {
            break;
        }
        thread::sleep(LOOK);
    }
    let mut sources = subscribe(Stream::Raw)?;
    sources.extend(written);
    Ok(sources)
}
