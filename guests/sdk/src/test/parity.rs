//! Runs a parity check on both sides of an event.

use super::canonical::{batch, batch_taking};
use super::double::with_host;
use super::fields::{named, of_form};
use super::manifest::{check_columns, check_name};
use crate::bindings::parity_check::Batch;
use crate::column::Packed;
use crate::parity::{Configured, Difference, ParityCheck};

/// The answer of a parity check for a pair.
#[derive(Clone, Debug)]
pub enum Parity {
    /// The normal forms are equal.
    Unchanged,
    /// They differ, in these fields.
    Altered(Vec<Difference>),
    /// One side has no normal form; the reasons are in the harness's log.
    Unprojectable,
}

/// A configured check.
pub struct ParityHarness<C> {
    configured: Configured<C>,
    log: Vec<String>,
}

impl<C: ParityCheck> ParityHarness<C> {
    /// Configures the check with JSON text.
    ///
    /// # Panics
    /// If the configuration is refused or the manifest breaks the contract's limits.
    pub fn new(config: &str) -> Self {
        let configured = Configured::configure(config).unwrap_or_else(|error| panic!("{error}"));
        let manifest = configured.describe();
        check_name(&manifest.name, &manifest.version);
        check_columns(&manifest.raw_columns);
        check_columns(&manifest.written_columns);
        let fields = |columns: &[String]| columns.iter().any(|column| named(column).is_some());
        assert_eq!(
            fields(&manifest.raw_columns),
            fields(&manifest.written_columns),
            "a check that asks for a column of fields does so on both sides"
        );
        let log = Vec::new();
        Self { configured, log }
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

    /// The normal form of a document of a stream (`raw` or `written`); empty if it has none. For a check
    /// that asks for fields it has all of them.
    ///
    /// # Panics
    /// If the document is no JSON or the check fails; and if a check that asks for fields changes a field
    /// that the host takes at other times.
    pub fn project(&mut self, stream: &str, document: &str) -> Vec<u8> {
        let manifest = self.configured.describe();
        let pointers = match stream {
            "raw" => &manifest.raw_columns,
            _ => &manifest.written_columns,
        };
        let form = self.form(&batch(stream, &[document], pointers));
        if pointers.iter().any(|column| named(column).is_some()) {
            let mut taken = Vec::new();
            let left = batch_taking(stream, &[document], pointers, Some(&mut taken));
            let left = self.form(&left);
            assert_eq!(
                form.is_empty(),
                left.is_empty(),
                "a document has a normal form only where the host takes no field of it, or does: {document}"
            );
            if !form.is_empty() {
                assert_eq!(
                    of_form(&form, &[]),
                    of_form(&left, &taken),
                    "the fields that the check answers, and those that it answers and the host takes, of {document}"
                );
            }
        }
        form
    }

    fn form(&mut self, batch: &Batch) -> Vec<u8> {
        let configured = &mut self.configured;
        let (forms, log) = with_host(Vec::new(), &mut None, || configured.project(batch));
        self.log.extend(log);
        let forms = forms.unwrap_or_else(|error| panic!("the batch has no normal forms: {error}"));
        let packed = Packed::new(&forms).unwrap_or_else(|error| panic!("{error}"));
        packed.row(0).to_vec()
    }

    /// Compares both sides of an event, as the host would.
    ///
    /// # Panics
    /// As [`project`](Self::project), and if the check cannot name what differs.
    pub fn compare(&mut self, raw: &str, written: &str) -> Parity {
        let columns = self.configured.describe().raw_columns;
        let is_of_fields = columns.iter().any(|column| named(column).is_some());
        let (raw, written) = (self.project("raw", raw), self.project("written", written));
        if raw.is_empty() || written.is_empty() {
            Parity::Unprojectable
        } else if raw == written || (is_of_fields && of_form(&raw, &[]) == of_form(&written, &[])) {
            Parity::Unchanged
        } else {
            let differences = self.configured.explain(&raw, &written);
            assert!(
                !differences.is_empty(),
                "two normal forms differ, but no field"
            );
            Parity::Altered(differences)
        }
    }

    /// The names of the fields that differ; none if it is unchanged.
    ///
    /// # Panics
    /// As [`compare`](Self::compare), and if one side has no normal form.
    pub fn altered(&mut self, raw: &str, written: &str) -> Vec<String> {
        match self.compare(raw, written) {
            Parity::Unchanged => Vec::new(),
            Parity::Altered(differences) => differences.into_iter().map(|one| one.field).collect(),
            Parity::Unprojectable => panic!("no normal form: {:?}", self.log),
        }
    }

    /// What the check logged so far, as `Level: text`.
    pub fn log(&self) -> &[String] {
        &self.log
    }
}
