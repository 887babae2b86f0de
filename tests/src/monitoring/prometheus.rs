//! Prometheus: scrapes Landfall, evaluates rules, answers queries.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::server::{Server, ServerError};

/// What it scrapes and evaluates.
#[derive(Clone, Debug)]
pub struct PrometheusOptions {
    /// Jobs and their only targets. Each has the instance `INSTANCE`, because ports are chance.
    pub targets: Vec<(&'static str, SocketAddr)>,
    /// The text of the file of rules.
    pub rules: String,
    /// Between two scrapes, and between two evaluations.
    pub interval: Duration,
    pub alertmanager: Option<SocketAddr>,
}

/// How often Prometheus resends an alert that goes on, with its newest text; by default once a minute. After
/// four times as long without one, Alertmanager takes the alert as over. A busy machine must not cause that.
const RESEND: Duration = Duration::from_secs(2);

/// The label of every target.
pub const INSTANCE: &str = "landfall:9470";

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// One series of a range: seconds since the epoch, and values.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub points: Vec<(f64, f64)>,
}

/// A running Prometheus.
pub struct Prometheus {
    server: Server,
    dir: PathBuf,
}

impl Prometheus {
    /// Starts it with all its files below `dir`.
    pub fn start(
        program: &Path,
        dir: &Path,
        options: &PrometheusOptions,
    ) -> Result<Self, ServerError> {
        let config = write(dir, options)?;
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", dir.join("prometheus").display()),
            "--web.listen-address=127.0.0.1:0".to_owned(),
            "--web.enable-lifecycle".to_owned(),
            format!("--rules.alert.resend-delay={}ms", RESEND.as_millis()),
        ];
        let log = dir.join("prometheus.log");
        Ok(Self {
            server: Server::start(program, &args, &log, "/-/ready")?,
            dir: dir.to_owned(),
        })
    }

    /// Scrapes and evaluates something else from now on.
    pub fn change(&self, options: &PrometheusOptions) -> Result<(), ServerError> {
        write(&self.dir, options)?;
        self.server.post("/-/reload")
    }

    pub fn log_text(&self) -> String {
        self.server.log_text()
    }

    /// An instant query at seconds since the epoch; a scalar is a sample without labels.
    pub fn query(&self, expr: &str, at_s: f64) -> Result<Vec<Sample>, ServerError> {
        let at_s = format!("{at_s:.3}");
        let parameters = [("query", expr), ("time", &at_s)];
        let data = self.data("/api/v1/query", &parameters)?;
        let unread = || ServerError::Answer {
            asked: expr.to_owned(),
            answer: data.to_string(),
        };
        if data["resultType"] == "scalar" {
            let (_, value) = point(&data["result"]).ok_or_else(unread)?;
            let labels = BTreeMap::new();
            return Ok(vec![Sample { labels, value }]);
        }
        let samples = data["result"].as_array().ok_or_else(unread)?;
        samples
            .iter()
            .map(|sample| {
                Some(Sample {
                    labels: labels(&sample["metric"])?,
                    value: point(&sample["value"])?.1,
                })
            })
            .collect::<Option<_>>()
            .ok_or_else(unread)
    }

    /// A query over a range of time, in steps.
    pub fn query_range(
        &self,
        expr: &str,
        (from_s, to_s): (f64, f64),
        step: Duration,
    ) -> Result<Vec<Series>, ServerError> {
        let texts = [from_s, to_s, step.as_secs_f64()].map(|seconds| format!("{seconds:.3}"));
        let parameters = [
            ("query", expr),
            ("start", texts[0].as_str()),
            ("end", texts[1].as_str()),
            ("step", texts[2].as_str()),
        ];
        let data = self.data("/api/v1/query_range", &parameters)?;
        let unread = || ServerError::Answer {
            asked: expr.to_owned(),
            answer: data.to_string(),
        };
        let series = data["result"].as_array().ok_or_else(unread)?;
        series
            .iter()
            .map(|series| {
                let points = series["values"].as_array()?.iter().map(point);
                Some(Series {
                    labels: labels(&series["metric"])?,
                    points: points.collect::<Option<_>>()?,
                })
            })
            .collect::<Option<_>>()
            .ok_or_else(unread)
    }

    /// The rules as it evaluates them: `data` of `/api/v1/rules`.
    pub fn rules(&self) -> Result<Value, ServerError> {
        self.data("/api/v1/rules", &[])
    }

    /// The number of Alertmanagers to which it sends alerts.
    pub fn alertmanagers(&self) -> Result<usize, ServerError> {
        let data = self.data("/api/v1/alertmanagers", &[])?;
        Ok(data["activeAlertmanagers"].as_array().map_or(0, Vec::len))
    }

    fn data(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, ServerError> {
        let mut answer = self.server.json(path, parameters)?;
        if answer["status"] != "success" || !answer["warnings"].is_null() {
            return Err(ServerError::Answer {
                asked: format!("{path} {parameters:?}"),
                answer: answer.to_string(),
            });
        }
        Ok(answer["data"].take())
    }
}

/// Writes configuration and rules; the path of the first.
fn write(dir: &Path, options: &PrometheusOptions) -> Result<PathBuf, ServerError> {
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text)
            .map(|()| path)
            .map_err(ServerError::io("writing a file for Prometheus"))
    };
    write("landfall.rules.yml", &options.rules)?;
    let interval_ms = options.interval.as_millis();
    let mut config = format!(
        "global:\n  scrape_interval: {interval_ms}ms\n  scrape_timeout: {interval_ms}ms\n  evaluation_interval: {interval_ms}ms\n\
         rule_files: [landfall.rules.yml]\nscrape_configs:\n"
    );
    for (job, address) in &options.targets {
        config.push_str(&format!(
            "- job_name: {job}\n  static_configs: [{{targets: ['{address}'], labels: {{instance: '{INSTANCE}'}}}}]\n"
        ));
    }
    if let Some(address) = options.alertmanager {
        config.push_str(&format!(
            "alerting:\n  alertmanagers:\n  - static_configs: [{{targets: ['{address}']}}]\n"
        ));
    }
    write("prometheus.yml", &config)
}

/// `[seconds, "value"]`.
fn point(value: &Value) -> Option<(f64, f64)> {
    let at_s = value.get(0)?.as_f64()?;
    let value = match value.get(1)?.as_str()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    Some((at_s, value))
}

fn labels(value: &Value) -> Option<BTreeMap<String, String>> {
    value
        .as_object()?
        .iter()
        .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}
