//! Pieces of summaries: templates of Prometheus that write a value with its unit.

/// The value and its unit: `1 event`, `12 events`. An increase is an estimate, and no whole number.
pub fn counted(unit: &str) -> String {
    format!(
        "{{{{ $n := $value | printf \"%.0f\" }}}}{{{{ $n }}}} {unit}{{{{ if ne $n \"1\" }}}}s{{{{ end }}}}"
    )
}

/// A sentence with value and unit in it.
pub fn counting(before: &str, unit: &str, after: &str) -> String {
    format!("{before}{}{after}", counted(unit))
}
