//! `sequence_*` of a stream: the numbers that its sources give to what they send.

use std::time::Duration;

use crate::config::semantics::check_pointer;
use crate::settings::Section;
use crate::settings::reader::Findings;

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

    /// Finds numbers that would prove nothing. The stream has `endpoints` of them.
    pub(crate) fn check(
        &self,
        path: &str,
        endpoints: usize,
        event_key: &str,
        findings: &mut Findings,
    ) {
        let (number, source) = (
            format!("{path}.sequence_number"),
            format!("{path}.sequence_source"),
        );
        if !self.source.is_empty() {
            check_pointer(&source, &self.source, findings);
        }
        if !self.is_set() {
            if !self.source.is_empty() {
                let remedy = "set sequence_number as well, or write \"\"";
                findings.error_at(&source, "there is no sequence_number", remedy);
            }
            return;
        }
        check_pointer(&number, &self.number, findings);
        if self.number == event_key {
            let remedy = "name a number that counts what the publisher sends";
            findings.error_at(&number, "it is event.key", remedy);
        }
        if endpoints > 1 && self.source.is_empty() {
            let found = format!(
                "{endpoints} endpoints have no sequence_source: their numbers cannot be told apart"
            );
            let remedy = "set sequence_source to a pointer to what names the publisher";
            findings.error_at(&number, found, remedy);
        }
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
        let raw = "[streams.raw]\nsequence_number = \"/n\"\nsequence_source = \"/host\"\n";
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
                    "landfall.toml:5: streams.written.sequence_number: it is the number of the raw stream too",
                ),
            ),
            (
                &format!("{both}sequence_source = \"/writer\"\n"),
                Some("it is the number of the raw stream too"),
            ),
            (
                "[streams.raw]\nsequence_number = \"/n\"\n",
                Some(
                    "landfall.toml:2: streams.raw.sequence_number: 2 endpoints have no sequence_source",
                ),
            ),
            (
                "[streams.raw]\nsequence_number = \"/n\"\nsequence_source = \"host\"\n",
                Some("landfall.toml:3: streams.raw.sequence_source: \"host\" is no JSON pointer"),
            ),
            ("[streams.written]\nsequence_number = \"/n\"\n", None),
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
