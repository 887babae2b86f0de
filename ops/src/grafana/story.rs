//! The panels that show best what happened, for the demo, which draws them without Grafana.

use super::build::unit;
use super::colours::{BAD, CAUSES, NEUTRAL, Named, SEVERITIES, VERDICTS, of};
use super::model::Panel;
use super::{dashboards, titles};
use crate::Parameters;

/// A panel of the operators' dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    pub title: &'static str,
    /// Grafana's name of the unit: `eps` is events a second, `s` seconds, `short` a number.
    pub unit: &'static str,
    /// Whether the lines are stacked.
    pub stacked: bool,
    pub lines: Vec<Line>,
}

/// One query, and the series that it may answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The label whose value names a series; None: the one series has the name in `colours`.
    pub label: Option<&'static str>,
    /// With Grafana's variables; [`super::Values::put_into`] fills them in.
    pub expr: String,
    /// Series and their colours.
    pub colours: Vec<Named>,
}

/// What came in and its verdicts, what waits, what is missing, the incidents, the latency: in the order
/// in which they are to be drawn.
pub fn story() -> Vec<Scene> {
    let [operators, _] = dashboards(&Parameters::default());
    let asked = |title: &str, query: usize| {
        let panel: Option<&Panel> = operators.panels().find(|panel| panel.title == title);
        let target = panel.and_then(|panel| panel.targets.get(query));
        target.map(|target| target.expr.clone()).unwrap_or_default()
    };
    let one = |title, query, name, colour| Line {
        label: None,
        expr: asked(title, query),
        colours: vec![(name, colour)],
    };
    let by = |title, label, colours: &[Named]| Line {
        label: Some(label),
        expr: asked(title, 0),
        colours: colours.to_vec(),
    };
    let scene = |title, unit, stacked, lines| Scene {
        title,
        unit,
        stacked,
        lines,
    };
    let severity = |name| of(&SEVERITIES, name);
    vec![
        scene(
            titles::VERDICTS,
            unit::EVENTS_PER_SECOND,
            true,
            vec![by(titles::VERDICTS, "verdict", &VERDICTS)],
        ),
        scene(
            titles::WAITING,
            unit::NUMBER,
            false,
            vec![one(titles::WAITING, 0, "all schemas", NEUTRAL)],
        ),
        scene(
            titles::MISSING,
            unit::NUMBER,
            false,
            vec![one(titles::MISSING, 0, "all schemas", BAD)],
        ),
        scene(
            titles::INCIDENTS,
            unit::NUMBER,
            true,
            vec![by(titles::INCIDENTS, "cause", &CAUSES)],
        ),
        scene(
            titles::LATENCY,
            unit::SECONDS,
            false,
            vec![
                one(titles::LATENCY, 0, "p50", severity("info")),
                one(titles::LATENCY, 1, "p90", severity("warning")),
                one(titles::LATENCY, 2, "p99", severity("critical")),
            ],
        ),
    ]
}
