//! Metrics that no panel shows, and why. A test of the program checks that each metric of the registry is either on
//! a panel or here.

/// Name and reason.
pub const UNSHOWN: [(&str, &str); 0] = [];
