//! All PromQL queries of what is generated, so that a test can check them against the registry of metrics.

use crate::Parameters;
use crate::grafana::{self, Values};
use crate::prometheus;
pub use crate::query::Query;

/// All queries: those of rules, of their annotations, and of dashboards.
pub fn all(parameters: &Parameters) -> Vec<Query> {
    let mut queries = rules(parameters);
    queries.extend(grafana::queries(&Values::default()));
    queries
}

fn rules(parameters: &Parameters) -> Vec<Query> {
    let mut queries = Vec::new();
    for group in prometheus::groups(parameters) {
        let recordings = group.recordings.into_iter().map(|one| (one.name, one.expr));
        let alerts = group
            .alerts
            .into_iter()
            .map(|one| (one.name.to_owned(), one.expr));
        queries.extend(recordings.chain(alerts).map(|(name, expr)| Query {
            origin: format!("rule {name}"),
            expr,
        }));
    }
    queries.extend(
        prometheus::template_queries()
            .into_iter()
            .map(|expr| Query {
                origin: "annotations of rules".to_owned(),
                expr,
            }),
    );
    queries
}
