//! Turns one tally into one finding, or into none.

use landfall_guest::{
    Finding, Objective as Stated, Severity, StatesObjectives, Tally, WindowCheck, WindowReason,
};

use crate::config::{Config, Objective};

/// The check; see the crate's documentation.
pub struct DeliveryObjective(Config);

impl WindowCheck for DeliveryObjective {
    const NAME: &'static str = "delivery-objective";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const REASONS: &'static [WindowReason] = &[
        WindowReason {
            id: "below_target",
            help: "fewer events were delivered than the objective asks for",
        },
        WindowReason {
            id: "unproven",
            help: "the objective is met only if events landed of which nobody knows",
        },
    ];
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        config.check()?;
        Ok(Self(config))
    }

    fn judge(&mut self, tally: &Tally) -> Result<Option<Finding>, String> {
        let objective = self.0.objective(&tally.schema);
        let shares = Shares::of(tally, &objective);
        if shares.of == 0 || shares.of < objective.minimum || shares.lower() >= objective.target {
            return Ok(None);
        }
        let surely = shares.upper() < objective.target;
        let critical = objective
            .critical_below
            .is_some_and(|below| shares.upper() < below);
        Ok(Some(Finding {
            reason: if surely { "below_target" } else { "unproven" },
            severity: if critical {
                Severity::Critical
            } else {
                objective.severity.into()
            },
            text: text(tally, &shares, &objective),
        }))
    }
}

impl StatesObjectives for DeliveryObjective {
    fn objective(&self, schema: &str) -> Option<Stated> {
        let objective = self.0.objective(schema);
        Some(Stated {
            target: objective.target,
            late_counts: objective.late_counts,
        })
    }
}

/// The bounds of the share, in events.
struct Shares {
    confirmed: u64,
    doubtful: u64,
    of: u64,
}

impl Shares {
    fn of(tally: &Tally, objective: &Objective) -> Self {
        // The counts of a window are far below 2 to the 64th, but they come from outside.
        let sum = |counts: &[u64]| counts.iter().fold(0u64, |sum, &n| sum.saturating_add(n));
        let late = if objective.late_counts { tally.late } else { 0 };
        Self {
            confirmed: sum(&[tally.delivered, late]),
            doubtful: sum(&[tally.unconfirmed, tally.unjudged]),
            of: sum(&[
                tally.delivered,
                tally.late,
                tally.altered,
                tally.missing,
                tally.unconfirmed,
                tally.unjudged,
            ]),
        }
    }

    fn lower(&self) -> f64 {
        self.confirmed as f64 / self.of as f64
    }

    fn upper(&self) -> f64 {
        self.confirmed.saturating_add(self.doubtful) as f64 / self.of as f64
    }
}

fn text(tally: &Tally, shares: &Shares, objective: &Objective) -> String {
    let mut text = format!(
        "{} confirmed of {} expected ({:.3} %, target {} %)",
        shares.confirmed,
        shares.of,
        // Rounded down: otherwise 99.9996 % would be shown as the 100 % that it missed.
        (shares.lower() * 100_000.0).floor() / 1000.0,
        // Rounded: otherwise 0.999 would be shown as 99.90000000000001.
        (objective.target * 1e8).round() / 1e6,
    );
    for (count, what) in [
        (tally.missing, "missing"),
        (tally.late, "late"),
        (tally.altered, "altered"),
        (tally.unconfirmed, "unconfirmed"),
        (tally.unjudged, "unjudged"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}
