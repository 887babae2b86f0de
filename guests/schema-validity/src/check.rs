//! Selects the schemas, asks the host, and turns its answers into reasons.

use std::collections::BTreeMap;

use landfall_guest::schemas::{Request, Validity, explain};
use landfall_guest::{EventCheck, Reason, Rows, Verdicts};

use crate::config::Config;
use crate::filter::BotFilter;
use crate::names::{Naming, SchemaRef};

/// The maximum number of violations of one batch that are explained: an explanation validates the row
/// again, and a flood of invalid events must not halve the rate.
const EXPLAINED_MAX: usize = 4;

/// What to do for a distinct schema name of a batch.
#[derive(Clone, Copy)]
enum Plan {
    /// Validate against this schema of the request.
    Validate(u32),
    /// Fail at once.
    Fail(&'static str),
}

/// The check; see the crate's documentation.
pub struct SchemaValidity {
    config: Config,
    columns: Vec<String>,
    naming: Naming,
    bots: Option<BotFilter>,
    capsule: Request,
    payload: Request,
}

impl EventCheck for SchemaValidity {
    const NAME: &'static str = "schema-validity";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const REASONS: &'static [Reason] = &[
        Reason::violation("no_schema", "the event names no schema and revision"),
        Reason::violation(
            "no_event",
            "the event has no payload for its schema to judge",
        ),
        Reason::violation("invalid_capsule", "the capsule's schema does not hold"),
        Reason::violation(
            "invalid_event",
            "the schema that the event names does not hold",
        ),
        Reason::unjudged(
            "unknown_schema",
            "no schema of that name and revision is loaded",
        ),
        Reason::filtered("blocked_schema", "the operator blocked this schema"),
        Reason::filtered("bot", "the user agent is a bot's"),
    ];
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        config.check()?;
        let mut columns = Vec::new();
        let naming = Naming::new(&config, &mut columns);
        let bots = config
            .bots
            .as_ref()
            .map(|bots| BotFilter::new(bots, &mut columns));
        Ok(Self {
            config,
            columns,
            naming,
            bots,
            capsule: Request::default(),
            payload: Request::default(),
        })
    }

    fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    fn check(&mut self, rows: &Rows<'_>, verdicts: &mut Verdicts) -> Result<(), String> {
        self.plan(rows, verdicts)?;
        let mut explained = 0;
        if let Some(capsule) = &self.config.capsule {
            let schema = self.capsule.schema(capsule.schema.as_str());
            for row in rows.iter().filter(|row| verdicts.passes(row.index())) {
                self.capsule.push(row.index(), schema);
            }
            let failure = "invalid_capsule";
            judge(&self.capsule, "", failure, verdicts, &mut explained)?;
        }
        judge(
            &self.payload,
            &self.config.at,
            "invalid_event",
            verdicts,
            &mut explained,
        )
    }
}

impl SchemaValidity {
    /// Fills the request for the payloads, and fails the rows that need no validation.
    ///
    /// Events that the pipeline leaves out are decided first: a blocked schema does not have to be loaded,
    /// and an invalid event of a bot is left out either way.
    fn plan<'a>(&mut self, rows: &'a Rows<'_>, verdicts: &mut Verdicts) -> Result<(), String> {
        self.capsule.clear();
        self.payload.clear();
        let mut plans: BTreeMap<SchemaRef<'a>, Plan> = BTreeMap::new();
        for row in rows.iter() {
            let bot = self.bots.as_ref().is_some_and(|bots| bots.is_bot(&row));
            let plan = if bot {
                Plan::Fail("bot")
            } else {
                let schema = self.naming.schema_of(&row);
                *plans
                    .entry(schema)
                    .or_insert_with(|| match self.naming.split(schema) {
                        None => Plan::Fail("no_schema"),
                        Some((name, _)) if self.config.blocked.contains(&name) => {
                            Plan::Fail("blocked_schema")
                        }
                        Some((name, revision)) => {
                            Plan::Validate(self.payload.schema(format!("{name}/{revision}")))
                        }
                    })
            };
            match plan {
                Plan::Validate(schema) => self.payload.push(row.index(), schema),
                Plan::Fail(reason) => verdicts.fail(row.index(), reason)?,
            }
        }
        Ok(())
    }
}

/// Sends a request and records what fails; a row that has failed already keeps its reason.
fn judge(
    request: &Request,
    at: &str,
    failure: &'static str,
    verdicts: &mut Verdicts,
    explained: &mut usize,
) -> Result<(), String> {
    for (row, schema, answer) in request.validate(at)? {
        if !verdicts.passes(row) {
            continue;
        }
        match answer {
            Validity::Valid => {}
            Validity::NoValue => verdicts.fail(row, "no_event")?,
            Validity::NoSchema => {
                verdicts.fail(row, "unknown_schema")?;
                if *explained < EXPLAINED_MAX {
                    *explained += 1;
                    verdicts.detail(row, format!("no schema {}", request.name(schema)));
                }
            }
            Validity::Invalid => {
                verdicts.fail(row, failure)?;
                if *explained < EXPLAINED_MAX {
                    *explained += 1;
                    verdicts.detail(row, explain(at, row, request.name(schema)));
                }
            }
        }
    }
    Ok(())
}
