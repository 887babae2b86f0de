//! A PromQL query that is part of what is generated.

/// A query, and what it is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The rule, or the dashboard and panel.
    pub origin: String,
    pub expr: String,
}
