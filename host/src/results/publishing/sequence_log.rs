//! Logs once for each stream why numbers of it cannot be followed. Reads no clock.

use landfall_ledger::{PerStream, Stream};

use crate::flow::NotFollowed;

/// What the log has.
#[derive(Debug, Default)]
pub(super) struct SequenceLog {
    has_documents: PerStream<bool>,
    has_sources: PerStream<bool>,
}

impl SequenceLog {
    /// What could not be followed since the last call. Gives the lines to log now.
    pub fn add(&mut self, stream: Stream, not_followed: &NotFollowed) -> Vec<String> {
        let mut lines = Vec::new();
        if not_followed.documents > 0 && !self.has_documents[stream] {
            self.has_documents[stream] = true;
            lines.push(format!(
                "documents of the stream \"{stream}\" have no number at sequence_number, or no source at sequence_source: if one of these is dropped on its way, nobody notices (logged once; landfall_unnumbered_documents_total counts them)"
            ));
        }
        if not_followed.sources > 0 && !self.has_sources[stream] {
            self.has_sources[stream] = true;
            lines.push(format!(
                "the stream \"{stream}\" has more sources of numbers than Landfall follows: what such a source leaves out may not be noticed; let sequence_source name fewer sources (logged once; landfall_sequence_sources_forgotten_total counts them)"
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_logged_once_for_each_stream() {
        let mut log = SequenceLog::default();
        let nothing = NotFollowed::default();
        let documents = NotFollowed {
            documents: 1,
            ..nothing
        };
        let sources = NotFollowed {
            sources: 1,
            ..nothing
        };
        let mut lines = |stream, not_followed: &NotFollowed| log.add(stream, not_followed).len();
        assert_eq!(lines(Stream::Raw, &nothing), 0);
        for (stream, not_followed) in [
            (Stream::Raw, documents),
            (Stream::Raw, sources),
            (Stream::Written, documents),
        ] {
            assert_eq!(lines(stream, &not_followed), 1, "{stream} {not_followed:?}");
            assert_eq!(lines(stream, &not_followed), 0, "{stream} {not_followed:?}");
        }
    }
}
