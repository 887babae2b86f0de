//! A gauge of which all series are replaced at once. No scrape sees two of its states mixed, or neither:
//! two series with the label of a third one would break every join with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc, Describer as _};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Opts, Result};

use super::registrar::Registrar;

/// Values of the labels, in the order in which the labels were named, and the value.
type Rows = BTreeMap<Vec<String>, f64>;

/// Clones share the table.
#[derive(Clone, Debug)]
pub(super) struct MetricTable {
    desc: Desc,
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    rows: Arc<Mutex<Rows>>,
}

impl MetricTable {
    pub(super) fn new(
        r: &Registrar,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Result<Self> {
        let mut opts = Opts::new(name, help);
        for label in labels {
            opts = opts.variable_label(*label);
        }
        let made = opts.describe().map(|desc| Self {
            desc,
            name,
            help,
            labels,
            rows: Arc::default(),
        });
        r.add((name, "gauge", labels, help), made)
    }

    /// Replaces all its series by these. Of two with equal labels the last one counts.
    pub(super) fn set<const N: usize>(&self, rows: impl IntoIterator<Item = ([String; N], f64)>) {
        let rows = rows
            .into_iter()
            .map(|(labels, value)| (labels.into(), value));
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = rows.collect();
    }

    fn metric(&self, values: &[String], value: f64) -> Metric {
        let mut pairs: Vec<LabelPair> = self
            .labels
            .iter()
            .zip(values)
            .map(|(name, value)| {
                let mut pair = LabelPair::default();
                pair.set_name((*name).into());
                pair.set_value(value.clone());
                pair
            })
            .collect();
        pairs.sort_by(|a, b| a.name().cmp(b.name()));
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_label(pairs);
        metric.set_gauge(gauge);
        metric
    }
}

impl Collector for MetricTable {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.is_empty() {
            return Vec::new();
        }
        let mut family = MetricFamily::default();
        family.set_name(self.name.into());
        family.set_help(self.help.into());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(
            rows.iter()
                .map(|(labels, value)| self.metric(labels, *value))
                .collect(),
        );
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_replaced_as_a_whole_and_labels_are_sorted() {
        let registrar = Registrar::new().unwrap();
        let table = MetricTable::new(&registrar, "a_info", &["schema", "owner"], "Says.").unwrap();
        assert_eq!(registrar.render().unwrap(), "");
        let row = |schema: &str, owner: &str| ([schema.to_owned(), owner.to_owned()], 1.0);
        table.set([row("A/1", "one"), row("B/1", "two")]);
        table.set([row("A/1", "three")]);
        assert_eq!(
            registrar.render().unwrap(),
            "# HELP landfall_a_info Says.\n# TYPE landfall_a_info gauge\n\
             landfall_a_info{owner=\"three\",schema=\"A/1\"} 1\n"
        );
    }
}
