//! Reasons and verdicts: how a check says what it found.

use crate::bindings::event_check::landfall::check::types;

/// The most details that the SDK passes on for one batch; the host keeps samples, not all.
const DETAILS_MAX: usize = 64;

/// What a reason does to an event when the check decides expectation.
pub use crate::bindings::event_check::landfall::check::types::Outcome;

/// One of the finitely many answers of a check.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// A metric label: lower-case letters, digits and underscores, at most 48 bytes.
    pub id: &'static str,
    /// What it means, for people.
    pub help: &'static str,
    /// What it does to the event. Not looked at in a codec's reasons.
    pub outcome: Outcome,
}

impl Reason {
    /// The event is invalid: the pipeline must not land it.
    pub const fn violation(id: &'static str, help: &'static str) -> Self {
        let outcome = Outcome::Violation;
        Self { id, help, outcome }
    }

    /// The event is valid, but the pipeline properly leaves it out.
    pub const fn filtered(id: &'static str, help: &'static str) -> Self {
        let outcome = Outcome::Filtered;
        Self { id, help, outcome }
    }

    /// The check could not judge the event.
    pub const fn unjudged(id: &'static str, help: &'static str) -> Self {
        let outcome = Outcome::Unjudged;
        Self { id, help, outcome }
    }

    pub(crate) fn to_wit(self) -> types::Reason {
        types::Reason {
            id: self.id.into(),
            help: self.help.into(),
            outcome: self.outcome,
        }
    }
}

/// The answer for one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to say against it.
    Pass,
    /// The reason (its id as in `REASONS`), and a detail for people, which may be empty.
    Fail(&'static str, String),
}

impl Verdict {
    /// A failure for a reason, without a detail.
    pub fn fail(reason: &'static str) -> Self {
        Self::Fail(reason, String::new())
    }

    /// A failure for a reason if `fails`, else a pass.
    pub fn fail_if(fails: bool, reason: &'static str) -> Self {
        if fails {
            Self::fail(reason)
        } else {
            Self::Pass
        }
    }
}

/// The code of a reason: its place in `reasons`, from 1.
pub(crate) fn code(reasons: &[Reason], id: &str) -> Result<u16, String> {
    match reasons.iter().position(|reason| reason.id == id) {
        Some(place) => Ok(place as u16 + 1),
        None => Err(format!(
            "the check gave the reason `{id}`, which its REASONS lack"
        )),
    }
}

/// The answers for a batch in the making: every row passes until it is said to fail.
pub struct Verdicts {
    reasons: &'static [Reason],
    codes: Vec<u16>,
    details: Vec<types::Detail>,
}

impl Verdicts {
    pub(crate) fn new(rows: usize, reasons: &'static [Reason]) -> Self {
        Self {
            reasons,
            codes: vec![0; rows],
            details: Vec::new(),
        }
    }

    /// Row `row` fails for the reason `id`. The error says that there is no such row or reason.
    pub fn fail(&mut self, row: u32, id: &str) -> Result<(), String> {
        let code = code(self.reasons, id)?;
        match self.codes.get_mut(row as usize) {
            Some(place) => *place = code,
            None => return Err(format!("the check judged row {row}, which the batch lacks")),
        }
        Ok(())
    }

    /// Whether row `row` still passes.
    pub fn passes(&self, row: u32) -> bool {
        self.codes.get(row as usize) == Some(&0)
    }

    /// Whether one more detail would be kept; asking first saves the work of writing it.
    pub fn wants_detail(&self) -> bool {
        self.details.len() < DETAILS_MAX
    }

    /// Free text about row `row`, for people.
    pub fn detail(&mut self, row: u32, text: impl Into<String>) {
        if self.wants_detail() {
            let text = text.into();
            self.details.push(types::Detail { row, text });
        }
    }

    pub(crate) fn into_parts(self) -> (Vec<u16>, Vec<types::Detail>) {
        (self.codes, self.details)
    }
}
