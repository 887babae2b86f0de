//! Runs an event check on documents given as text.

use serde_json::Value;

use super::canonical::{batch, parse};
use super::double::{Schemas, with_host};
use super::manifest::{check_columns, check_name, check_no_fields, check_reasons};
use crate::event::{Configured, EventCheck};
use crate::schemas::Validity;

/// The answer for one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The id of the reason; none if it passed.
    pub reason: Option<&'static str>,
    /// The details about it, in order.
    pub details: Vec<String>,
}

/// A configured check.
pub struct EventHarness<C> {
    configured: Configured<C>,
    schemas: Option<Schemas>,
    log: Vec<String>,
}

impl<C: EventCheck> EventHarness<C> {
    /// Configures the check with JSON text.
    ///
    /// # Panics
    /// If the configuration is refused or the manifest breaks the contract's limits.
    pub fn new(config: &str) -> Self {
        let configured = Configured::configure(config).unwrap_or_else(|error| panic!("{error}"));
        let manifest = configured.describe();
        check_name(&manifest.name, &manifest.version);
        check_columns(&manifest.columns);
        check_no_fields(&manifest.columns);
        check_reasons(C::REASONS.iter().map(|reason| (reason.id, reason.help)));
        Self {
            configured,
            schemas: None,
            log: Vec::new(),
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

    /// Lets `answer` replace the host's schemas: it gets the JSON pointer, the value there and the
    /// schema's `name/revision`.
    pub fn schemas(mut self, answer: impl Fn(&str, &Value, &str) -> Validity + 'static) -> Self {
        self.schemas = Some(Box::new(answer));
        self
    }

    /// Judges documents of the raw stream as one batch.
    ///
    /// # Panics
    /// If a document is no JSON, or the check fails with an error.
    pub fn judge(&mut self, documents: &[&str]) -> Vec<Judged> {
        self.try_judge("raw", documents)
            .unwrap_or_else(|error| panic!("the batch could not be judged: {error}"))
    }

    /// The id of the reason for each document of one batch; `pass` if it passed.
    ///
    /// # Panics
    /// As [`judge`](Self::judge).
    pub fn reasons(&mut self, documents: &[&str]) -> Vec<&'static str> {
        let judged = self.judge(documents);
        judged
            .iter()
            .map(|one| one.reason.unwrap_or("pass"))
            .collect()
    }

    /// Judges documents of a stream (`raw` or `written`) as one batch.
    ///
    /// # Errors
    /// The check's own.
    ///
    /// # Panics
    /// If a document is no JSON, or the answer breaks the contract.
    pub fn try_judge(&mut self, stream: &str, documents: &[&str]) -> Result<Vec<Judged>, String> {
        let batch = batch(stream, documents, &self.configured.describe().columns);
        let documents = parse(documents);
        let configured = &mut self.configured;
        let (verdicts, log) = with_host(documents, &mut self.schemas, || configured.check(&batch));
        self.log.extend(log);
        let verdicts = verdicts?;
        let judge = |(row, &code): (usize, &u16)| Judged {
            reason: (code > 0).then(|| C::REASONS[usize::from(code) - 1].id),
            details: verdicts
                .details
                .iter()
                .filter(|detail| detail.row as usize == row)
                .map(|detail| detail.text.clone())
                .collect(),
        };
        Ok(verdicts.codes.iter().enumerate().map(judge).collect())
    }

    /// What the check logged so far, as `Level: text`.
    pub fn log(&self) -> &[String] {
        &self.log
    }
}
