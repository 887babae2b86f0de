//! `sequence_*` of a stream: the numbers that its sources give to what they send.

use std::time::Duration;

use crate::settings::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceConfig {
    /// JSON pointer to the number; empty: there is none.
    pub number: String,
    /// JSON pointer to what names the source; empty: there is one source only.
    pub source: String,
    /// How long a number may come later than the next one.
    pub reorder: Duration,
}

impl Default for SequenceConfig {
    fn default() -> Self {
        Self {
            number: String::new(),
            source: String::new(),
            reorder: Duration::from_secs(1),
        }
    }
}

/// Verdicts wait so long for a number that is left out.
const REORDER_MAX: Duration = Duration::from_secs(60);

impl SequenceConfig {
    pub(super) fn read(&mut self, section: &mut Section<'_>) {
        section.text("sequence_number", &mut self.number);
        section.text("sequence_source", &mut self.source);
        section.duration(
            "sequence_reorder",
            &mut self.reorder,
            Duration::ZERO..=REORDER_MAX,
        );
    }

    /// Whether the sources of the stream number what they send.
    pub fn is_set(&self) -> bool {
        !self.number.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::load;

    #[test]
    fn numbers_that_would_prove_nothing_are_refused() {
        let raw = "[streams.raw]\nsequence_number = \"/n\"\n";
        let both = format!("{raw}[streams.written]\nsequence_number = \"/n\"\n");
        for (text, expected) in [
            (
                "[streams.raw]\nsequence_number = \"n\"\n",
                Some("landfall.toml:2: streams.raw.sequence_number: \"n\" is no JSON pointer"),
            ),
            (
                "[streams.written]\nsequence_source = \"/host\"\n",
                Some(
                    "landfall.toml:2: streams.written.sequence_source: there is no sequence_number",
                ),
            ),
            (
                "[streams.raw]\nsequence_number = \"/uuid\"\n",
                Some("landfall.toml:2: streams.raw.sequence_number: it is event.key"),
            ),
            (
                "[streams.raw]\nsequence_reorder = \"2m\"\n",
                Some("from 0s to 1m"),
            ),
            (
                both.as_str(),
                Some(
                    "landfall.toml:4: streams.written.sequence_number: it is the number of the raw stream too",
                ),
            ),
            (
                &format!("{both}sequence_source = \"/writer\"\n"),
                Some("it is the number of the raw stream too"),
            ),
            (raw, None),
        ] {
            let loaded = load(text, &[]);
            match expected {
                None => assert!(loaded.is_ok(), "{text}: {loaded:?}"),
                Some(expected) => {
                    let message = loaded.unwrap_err();
                    assert!(message.contains(expected), "{text}: {message}");
                }
            }
        }
    }
}
