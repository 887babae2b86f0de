//! Recording and alert rules.
