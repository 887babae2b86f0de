//! Whether every query has an answer: all rules, and every query of every panel.

use std::time::Duration;

use landfall_ops::grafana::{Values, queries};

use super::played::{INTERVAL, MonitoredDay};

/// Between two points of an answer over the day.
const STEP: Duration = Duration::from_millis(500);

/// Panels, marks and variables that have no answer on this day, and why.
const UNANSWERED: [(&str, &str); 8] = [
    (" / annotation / Starts", "Landfall is not restarted"),
    (" / annotation / Reloads", "nothing is reloaded"),
    (" / Calls that failed / ", "no check fails"),
    (" / Rows that were not judged / ", "no check fails"),
    (
        " / Rows that a schema takes too long for / ",
        "no schema is costly",
    ),
    (" / Invalid rows without a place / ", "no schema is costly"),
    (" / Schemas suspended / ", "no schema is costly"),
    (" / Waiting for room / ", "no queue is full"),
];

/// These may be below 0: the rest of an objective, and clocks.
const SIGNED: [&str; 3] = [
    " / Delivery objectives / ",
    " / Clock / ",
    " / Store's clock / ",
];

/// Every rule is evaluated without an error.
pub fn rules(day: &MonitoredDay) -> Vec<String> {
    let answer = day.prometheus.rules().expect("rules");
    let groups = answer["groups"].as_array().expect("groups");
    let rules: Vec<_> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"))
        .collect();
    let alerts = rules
        .iter()
        .filter(|rule| rule["type"] == "alerting")
        .count();
    println!(
        "{} rules are evaluated, {alerts} of them alerts",
        rules.len()
    );
    let mut findings: Vec<String> = rules
        .iter()
        .filter(|rule| rule["health"] != "ok")
        .map(|rule| {
            format!(
                "{} is {}: {}",
                rule["name"], rule["health"], rule["lastError"]
            )
        })
        .collect();
    let groups = landfall_ops::prometheus::groups(&landfall_ops::Parameters::default());
    let generated: usize = groups
        .iter()
        .map(|group| group.recordings.len() + group.alerts.len())
        .sum();
    if generated != rules.len() {
        findings.push(format!(
            "{generated} are generated, {} evaluated",
            rules.len()
        ));
    }
    findings
}

/// Every query answers over the day with numbers that are finite and of the right sign. An absent value (a
/// percentile of nothing) is no number.
pub fn over_the_day(day: &MonitoredDay) -> Vec<String> {
    let (from_s, to_s) = day.range_s();
    let values = Values {
        rate_interval: format!("{}ms", 8 * INTERVAL.as_millis()),
        range: format!("{}ms", ((to_s - from_s) * 1000.0) as u64),
        job: "landfall".into(),
        ..Values::default()
    };
    let asked = queries(&values);
    assert!(asked.len() > 50, "{} queries", asked.len());
    let mut findings = Vec::new();
    let mut answered = 0;
    println!("Every query over the day, series and numbers of the answer:");
    for query in &asked {
        let series = match day.prometheus.query_range(&query.expr, day.range_s(), STEP) {
            Ok(series) => series,
            Err(error) => {
                findings.push(format!("{}: {error}", query.origin));
                continue;
            }
        };
        let numbers: Vec<f64> = series
            .iter()
            .flat_map(|one| one.points.iter().map(|(_, value)| *value))
            .filter(|value| !value.is_nan())
            .collect();
        println!(
            "  {:<90} {:>4} {:>6}",
            query.origin,
            series.len(),
            numbers.len()
        );
        let excused = UNANSWERED
            .iter()
            .find(|(origin, _)| query.origin.contains(origin));
        match (numbers.is_empty(), excused) {
            (true, None) => {
                findings.push(format!("{} has no answer: {}", query.origin, query.expr))
            }
            (false, Some((origin, reason))) => findings.push(format!(
                "{origin} has an answer after all ({reason}): take it off the list"
            )),
            (false, None) => answered += 1,
            (true, Some(_)) => {}
        }
        let signed = SIGNED.iter().any(|origin| query.origin.contains(origin));
        let wrong = numbers
            .iter()
            .find(|number| !number.is_finite() || (**number < 0.0 && !signed));
        if let Some(number) = wrong {
            findings.push(format!("{} answers {number}", query.origin));
        }
    }
    println!("{answered} of {} queries have an answer", asked.len());
    findings
}
