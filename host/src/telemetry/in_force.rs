//! Shows in the metrics what is in force. Series begin at 0 for everything that can happen, so that the
//! first increase of each is seen. Limits are shown beside the values that they bound.

use landfall_document::{Defect, Oddity};
use landfall_runtime::{Check, FaultKind, NO_KEY, Severity};

use super::Telemetry;
use crate::config::{Config, OwnersConfig};
use crate::judge::HOST;
use crate::judge::plan::PlannedCheck;
use crate::metrics::{self, CheckLimitValues, Declared, Objective, Owners};
use crate::planning::objectives::Stated;
use crate::planning::planner::Planned;
use landfall_ledger::Stream;

impl Telemetry {
    /// This plan is going to judge: the counters of everything that it can cause begin at 0.
    pub fn begin(&self, planned: &Planned) {
        let schemas: Vec<&str> = planned.schemas.iter().map(String::as_str).collect();
        self.metrics.verdicts.loaded(&schemas);
        for placed in &planned.plan.checks {
            self.begin_check(placed);
        }
        for (stream, codec) in planned.plan.codecs.iter() {
            let of_codec = planned
                .plan
                .checks
                .iter()
                .find(|check| check.name == *codec);
            for reason in of_codec.into_iter().flat_map(unreadable) {
                self.metrics
                    .frames
                    .add_undecodable(stream, codec, &reason, 0);
            }
            let own = Defect::ALL.map(Defect::id).into_iter().chain([NO_KEY]);
            for reason in own {
                self.metrics.frames.add_undecodable(stream, HOST, reason, 0);
            }
        }
        for oddity in Oddity::ALL {
            self.metrics.checks.add_violations(HOST, oddity.id(), 0);
        }
    }

    /// This plan judges from now on, and its checks state these objectives.
    pub fn in_force(&self, planned: &Planned, objectives: &[Stated]) {
        let limits: Vec<_> = planned.plan.checks.iter().map(limits_of).collect();
        self.metrics.limits.set(&limits);
        let objective = |stated: &Stated| Objective {
            check: stated.check.clone(),
            schema: stated.schema.clone(),
            target: stated.target,
            late_counts: stated.late_counts,
        };
        let objectives = objectives.iter().map(objective);
        self.metrics.objectives.set(objectives.collect());
    }

    /// All counters of a check, with its reasons and faults.
    fn begin_check(&self, placed: &PlannedCheck) {
        let reasons = &placed.check.manifest().reasons;
        let mut declared = Declared {
            faults: FaultKind::ALL.map(FaultKind::as_str).into(),
            ..Declared::default()
        };
        match &placed.check {
            Check::Event(_) => {
                declared.violations = reasons.iter().map(|reason| &*reason.id).collect();
            }
            Check::Window(_) => {
                let severities = [Severity::Info, Severity::Warning, Severity::Critical];
                let all = reasons
                    .iter()
                    .flat_map(|reason| severities.map(|severity| (&*reason.id, severity.as_str())));
                declared.findings = all.collect();
            }
            Check::Codec(_) | Check::Parity(_) => {}
        }
        self.metrics.checks.begin(&placed.name, &declared);
    }

    /// The owners, before there is a plan: an alarm that Landfall is not ready needs an owner too.
    pub fn owners_at_start(&self, config: &Config) {
        let checks = config.checks.iter().map(|check| &*check.name);
        self.set_owners(&config.owners, [].into_iter(), checks);
    }

    /// The owners of this plan. Schemas that are gone are included, because events of them may still wait.
    pub fn owners(&self, owners: &OwnersConfig, planned: &Planned) {
        let schemas = planned.plan.labels.names().iter().map(String::as_str);
        let checks = planned.plan.checks.iter().map(|placed| &*placed.name);
        self.set_owners(owners, schemas, checks);
    }

    fn set_owners<'a>(
        &self,
        owners: &OwnersConfig,
        schemas: impl Iterator<Item = &'a str>,
        checks: impl Iterator<Item = &'a str>,
    ) {
        let schema = |name: &str| (name.to_owned(), owners.of_schema(name).to_owned());
        let check = |name: &str| (name.to_owned(), owners.of_check(name).to_owned());
        self.metrics.owners.set(Owners {
            landfall: owners.of_landfall().to_owned(),
            schemas: metrics::ALWAYS
                .into_iter()
                .chain(schemas)
                .map(schema)
                .collect(),
            checks: checks.map(check).collect(),
        });
    }

    /// The bounds that the configuration sets.
    pub fn limits(&self, config: &Config) {
        let queue = config.judge.queue_bytes_max;
        for stream in Stream::ALL {
            self.metrics.frames.set_queue_limit(stream, queue);
        }
        self.metrics
            .store
            .set_spool_limit(config.store.spool_bytes_max);
        self.metrics.ledger.set_limit(config.ledger.pending_max);
    }
}

/// Why a codec may not read a frame: its own reasons, and its faults.
fn unreadable(codec: &PlannedCheck) -> Vec<String> {
    let own = codec.check.manifest().reasons.iter();
    let own = own.map(|reason| reason.id.clone());
    own.chain(FaultKind::ALL.map(FaultKind::reason)).collect()
}

fn limits_of(placed: &PlannedCheck) -> CheckLimitValues {
    let limits = placed.check.limits();
    CheckLimitValues {
        check: placed.name.clone(),
        memory_bytes: limits.memory_bytes_max,
        call: limits.batch_time,
    }
}
