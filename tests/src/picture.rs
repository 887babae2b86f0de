//! A picture of a day: panels below each other over one axis of time, as SVG.
//!
//! This code writes it without a library of charts: its text has to follow the reader's light or dark page,
//! which an image can only do by a style sheet, and it has to be small.

use std::fmt::Write as _;

use crate::clock::log_time;

const WIDTH: f64 = 880.0;
/// Of the axis of values, and of the legend.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 118.0;
const HEAD: f64 = 30.0;
const PANEL: f64 = 104.0;
/// Above a panel, for its title.
const ABOVE: f64 = 30.0;
const FOOT: f64 = 34.0;
const LEGEND_LINE: f64 = 15.0;

/// Between two marks of time.
const TICK_MS: i64 = 3 * 3_600_000;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}.h{font-size:14px;font-weight:600}\
.a{text-anchor:end}.m{text-anchor:middle}.g{stroke:#8c959f;stroke-opacity:.35}.l{fill:none;stroke-width:1.6;stroke-linejoin:round}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}}";

/// Values over the day at even distances; None where there is none.
pub struct Line {
    pub name: String,
    pub colour: String,
    pub values: Vec<Option<f64>>,
}

pub struct Panel {
    pub title: String,
    /// What a value counts.
    pub unit: String,
    /// Whether the lines stand on each other.
    pub stacked: bool,
    pub lines: Vec<Line>,
}

/// The picture of all panels, from `from_ms` to `to_ms` by the day's clock.
pub fn svg(heading: &str, panels: &[Panel], (from_ms, to_ms): (i64, i64)) -> String {
    let height = HEAD + panels.len() as f64 * (ABOVE + PANEL) + FOOT;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\
         <title>{heading}</title><style>{STYLE}</style>\n"
    );
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "<text class=\"h\" x=\"0\" y=\"16\">{}</text>",
        escaped(heading)
    );
    let mut top = HEAD;
    for panel in panels {
        top += ABOVE;
        times(&mut text, top, (from_ms, to_ms), false);
        draw(&mut text, panel, top);
        top += PANEL;
    }
    times(&mut text, top - PANEL, (from_ms, to_ms), true);
    text.push_str("</svg>\n");
    text
}

/// Lines at the marks of time, or their words below the last panel.
fn times(text: &mut String, top: f64, (from_ms, to_ms): (i64, i64), words: bool) {
    let mut at_ms = (from_ms.div_euclid(TICK_MS) + 1) * TICK_MS;
    while at_ms < to_ms {
        let share = (at_ms - from_ms) as f64 / (to_ms - from_ms) as f64;
        let x = LEFT + share * plot_width();
        let bottom = top + PANEL;
        if words {
            let time = log_time(at_ms);
            let _ = writeln!(
                text,
                "<text class=\"m\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                bottom + 18.0,
                &time[11..16]
            );
        } else {
            let _ = writeln!(text, "<path class=\"g\" d=\"M{x:.1} {top}V{bottom}\"/>");
        }
        at_ms += TICK_MS;
    }
    if words {
        let _ = writeln!(
            text,
            "<text class=\"a\" x=\"{:.1}\" y=\"{:.1}\">UTC</text>",
            LEFT - 6.0,
            top + PANEL + 18.0
        );
    }
}

fn plot_width() -> f64 {
    WIDTH - LEFT - RIGHT
}

fn draw(text: &mut String, panel: &Panel, top: f64) {
    let bottom = top + PANEL;
    let _ = writeln!(
        text,
        "<text class=\"t\" x=\"{LEFT}\" y=\"{:.1}\">{} <tspan font-weight=\"400\">({})</tspan></text>",
        top - 9.0,
        escaped(&panel.title),
        escaped(&panel.unit)
    );
    let shown: Vec<&Line> = panel.lines.iter().filter(|line| has_values(line)).collect();
    let columns = shown
        .iter()
        .map(|line| line.values.len())
        .max()
        .unwrap_or(0);
    let sums = stacks(&shown, columns, panel.stacked);
    let highest = sums.iter().flatten().flatten().copied().fold(0.0, f64::max);
    let scale = Scale {
        top,
        highest: ceiling(highest),
        columns,
    };
    for part in 0..=2 {
        let value = scale.highest * f64::from(part) / 2.0;
        let y = scale.y(value);
        let _ = writeln!(
            text,
            "<path class=\"g\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text class=\"a\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT + plot_width(),
            LEFT - 6.0,
            y + 4.0,
            number(value)
        );
    }
    for (index, line) in shown.iter().enumerate() {
        let below = index
            .checked_sub(1)
            .filter(|_| panel.stacked)
            .map(|index| &sums[index]);
        let colour = &line.colour;
        if panel.stacked {
            let path = area(&sums[index], below, &scale);
            let _ = writeln!(
                text,
                "<path fill=\"{colour}\" fill-opacity=\".85\" d=\"{path}\"/>"
            );
        } else {
            let path = outline(&sums[index], &scale);
            let _ = writeln!(text, "<path class=\"l\" stroke=\"{colour}\" d=\"{path}\"/>");
        }
        let y = top + 10.0 + index as f64 * LEGEND_LINE;
        let x = LEFT + plot_width() + 10.0;
        let _ = writeln!(
            text,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
            y - 9.0,
            x + 15.0,
            escaped(&line.name)
        );
    }
    let _ = writeln!(text, "<path class=\"g\" d=\"M{LEFT} {top}V{bottom}\"/>");
}

fn has_values(line: &Line) -> bool {
    line.values.iter().flatten().any(|value| *value > 0.0)
}

/// The lines' own values, or each with those below it.
fn stacks(lines: &[&Line], columns: usize, stacked: bool) -> Vec<Vec<Option<f64>>> {
    let mut ground = vec![0.0; columns];
    let stack = |line: &&Line| {
        let place = |column: usize| {
            let value = line.values.get(column).copied().flatten();
            if !stacked {
                return value;
            }
            ground[column] += value.unwrap_or(0.0);
            Some(ground[column])
        };
        (0..columns).map(place).collect()
    };
    lines.iter().map(stack).collect()
}

struct Scale {
    top: f64,
    highest: f64,
    columns: usize,
}

impl Scale {
    fn x(&self, column: usize) -> f64 {
        LEFT + column as f64 * plot_width() / (self.columns.max(2) - 1) as f64
    }

    fn y(&self, value: f64) -> f64 {
        self.top + PANEL - value / self.highest * PANEL
    }
}

/// A line, broken where there is no value.
fn outline(values: &[Option<f64>], scale: &Scale) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (column, value) in values.iter().enumerate() {
        let Some(value) = value else {
            drawing = false;
            continue;
        };
        // A point on a straight line is not needed.
        let straight = drawing
            && column + 1 < values.len()
            && values[column - 1] == Some(*value)
            && values[column + 1] == Some(*value);
        if !straight {
            let letter = if drawing { 'L' } else { 'M' };
            let _ = write!(
                path,
                "{letter}{:.1} {:.1}",
                scale.x(column),
                scale.y(*value)
            );
        }
        drawing = true;
    }
    path
}

/// The area between a line and the one below it.
fn area(values: &[Option<f64>], below: Option<&Vec<Option<f64>>>, scale: &Scale) -> String {
    let ground = vec![Some(0.0); values.len()];
    let below = below.unwrap_or(&ground);
    let mut path = String::new();
    let mut from = 0;
    while from < values.len() {
        if values[from] == below[from] {
            from += 1;
            continue;
        }
        let thick = (from..values.len()).take_while(|column| values[*column] != below[*column]);
        let to = from + thick.count();
        // From the neighbours, so that an area of one column is visible.
        let range = from.saturating_sub(1)..(to + 1).min(values.len());
        let points = |line: &[Option<f64>], columns: &mut dyn Iterator<Item = usize>| {
            let mut points = String::new();
            for column in columns {
                let value = line[column].unwrap_or(0.0);
                let letter = if points.is_empty() { "" } else { "L" };
                let _ = write!(
                    points,
                    "{letter}{:.1} {:.1}",
                    scale.x(column),
                    scale.y(value)
                );
            }
            points
        };
        let upper = points(values, &mut range.clone());
        let lower = points(below, &mut range.rev());
        let _ = write!(path, "M{upper}L{lower}Z");
        from = to;
    }
    path
}

/// The next number above that is easy to read, halved too.
fn ceiling(highest: f64) -> f64 {
    if highest <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(highest.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= highest);
    step.unwrap_or(10.0) * power
}

fn number(value: f64) -> String {
    if value >= 1000.0 && value % 100.0 == 0.0 {
        format!("{}k", value / 1000.0)
    } else {
        format!("{value}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_drawn_with_axes_and_legends_and_without_what_has_no_value() {
        let line = |name: &str, values: &[Option<f64>]| Line {
            name: name.into(),
            colour: "#112233".into(),
            values: values.to_vec(),
        };
        let panels = [
            Panel {
                title: "a < b".into(),
                unit: "events a minute".into(),
                stacked: true,
                lines: vec![
                    line("one", &[Some(1.0), Some(2.0), Some(2.0)]),
                    line("none", &[Some(0.0), None, Some(0.0)]),
                    line("two", &[Some(0.0), Some(3.0), Some(0.0)]),
                ],
            },
            Panel {
                title: "c".into(),
                unit: "minutes".into(),
                stacked: false,
                lines: vec![line("three", &[Some(1.0), None, Some(5.0)])],
            },
        ];
        let text = svg("The day", &panels, (1_416_276_000_000, 1_416_300_000_000));
        assert!(
            text.contains("a &lt; b") && text.contains(">6<") && text.contains(">03:00<"),
            "{text}"
        );
        assert!(
            text.contains(">one<") && text.contains(">two<") && !text.contains(">none<"),
            "{text}"
        );
        // A gap is no line.
        assert!(text.contains("d=\"M62.0 280.7M762.0 211.3\""), "{text}");
    }

    #[test]
    fn an_axis_ends_at_a_number_that_is_easy_to_read() {
        for (highest, end) in [
            (0.0, 1.0),
            (0.7, 0.8),
            (1.0, 1.0),
            (53.0, 60.0),
            (17_345.0, 20_000.0),
        ] {
            assert!((ceiling(highest) - end).abs() < 1e-9, "{highest}");
        }
        assert_eq!(
            (number(20_000.0), number(0.5)),
            ("20k".into(), "0.5".into())
        );
    }
}
