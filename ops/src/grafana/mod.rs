//! Dashboards: one for operators, one for authors of checks.
