//! The parts of a file of rules: groups, recorded series, alerts.

use super::time::Span;

/// Rules that Prometheus evaluates one after the other.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: &'static str,
    /// How often it is evaluated; None: by Prometheus' global interval.
    pub interval: Option<Span>,
    pub recordings: Vec<Recording>,
    pub alerts: Vec<Alert>,
}

/// A recording rule: a series that is computed and stored.
#[derive(Clone, Debug)]
pub struct Recording {
    pub name: String,
    pub expr: String,
}

/// Whether somebody is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Wakes somebody.
    Page,
    /// Is looked at in working hours.
    Ticket,
}

impl Severity {
    /// The value of an alert's label `severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// What the alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The pipeline that Landfall watches.
    Pipeline,
    /// Landfall itself, or its view.
    Landfall,
}

impl Component {
    /// The value of an alert's label `component`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Landfall => "landfall",
        }
    }
}

/// The dashboard that an alert leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashboardLink {
    Operators,
    Checks,
}

/// An alert rule.
#[derive(Clone, Debug)]
pub struct Alert {
    pub name: &'static str,
    pub severity: Severity,
    pub component: Component,
    pub dashboard: DashboardLink,
    pub expr: String,
    /// For how long the expression has to hold.
    pub hold: Option<Span>,
    /// For how long the alert goes on after the expression held last: scrapes that fail, and a
    /// condition that comes and goes, are one alert.
    pub keep: Span,
    /// A template: how many, and what to do next.
    pub summary: String,
}

/// Long enough for several scrapes of a minute that fail.
const KEEP: Span = Span::minutes(10);

impl Alert {
    /// An alert about the pipeline.
    pub fn pipeline(name: &'static str, severity: Severity, expr: String) -> Self {
        Self {
            name,
            severity,
            component: Component::Pipeline,
            dashboard: DashboardLink::Operators,
            expr,
            hold: None,
            keep: KEEP,
            summary: String::new(),
        }
    }

    /// An alert about Landfall itself.
    pub fn itself(name: &'static str, severity: Severity, expr: String) -> Self {
        Self {
            component: Component::Landfall,
            ..Self::pipeline(name, severity, expr)
        }
    }

    /// The same alert, which fires only after its expression held for so long.
    pub fn hold(self, hold: Span) -> Self {
        Self {
            hold: Some(hold),
            ..self
        }
    }

    /// The same alert, which goes on for so long after its expression held last.
    pub fn keep(self, keep: Span) -> Self {
        Self { keep, ..self }
    }

    /// The same alert, which links to that dashboard.
    pub fn dashboard(self, dashboard: DashboardLink) -> Self {
        Self { dashboard, ..self }
    }

    /// The same alert with that summary, a template of Prometheus.
    pub fn summary(self, summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            ..self
        }
    }

    /// The anchor of the alert's section in docs/OPERATIONS.md, whose heading is the name.
    pub fn anchor(&self) -> String {
        self.name.to_ascii_lowercase()
    }
}
