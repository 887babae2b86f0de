//! The operator's settings.

use std::collections::BTreeMap;

use landfall_guest::Severity;
use serde::Deserialize;

/// The configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The share of expected events that must be confirmed, above 0 and at most 1.
    pub target: f64,
    /// The fewest expected events for which a share makes sense.
    pub minimum: u64,
    /// How bad it is to miss the target.
    pub severity: Level,
    /// Below this share it is critical, whatever `severity` is.
    pub critical_below: Option<f64>,
    /// Whether events that landed after their deadline count as confirmed.
    pub late_counts: bool,
    /// Settings for single schemas, by `name/revision` or, for all its revisions, `name`.
    pub schemas: BTreeMap<String, Override>,
}

/// Settings for a schema.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Override {
    /// See [`Config::target`].
    pub target: Option<f64>,
    /// See [`Config::minimum`].
    pub minimum: Option<u64>,
    /// See [`Config::severity`].
    pub severity: Option<Level>,
    /// See [`Config::critical_below`].
    pub critical_below: Option<f64>,
    /// See [`Config::late_counts`].
    pub late_counts: Option<bool>,
}

/// A severity by its name.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For information.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Info => Self::Info,
            Level::Warning => Self::Warning,
            Level::Critical => Self::Critical,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            target: 0.999,
            minimum: 100,
            severity: Level::Warning,
            critical_below: None,
            late_counts: false,
            schemas: BTreeMap::new(),
        }
    }
}

/// The settings that apply to one schema.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    pub target: f64,
    pub minimum: u64,
    pub severity: Level,
    pub critical_below: Option<f64>,
    pub late_counts: bool,
}

impl Config {
    /// Whether all fields can be used.
    ///
    /// # Errors
    /// A field that cannot be used; the text names it, and what to do.
    pub fn check(&self) -> Result<(), String> {
        let share = |field: String, value: Option<f64>| match value {
            Some(share) if !(share > 0.0 && share <= 1.0) => Err(format!(
                "`{field}`: {share} is no share: write a number above 0 and at most 1, as 0.999"
            )),
            _ => Ok(()),
        };
        share("target".into(), Some(self.target))?;
        share("critical_below".into(), self.critical_below)?;
        for (schema, own) in &self.schemas {
            share(format!("schemas.{schema}.target"), own.target)?;
            share(
                format!("schemas.{schema}.critical_below"),
                own.critical_below,
            )?;
        }
        Ok(())
    }

    /// The settings for the schema `name/revision`: its own, then those of its name, then the
    /// general ones.
    pub fn objective(&self, schema: &str) -> Objective {
        let mut objective = Objective {
            target: self.target,
            minimum: self.minimum,
            severity: self.severity,
            critical_below: self.critical_below,
            late_counts: self.late_counts,
        };
        // A name may hold slashes; the revision is behind the last.
        let name = schema.rsplit_once('/').map_or(schema, |(name, _)| name);
        for own in [self.schemas.get(name), self.schemas.get(schema)] {
            let Some(own) = own else { continue };
            objective = Objective {
                target: own.target.unwrap_or(objective.target),
                minimum: own.minimum.unwrap_or(objective.minimum),
                severity: own.severity.unwrap_or(objective.severity),
                critical_below: own.critical_below.or(objective.critical_below),
                late_counts: own.late_counts.unwrap_or(objective.late_counts),
            };
        }
        objective
    }
}
