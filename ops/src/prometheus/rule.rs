//! What a file of rules is made of.

use super::time::Span;

/// Rules that Prometheus evaluates one after the other.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: &'static str,
    /// How often; None: as often as Prometheus evaluates what says nothing.
    pub interval: Option<Span>,
    pub recordings: Vec<Recording>,
    pub alerts: Vec<Alert>,
}

/// A series that is computed and kept.
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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// What is wrong if the alert is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The pipeline that Landfall watches.
    Pipeline,
    /// Landfall itself, or its view.
    Landfall,
}

impl Component {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Landfall => "landfall",
        }
    }
}

/// The dashboard that an alert leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dashboard {
    Operators,
    Checks,
}

/// An alert rule.
#[derive(Clone, Debug)]
pub struct Alert {
    pub name: &'static str,
    pub severity: Severity,
    pub component: Component,
    pub dashboard: Dashboard,
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
            dashboard: Dashboard::Operators,
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

    pub fn hold(self, hold: Span) -> Self {
        Self {
            hold: Some(hold),
            ..self
        }
    }

    pub fn keep(self, keep: Span) -> Self {
        Self { keep, ..self }
    }

    pub fn dashboard(self, dashboard: Dashboard) -> Self {
        Self { dashboard, ..self }
    }

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
