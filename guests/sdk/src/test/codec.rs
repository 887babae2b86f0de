//! Runs a codec on frames.

use super::canonical::column;
use super::double::with_host;
use super::manifest::{check_name, check_reasons};
use crate::codec::{Codec, Configured};
use crate::column::Packed;

/// A configured codec.
pub struct CodecHarness<C> {
    configured: Configured<C>,
    details: Vec<(usize, String)>,
    log: Vec<String>,
}

impl<C: Codec> CodecHarness<C> {
    /// Configures the codec with JSON text.
    ///
    /// # Panics
    /// If the configuration is refused or the manifest breaks the contract's limits.
    pub fn new(config: &str) -> Self {
        let configured = Configured::configure(config).unwrap_or_else(|error| panic!("{error}"));
        let manifest = configured.describe();
        check_name(&manifest.name, &manifest.version);
        check_reasons(C::REASONS.iter().map(|reason| (reason.id, reason.help)));
        let (details, log) = (Vec::new(), Vec::new());
        Self {
            configured,
            details,
            log,
        }
    }

    /// The error text for a wrong configuration.
    ///
    /// # Panics
    /// If it is accepted.
    pub fn refusal(config: &str) -> String {
        match Configured::<C>::configure(config) {
            Ok(_) => panic!("the configuration {config} was not refused"),
            Err(error) => error,
        }
    }

    /// Decodes frames as one batch: each to its document's text, or to the id of its reason.
    ///
    /// # Panics
    /// If the codec gives a reason that it lacks, or a document that is not UTF-8.
    pub fn decode(&mut self, frames: &[&[u8]]) -> Vec<Result<String, &'static str>> {
        let frames = column(frames.iter());
        let configured = &mut self.configured;
        let (decoded, log) = with_host(Vec::new(), &mut None, || configured.decode(&frames));
        self.log.extend(log);
        let decoded =
            decoded.unwrap_or_else(|error| panic!("the batch could not be decoded: {error}"));
        let details = decoded.details.into_iter();
        self.details = details
            .map(|detail| (detail.row as usize, detail.text))
            .collect();
        let documents = Packed::new(&decoded.documents).unwrap_or_else(|error| panic!("{error}"));
        let answer = |(document, &code): (&[u8], &u16)| match code {
            0 => match std::str::from_utf8(document) {
                Ok(text) => Ok(text.to_owned()),
                Err(error) => panic!("a document is not UTF-8: {error}"),
            },
            code => Err(C::REASONS[usize::from(code) - 1].id),
        };
        documents.iter().zip(&decoded.codes).map(answer).collect()
    }

    /// Decodes one frame.
    ///
    /// # Errors
    /// The frame is not decoded; the error is the reason's name.
    ///
    /// # Panics
    /// As [`decode`](Self::decode).
    pub fn decode_one(&mut self, frame: &[u8]) -> Result<String, &'static str> {
        self.decode(&[frame]).remove(0)
    }

    /// The details about frames of the last batch: their place in it, and a text for people.
    pub fn details(&self) -> &[(usize, String)] {
        &self.details
    }

    /// What the codec logged so far, as `Level: text`.
    pub fn log(&self) -> &[String] {
        &self.log
    }
}
