//! The queries of the dashboards, with values in the place of Grafana's variables.

use super::dashboards;
use super::model::{Dashboard, VariableQuery};
use crate::Parameters;
use crate::query::Query;

/// Values for Grafana's variables. Those that choose labels are regular expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// `$__rate_interval`: a PromQL duration of at least four scrapes.
    pub rate_interval: String,
    /// `$__range`: the chosen time range, as a PromQL duration.
    pub range: String,
    pub job: String,
    pub instance: String,
    pub schema: String,
    pub stream: String,
    pub check: String,
}

impl Default for Values {
    /// All that there is, over an hour.
    fn default() -> Self {
        Self {
            rate_interval: "1m".into(),
            range: "1h".into(),
            job: ".*".into(),
            instance: ".*".into(),
            schema: ".*".into(),
            stream: ".*".into(),
            check: ".*".into(),
        }
    }
}

impl Values {
    /// A query with the values in place of the variables.
    pub fn put_into(&self, expr: &str) -> String {
        let quoted = |text: &str| text.replace('\\', r"\\").replace('"', r#"\""#);
        expr.replace("$__rate_interval", &self.rate_interval)
            .replace("$__range", &self.range)
            .replace("$job", &quoted(&self.job))
            .replace("$instance", &quoted(&self.instance))
            .replace("$schema", &quoted(&self.schema))
            .replace("$stream", &quoted(&self.stream))
            .replace("$check", &quoted(&self.check))
    }
}

/// The queries of all panels, annotations and variables. The origin of one is `dashboard / panel / letter`,
/// `dashboard / annotation / name` or `dashboard / variable / name`.
pub fn queries(values: &Values) -> Vec<Query> {
    let dashboards = dashboards(&Parameters::default());
    let queries = dashboards.iter().flat_map(of_dashboard);
    queries
        .map(|Query { origin, expr }| Query {
            origin,
            expr: values.put_into(&expr),
        })
        .collect()
}

fn of_dashboard(dashboard: &Dashboard) -> Vec<Query> {
    let uid = dashboard.uid;
    let mut queries = Vec::new();
    for panel in dashboard.panels() {
        queries.extend(panel.targets.iter().map(|target| Query {
            origin: format!("{uid} / {} / {}", panel.title, target.ref_id),
            expr: target.expr.clone(),
        }));
    }
    queries.extend(dashboard.annotations.list.iter().map(|annotation| Query {
        origin: format!("{uid} / annotation / {}", annotation.name),
        expr: annotation.expr.clone(),
    }));
    queries.extend(dashboard.templating.list.iter().filter_map(|variable| {
        let VariableQuery::Values { query, .. } = &variable.query else {
            return None;
        };
        Some(Query {
            origin: format!("{uid} / variable / {}", variable.name),
            expr: label_values(query)?,
        })
    }));
    queries
}

/// Grafana's `label_values(series, label)` in PromQL.
fn label_values(query: &str) -> Option<String> {
    let inner = query.strip_prefix("label_values(")?.strip_suffix(')')?;
    let (series, label) = inner.rsplit_once(", ")?;
    Some(format!("group by ({label}) ({series})"))
}
