//! Pieces of PromQL with Grafana's variables in them.
//!
//! Every query names job and instance, so that several Landfalls and other programs can share one
//! Prometheus. Rates are over `$__rate_interval`, which is never shorter than four scrapes; counts over the chosen
//! time are over `$__range`. Restarts do no harm: `rate` and `increase` notice that a counter began anew.

/// The chosen schemas, streams and checks.
pub const SCHEMA: &str = r#"schema=~"$schema""#;
pub const STREAM: &str = r#"stream=~"$stream""#;
pub const CHECK: &str = r#"check=~"$check""#;

/// The scrape target.
const TARGET: &str = r#"job=~"$job",instance=~"$instance""#;

/// Most series that a panel draws where there may be 500.
pub const SERIES_MAX: u32 = 10;

/// All series of a metric that the variables choose.
pub fn all(metric: &str, matchers: &[&str]) -> String {
    let matchers: String = matchers
        .iter()
        .map(|matcher| format!(",{matcher}"))
        .collect();
    format!("{metric}{{{TARGET}{matchers}}}")
}

/// By how much a counter grows in a second.
pub fn rate(metric: &str, matchers: &[&str]) -> String {
    format!("rate({}[$__rate_interval])", all(metric, matchers))
}

/// By how much a counter grew over the chosen time.
pub fn grown(metric: &str, matchers: &[&str]) -> String {
    format!("increase({}[$__range])", all(metric, matchers))
}

/// The same, of a single number, for each point of a graph: over the chosen time as a whole.
pub fn grown_in_all(metric: &str, matchers: &[&str]) -> String {
    format!("increase({}[$__range] @ end())", all(metric, matchers))
}

pub fn sum(of: &str) -> String {
    format!("sum({of})")
}

pub fn sum_by(labels: &str, of: &str) -> String {
    format!("sum by ({labels}) ({of})")
}

pub fn max_by(labels: &str, of: &str) -> String {
    format!("max by ({labels}) ({of})")
}

/// The rate by a label, for those values of the label at which the counter grew most over the chosen time: so a
/// graph has the same few series from left to right.
pub fn top_rates(label: &str, metric: &str, matchers: &[&str]) -> String {
    top(
        label,
        &sum_by(label, &rate(metric, matchers)),
        &sum_by(label, &grown_in_all(metric, matchers)),
    )
}

/// A gauge by a label, for those values of the label at which it was highest in the chosen time.
pub fn top_gauges(label: &str, metric: &str, matchers: &[&str]) -> String {
    top(
        label,
        &sum_by(label, &all(metric, matchers)),
        &max_by(
            label,
            &format!("max_over_time({}[$__range] @ end())", all(metric, matchers)),
        ),
    )
}

/// `shown`, for the values of a label at which `ranked` is highest and above 0.
pub fn top(label: &str, shown: &str, ranked: &str) -> String {
    format!("{shown}\n  and on ({label}) topk({SERIES_MAX}, {ranked} > 0)")
}

/// A counter that may have no series yet: 0 then, by the labels of `like`, which has one.
pub fn or_zero(of: &str, like: &str) -> String {
    format!("({of} or 0 * {like})")
}

/// Events that are missing now, as docs/METRICS.md defines it. The counter of revisions has no series before the first
/// revision, and a difference with no series would be no series.
pub fn missing_now(by: &str) -> String {
    let first = sum_by(
        by,
        &all("landfall_events_total", &[r#"verdict="missing""#, SCHEMA]),
    );
    let revised = sum_by(
        by,
        &all(
            "landfall_verdicts_revised_total",
            &[r#"from="missing""#, SCHEMA],
        ),
    );
    format!("{first}\n  - {}", or_zero(&revised, &first))
}

/// A part of a whole, where there is a whole.
pub fn ratio(part: &str, whole: &str) -> String {
    format!("{part}\n  / ({whole} > 0)")
}

/// A percentile of a histogram's rates, by labels beside `le`.
pub fn quantile(quantile: &str, by: &str, metric: &str, matchers: &[&str]) -> String {
    let by = if by.is_empty() {
        "le".into()
    } else {
        format!("le, {by}")
    };
    let buckets = sum_by(&by, &rate(&format!("{metric}_bucket"), matchers));
    format!("histogram_quantile({quantile}, {buckets})")
}

/// What was computed for each check and instance, by check and the version that judges. A check whose version is
/// unknown is there without one.
pub fn by_version(of: &str) -> String {
    let info = all("landfall_check_info", &[CHECK]);
    format!(
        "sum by (check, version) (\n  {of} * on (job, instance, check) group_left (version) {info}\n  or {of} unless on (job, instance, check) {info}\n)"
    )
}
