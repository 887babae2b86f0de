//! A PromQL query of what is generated, with where it stands.

/// A query and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The rule, or the dashboard and panel.
    pub origin: String,
    pub expr: String,
}
