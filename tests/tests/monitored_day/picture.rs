//! The picture in the README: the panels of the operators' dashboard over the day, from Prometheus' own
//! data.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_ops::grafana::{Scene, Values, story};
use landfall_tests::paths;
use landfall_tests::picture::{Line, Panel, svg};

use super::played::{MonitoredDay, SPEED};

/// Points from left to right.
const COLUMNS: usize = 240;

/// The largest file that a README should load.
const BYTES_MAX: usize = 60_000;

/// This much of the day before the first outage and after the last one is drawn.
const BEFORE_MS: i64 = 72 * 60_000;

pub fn keep(day: &MonitoredDay) {
    let (first_s, last_s) = day.range_s();
    let outages = day.outages();
    let from_s = first_s.max(day.real_s(outages[0].from_ms - BEFORE_MS));
    let to_s = last_s.min(day.real_s(outages[outages.len() - 1].to_ms + BEFORE_MS));
    let step = Duration::from_secs_f64((to_s - from_s) / (COLUMNS - 1) as f64);
    let values = Values {
        // Of twenty minutes of the day.
        rate_interval: "1800ms".into(),
        range: format!("{}ms", ((to_s - from_s) * 1000.0) as u64),
        job: "landfall".into(),
        ..Values::default()
    };
    let panels: Vec<Panel> = story()
        .iter()
        .map(|scene| panel(day, scene, &values, (from_s, to_s), step))
        .collect();
    let heading = "18 November 2014, replayed: the writer dies five times";
    let range_ms = (
        day.of_real((from_s * 1000.0) as i64),
        day.of_real((to_s * 1000.0) as i64),
    );
    let text = svg(heading, &panels, range_ms);
    assert!(text.len() < BYTES_MAX, "{} bytes", text.len());
    let dir = paths::workspace().join("docs/images");
    std::fs::create_dir_all(&dir).expect("a directory");
    std::fs::write(dir.join("day.svg"), text).expect("written");
}

fn panel(
    day: &MonitoredDay,
    scene: &Scene,
    values: &Values,
    range_s: (f64, f64),
    step: Duration,
) -> Panel {
    // By the day's clock: Prometheus' seconds are real.
    let (unit, factor) = match scene.unit {
        "eps" => ("events a minute", 60.0 / SPEED),
        "s" => ("minutes", 1.0 / 60.0),
        _ if scene.title.starts_with("Incidents") => ("incidents", 1.0),
        _ => ("events", 1.0),
    };
    let mut lines = Vec::new();
    for line in &scene.lines {
        let expr = values.put_into(&line.expr);
        let answer = day
            .prometheus
            .query_range(&expr, range_s, step)
            .expect("an answer");
        let mut found: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
        for series in &answer {
            let name = match line.label {
                Some(label) => series.labels.get(label).map_or("", String::as_str),
                None => line.colours[0].0,
            };
            let mut points = vec![None; COLUMNS];
            for (at_s, value) in &series.points {
                let column = ((at_s - range_s.0) / step.as_secs_f64()).round() as usize;
                if let Some(place) = points.get_mut(column).filter(|_| value.is_finite()) {
                    *place = Some(value * factor);
                }
            }
            found.insert(name, points);
        }
        for (name, colour) in &line.colours {
            if let Some(values) = found.remove(name) {
                lines.push(Line {
                    name: (*name).to_owned(),
                    colour: (*colour).to_owned(),
                    values,
                });
            }
        }
    }
    Panel {
        title: scene.title.to_owned(),
        unit: unit.to_owned(),
        stacked: scene.stacked,
        lines,
    }
}
