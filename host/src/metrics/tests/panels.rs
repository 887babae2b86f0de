//! The dashboards show the metrics of the registry, and none is forgotten. Another test, with the rules, checks
//! that they use no other metrics.

use std::collections::BTreeSet;

use landfall_ledger::{Cause, Verdict};
use landfall_ops::grafana::{self, CAUSES, UNSHOWN, VERDICTS, Values};

use super::*;

/// The metrics that an expression names, a histogram by its own name.
fn named(expr: &str, entries: &[Entry]) -> BTreeSet<String> {
    let words = expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let metrics = words.filter(|word| word.starts_with("landfall_"));
    metrics
        .map(|word| metric(word, entries).to_owned())
        .collect()
}

fn metric<'w>(word: &'w str, entries: &[Entry]) -> &'w str {
    let of_histogram = ["_bucket", "_sum", "_count"]
        .into_iter()
        .find_map(|suffix| {
            let name = word.strip_suffix(suffix)?;
            let is = |entry: &Entry| entry.name == name && entry.kind == "histogram";
            entries.iter().any(is).then_some(name)
        });
    of_histogram.unwrap_or(word)
}

/// Metrics by whether a panel shows them.
fn shown(entries: &[Entry]) -> BTreeSet<String> {
    let queries = grafana::queries(&Values::default());
    let of_panels = queries.iter().filter(|query| {
        !query.origin.contains(" / annotation / ") && !query.origin.contains(" / variable / ")
    });
    of_panels
        .flat_map(|query| named(&query.expr, entries))
        .collect()
}

#[test]
fn every_metric_is_on_a_panel_or_has_a_reason_not_to_be() {
    let entries = Metrics::new().unwrap().entries();
    let shown = shown(&entries);
    for Entry { name, .. } in &entries {
        let reason = UNSHOWN.iter().find(|(unshown, _)| unshown == name);
        assert!(
            shown.contains(name) || reason.is_some(),
            "{name} is on no panel: show it in ops/src/grafana, or say why not in unshown.rs"
        );
    }
}

#[test]
fn no_reason_is_stale() {
    let entries = Metrics::new().unwrap().entries();
    let shown = shown(&entries);
    for (name, reason) in UNSHOWN {
        assert!(
            entries.iter().any(|entry| entry.name == name),
            "{name} is no metric"
        );
        assert!(!shown.contains(name), "{name} is on a panel");
        assert!(reason.ends_with('.'), "{name}: {reason}");
    }
}

#[test]
fn every_verdict_and_cause_has_its_colour() {
    let verdicts: Vec<_> = VERDICTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(verdicts, Verdict::ALL.map(Verdict::as_str));
    let mut causes: Vec<_> = CAUSES.iter().map(|(name, _)| *name).collect();
    let mut known = Cause::ALL.map(Cause::as_str);
    causes.sort_unstable();
    known.sort_unstable();
    assert_eq!(causes, known);
}
