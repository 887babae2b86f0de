//! Reasons and verdicts: how a check reports what it found.

use crate::bindings::event_check::landfall::check::types;

/// The maximum number of details that the SDK passes on for one batch; the host keeps samples, not all.
const DETAILS_MAX: usize = 64;

/// The maximum bytes of one detail; the contract keeps no more.
const DETAIL_BYTES_MAX: usize = 1024;

/// What a reason does to an event when the check decides expectation.
pub use crate::bindings::event_check::landfall::check::types::Outcome;

/// One of the finitely many answers of a check.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// A metric label: lower-case letters, digits and underscores, at most 48 bytes.
    pub id: &'static str,
    /// What it means, for people.
    pub help: &'static str,
    /// What it does to the event. Not used in a codec's reasons.
    pub outcome: Outcome,
}

impl Reason {
    /// The event is invalid: the pipeline must not land it.
    pub const fn violation(id: &'static str, help: &'static str) -> Self {
        let outcome = Outcome::Violation;
        Self { id, help, outcome }
    }

    /// The event is valid, but the pipeline is right to leave it out.
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
    /// The event is good.
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

/// Texts about rows of one batch, within the limits of the contract.
#[derive(Default)]
pub(crate) struct Details(Vec<types::Detail>);

impl Details {
    fn wants_more(&self) -> bool {
        self.0.len() < DETAILS_MAX
    }

    pub fn push(&mut self, row: u32, mut text: String) {
        if self.wants_more() {
            text.truncate(text.floor_char_boundary(DETAIL_BYTES_MAX));
            self.0.push(types::Detail { row, text });
        }
    }

    pub fn into_inner(self) -> Vec<types::Detail> {
        self.0
    }
}

/// Collects the answers for a batch: every row passes until it is marked as failed.
pub struct Verdicts {
    reasons: &'static [Reason],
    codes: Vec<u16>,
    details: Details,
}

impl Verdicts {
    pub(crate) fn new(rows: usize, reasons: &'static [Reason]) -> Self {
        Self {
            reasons,
            codes: vec![0; rows],
            details: Details::default(),
        }
    }

    /// Row `row` fails for the reason `id`.
    ///
    /// # Errors
    /// There is no such row, or the manifest has no such reason.
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

    /// Whether one more detail would be kept; ask first to save the work of writing it.
    pub fn wants_detail(&self) -> bool {
        self.details.wants_more()
    }

    /// Free text about row `row`, for people.
    pub fn detail(&mut self, row: u32, text: impl Into<String>) {
        self.details.push(row, text.into());
    }

    pub(crate) fn into_parts(self) -> (Vec<u16>, Vec<types::Detail>) {
        (self.codes, self.details.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::{DETAIL_BYTES_MAX, DETAILS_MAX, Outcome, Reason, Verdict, Verdicts, code};

    const REASONS: &[Reason] = &[
        Reason::violation("bad", "is bad"),
        Reason::filtered("bot", "is a bot's"),
        Reason::unjudged("odd", "is odd"),
    ];

    #[test]
    fn a_reason_has_the_outcome_that_it_was_made_with() {
        let outcomes: Vec<Outcome> = REASONS
            .iter()
            .map(|reason| reason.to_wit().outcome)
            .collect();
        assert_eq!(
            outcomes,
            [Outcome::Violation, Outcome::Filtered, Outcome::Unjudged]
        );
        let wit = REASONS[0].to_wit();
        assert_eq!((wit.id.as_str(), wit.help.as_str()), ("bad", "is bad"));
    }

    #[test]
    fn a_code_is_the_place_of_its_reason_from_one() {
        assert_eq!(code(REASONS, "bad"), Ok(1));
        assert_eq!(code(REASONS, "odd"), Ok(3));
        let error = code(REASONS, "mad").expect_err("no such reason");
        assert!(error.contains("`mad`"), "{error}");
    }

    #[test]
    fn every_row_passes_until_it_is_marked_as_failed() {
        let mut verdicts = Verdicts::new(3, REASONS);
        assert!(verdicts.passes(1));
        assert_eq!(verdicts.fail(1, "bot"), Ok(()));
        assert!(!verdicts.passes(1));
        assert!(!verdicts.passes(3), "there is no such row");
        assert!(verdicts.fail(3, "bot").is_err());
        assert!(verdicts.fail(0, "mad").is_err());
        assert_eq!(verdicts.into_parts().0, [0, 2, 0]);
    }

    #[test]
    fn details_are_bounded_in_number_and_length() {
        let mut verdicts = Verdicts::new(1, REASONS);
        for _ in 0..2 * DETAILS_MAX {
            verdicts.detail(0, "é".repeat(DETAIL_BYTES_MAX));
        }
        assert!(!verdicts.wants_detail());
        let (_, details) = verdicts.into_parts();
        assert_eq!(details.len(), DETAILS_MAX);
        assert!(details.iter().all(|d| d.text.len() == DETAIL_BYTES_MAX));
    }

    #[test]
    fn a_verdict_fails_only_if_its_condition_holds() {
        assert_eq!(Verdict::fail_if(false, "bad"), Verdict::Pass);
        assert_eq!(Verdict::fail_if(true, "bad"), Verdict::fail("bad"));
    }
}
