//! Metrics that no panel shows, and why. A test in the program holds the list to its registry: a metric
//! is on a panel or here, and not both.

/// Name and reason.
pub const UNSHOWN: [(&str, &str); 0] = [];
