//! Runs a window check on tallies.

use super::double::with_host;
use super::manifest::{check_name, check_reasons};
use crate::window::{Configured, Finding, Objective, StatesObjectives, Tally, WindowCheck};

/// A configured check.
pub struct WindowHarness<C> {
    configured: Configured<C>,
    log: Vec<String>,
}

impl<C: WindowCheck> WindowHarness<C> {
    /// Configures the check with JSON text.
    ///
    /// # Panics
    /// If the configuration is refused or the manifest breaks the contract's limits.
    pub fn new(config: &str) -> Self {
        let configured = Configured::configure(config).unwrap_or_else(|error| panic!("{error}"));
        let manifest = configured.describe();
        check_name(&manifest.name, &manifest.version);
        check_reasons(C::REASONS.iter().map(|reason| (reason.id, reason.help)));
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

    /// Judges one tally.
    ///
    /// # Panics
    /// As [`judge_all`](Self::judge_all).
    pub fn judge(&mut self, tally: Tally) -> Option<Finding> {
        let findings = self.judge_all(&[tally]);
        findings.into_iter().next().map(|(_, finding)| finding)
    }

    /// Judges the tallies of windows that closed together: each finding with the place of the tally
    /// that it is about.
    ///
    /// # Panics
    /// If the check fails with an error.
    pub fn judge_all(&mut self, tallies: &[Tally]) -> Vec<(usize, Finding)> {
        let configured = &mut self.configured;
        let (findings, log) = with_host(Vec::new(), &mut None, || configured.check(tallies));
        self.log.extend(log);
        let findings =
            findings.unwrap_or_else(|error| panic!("the tallies could not be judged: {error}"));
        let finding = |found: crate::bindings::window_check::Finding| {
            let finding = Finding {
                reason: C::REASONS[usize::from(found.reason) - 1].id,
                severity: found.severity,
                text: found.text,
            };
            (found.tally as usize, finding)
        };
        findings.into_iter().map(finding).collect()
    }

    /// What the check logged so far, as `Level: text`.
    pub fn log(&self) -> &[String] {
        &self.log
    }
}

impl<C: StatesObjectives> WindowHarness<C> {
    /// The objective that the check states for a schema.
    ///
    /// # Panics
    /// If the host would not take it.
    pub fn objective(&mut self, schema: &str) -> Option<Objective> {
        let configured = &self.configured;
        let (stated, log) = with_host(Vec::new(), &mut None, || {
            configured.state(&[schema.to_owned()])
        });
        self.log.extend(log);
        let objective = stated.into_iter().next().flatten()?;
        assert!(
            (0.0..=1.0).contains(&objective.target),
            "the target of {schema}, {}: a share, from 0 to 1",
            objective.target
        );
        Some(Objective {
            target: objective.target,
            late_counts: objective.late_counts,
        })
    }
}

/// A tally of a schema in which nothing happened, for `Tally { raw: 3, ..empty_tally("A/1") }`.
pub fn empty_tally(schema: &str) -> Tally {
    Tally {
        schema: schema.into(),
        start_ms: 0,
        end_ms: 60_000,
        raw: 0,
        delivered: 0,
        late: 0,
        altered: 0,
        missing: 0,
        unconfirmed: 0,
        rejected: 0,
        leaked: 0,
        repeated: 0,
        unjudged: 0,
        duplicate: 0,
        unexpected: 0,
    }
}
