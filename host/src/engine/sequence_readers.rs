//! Sets up which numbers of which streams are followed, as the configuration has it.

use std::sync::Arc;

use landfall_document::{Pointer, PointerError};
use landfall_ledger::{PerStream, Stream};

use crate::config::Config;
use crate::flow::{InFlight, Sequences};
use crate::judge::SequenceReader;
use crate::time_policy::TimePolicy;

/// Prepares for the numbers of streams whose sources number what they send. Not over recordings: a file has all that
/// it has, and what is not in it was not recorded.
///
/// # Errors
/// A setting is not a JSON pointer.
pub(super) fn set_up(
    config: &Config,
    time: &TimePolicy,
    in_flight: &InFlight,
) -> Result<PerStream<Option<SequenceReader>>, PointerError> {
    let mut readers = PerStream::default();
    for stream in Stream::ALL {
        let settings = &config.streams.of(stream).sequence;
        if !settings.is_set() || time.is_of_events() {
            continue;
        }
        let sequences = Sequences::new(stream, settings.reorder);
        in_flight.set_sequences(stream, Arc::clone(&sequences));
        let source = match settings.source.as_str() {
            "" => None,
            text => Some(Pointer::parse(text)?),
        };
        readers[stream] = Some(SequenceReader {
            source,
            number: Pointer::parse(&settings.number)?,
            sequences,
        });
    }
    Ok(readers)
}
