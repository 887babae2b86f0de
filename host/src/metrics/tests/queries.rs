//! Rules and dashboards only use metrics and labels that the registry has. So a renamed metric breaks a
//! test, and not a dashboard or an alarm.

use std::collections::{BTreeMap, BTreeSet};

use landfall_ops::queries::Query;
use landfall_ops::{Parameters, prometheus, queries};
use promql_parser::label::Matchers;
use promql_parser::parser::{self, Expr, LabelModifier, VectorMatchCardinality, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};

use super::*;

/// Labels that Prometheus gives each series, or makes itself.
const OF_TARGETS: [&str; 2] = ["job", "instance"];

/// Labels that our own rules make.
const OF_RULES: [&str; 3] = ["owner", "series", "__name__"];

/// Prometheus' own series that queries use, with their labels.
const OF_PROMETHEUS: [(&str, &[&str]); 2] = [
    ("up", &[]),
    (
        "ALERTS",
        &[
            "alertname",
            "alertstate",
            "severity",
            "component",
            "schema",
            "check",
            "owner",
        ],
    ),
];

/// What a query may use: names of series, and the labels of each.
struct Known {
    series: BTreeMap<String, BTreeSet<String>>,
    /// All labels: a label in `by` or `on` cannot be attributed to one series.
    labels: BTreeSet<String>,
}

impl Known {
    fn new(entries: &[Entry]) -> Self {
        let mut series: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let owned = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
        for entry in entries {
            series.insert(entry.name.clone(), owned(&entry.labels));
            if entry.kind == "histogram" {
                for part in ["_bucket", "_sum", "_count"] {
                    let mut labels: BTreeSet<String> = owned(&entry.labels);
                    if part == "_bucket" {
                        labels.insert("le".to_owned());
                    }
                    series.insert(format!("{}{part}", entry.name), labels);
                }
            }
        }
        for (name, labels) in OF_PROMETHEUS {
            series.insert(name.to_owned(), owned(labels));
        }
        let mut labels: BTreeSet<String> = series.values().flatten().cloned().collect();
        labels.extend(
            OF_TARGETS
                .iter()
                .chain(&OF_RULES)
                .map(|label| (*label).to_owned()),
        );
        // A recorded series may have any label.
        for group in prometheus::groups(&Parameters::default()) {
            for recording in group.recordings {
                series.insert(recording.name, labels.clone());
            }
        }
        Self { series, labels }
    }

    fn hold(&self, query: &Query) -> Result<(), String> {
        let expr = parser::parse(&query.expr)?;
        let mut reader = Reader {
            known: self,
            wrong: Vec::new(),
        };
        let _ = walk_expr(&mut reader, &expr);
        if reader.wrong.is_empty() {
            return Ok(());
        }
        Err(reader.wrong.join("; "))
    }
}

/// Goes through a query.
struct Reader<'a> {
    known: &'a Known,
    wrong: Vec<String>,
}

impl Reader<'_> {
    fn selector(&mut self, selector: &VectorSelector) {
        let named = selector
            .matchers
            .matchers
            .iter()
            .find(|one| one.name == "__name__");
        let Some(name) = selector.name.as_ref().or(named.map(|one| &one.value)) else {
            self.wrong.push(format!("{selector} names no metric"));
            return;
        };
        let Some(labels) = self.known.series.get(name) else {
            self.wrong.push(format!("there is no metric {name}"));
            return;
        };
        for label in names(&selector.matchers) {
            let is_known =
                labels.contains(label) || OF_TARGETS.contains(&label) || label == "__name__";
            if !is_known {
                self.wrong.push(format!("{name} has no label {label}"));
            }
        }
    }

    fn labels<'l>(&mut self, labels: impl IntoIterator<Item = &'l String>) {
        for label in labels {
            if !self.known.labels.contains(label) {
                self.wrong.push(format!("nothing has a label {label}"));
            }
        }
    }

    fn modifier(&mut self, modifier: Option<&LabelModifier>) {
        if let Some(modifier) = modifier {
            self.labels(&modifier.labels().labels);
        }
    }
}

fn names(matchers: &Matchers) -> impl Iterator<Item = &str> {
    let all = matchers
        .matchers
        .iter()
        .chain(matchers.or_matchers.iter().flatten());
    all.map(|matcher| matcher.name.as_str())
}

impl ExprVisitor for Reader<'_> {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Aggregate(aggregate) => self.modifier(aggregate.modifier.as_ref()),
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.modifier(modifier.matching.as_ref());
                    if let VectorMatchCardinality::ManyToOne(with)
                    | VectorMatchCardinality::OneToMany(with) = &modifier.card
                    {
                        self.labels(&with.labels);
                    }
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

#[test]
fn rules_and_dashboards_ask_for_what_there_is() {
    let known = Known::new(&Metrics::new().unwrap().entries());
    let wrong: Vec<String> = queries::all(&Parameters::default())
        .iter()
        .filter_map(|query| {
            let why = known.hold(query).err()?;
            Some(format!("{}: {why}\n{}", query.origin, query.expr))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_query_for_what_there_is_not_is_found() {
    let known = Known::new(&Metrics::new().unwrap().entries());
    for (expr, why) in [
        ("landfall_incidents_open > 0", None),
        (
            "sum by (schema) (rate(landfall_events_total{verdict=\"late\"}[5m]))",
            None,
        ),
        (
            "landfall_incident_open > 0",
            Some("no metric landfall_incident_open"),
        ),
        (
            "rate(landfall_events{schema=\"a\"}[5m])",
            Some("no metric landfall_events"),
        ),
        (
            "landfall_incidents_open{schema=\"a\"}",
            Some("no label schema"),
        ),
        ("landfall_delivery_latency_seconds_bucket{le=\"1\"}", None),
        (
            "landfall_delivery_latency_seconds_count{le=\"1\"}",
            Some("no label le"),
        ),
        (
            "sum by (shema) (landfall_pending_events)",
            Some("a label shema"),
        ),
        (
            "up * on (job) group_left (team) landfall_owner_info",
            Some("a label team"),
        ),
        ("{job=\"landfall\"}", Some("names no metric")),
        ("sum(", Some("")),
    ] {
        let query = Query {
            origin: String::new(),
            expr: expr.to_owned(),
        };
        match (known.hold(&query), why) {
            (Ok(()), None) => {}
            (Err(error), Some(why)) => assert!(error.contains(why), "{expr}: {error}"),
            (held, _) => panic!("{expr}: {held:?}"),
        }
    }
}

/// Without these series an alert would be silent. Each one that is left out has its reason here.
#[test]
fn each_metric_that_alerts_rest_upon_is_missed_if_it_is_absent() {
    /// Series that come with what they are about, and others that only add to an alert.
    const NEED_NOT_BE: [(&str, &str); 24] = [
        ("up", "absent(up) is an alert of its own"),
        (
            "landfall_build_info",
            "a separate alert reports that it is absent",
        ),
        (
            "landfall_verdicts_revised_total",
            "nothing may ever have been revised",
        ),
        ("landfall_pending_events", "only shows which schema"),
        ("landfall_overdue_events", "only takes alerts back"),
        ("landfall_duplicates_total", "only shows which schema"),
        ("landfall_unexpected_total", "only shows which schema"),
        (
            "landfall_check_findings_total",
            "there may be no window check",
        ),
        (
            "landfall_delivery_objective_ratio",
            "there may be no objective",
        ),
        (
            "landfall_delivery_objective_late_counts",
            "late events fail without it",
        ),
        (
            "landfall_schema_owner_info",
            "the owner is (nobody) without it",
        ),
        (
            "landfall_check_owner_info",
            "the owner is (nobody) without it",
        ),
        ("landfall_owner_info", "the owner is (nobody) without it"),
        (
            "landfall_source_disconnects_total",
            "beside landfall_source_connected",
        ),
        (
            "landfall_source_protocol_errors_total",
            "beside landfall_source_connected",
        ),
        (
            "landfall_missing_removed_total",
            "beside landfall_store_failing",
        ),
        ("landfall_spool_waits_total", "beside landfall_spool_bytes"),
        (
            "landfall_queue_wait_seconds_total",
            "beside landfall_frontier_lag_seconds",
        ),
        (
            "landfall_thread_standing_seconds",
            "no thread may ever have stood",
        ),
        ("landfall_check_stale", "there may be no check"),
        ("landfall_check_loading", "there may be no check"),
        ("landfall_check_rows_faulted_total", "there may be no check"),
        ("landfall_check_suspensions_total", "there may be no check"),
        (
            "landfall_undecodable_total",
            "nothing may ever have been undecodable",
        ),
    ];
    let expected: BTreeSet<&str> = prometheus::EXPECTED_SERIES
        .iter()
        .filter_map(|series| series.selector.split('{').next())
        .collect();
    let mut asked = Asked(BTreeSet::new());
    for group in prometheus::groups(&Parameters::default()) {
        let recorded = group.recordings.iter().map(|one| &one.expr);
        for expr in recorded.chain(group.alerts.iter().map(|one| &one.expr)) {
            let _ = walk_expr(&mut asked, &parser::parse(expr).unwrap());
        }
    }
    let left_out: Vec<&str> = NEED_NOT_BE.iter().map(|(name, _)| *name).collect();
    for name in &asked.0 {
        let is_recorded = name.contains(':');
        let known = [
            expected.contains(name.as_str()),
            left_out.contains(&name.as_str()),
            name.starts_with("landfall_schema_") && name.ends_with("_total"),
        ];
        let times = known.iter().filter(|is| **is).count();
        assert!(is_recorded || times == 1, "{name}: {known:?}");
    }
    for name in left_out {
        assert!(asked.0.contains(name), "no alert asks for {name}");
    }
}

/// All metrics that a query names.
struct Asked(BTreeSet<String>);

impl ExprVisitor for Asked {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        let selector = match expr {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            _ => return Ok(true),
        };
        self.0.extend(selector.name.clone());
        Ok(true)
    }
}
