//! Builds panels in one style: little code for each, the same look for all.

mod table;

use serde_json::{Map, Value, json};

use super::colours::{self, Named};
use super::model::*;

pub use table::Column;

/// Units, as Grafana calls them.
pub mod unit {
    pub const NUMBER: &str = "short";
    pub const NONE: &str = "none";
    pub const SECONDS: &str = "s";
    pub const BYTES: &str = "bytes";
    pub const BYTES_PER_SECOND: &str = "binBps";
    pub const RATIO: &str = "percentunit";
    pub const EVENTS_PER_SECOND: &str = "eps";
    pub const ROWS_PER_SECOND: &str = "rowsps";
    pub const OPERATIONS_PER_SECOND: &str = "ops";
    pub const SINCE: &str = "dateTimeFromNow";
    pub const DATE: &str = "dateTimeAsIso";
    pub const MESSAGES_PER_SECOND: &str = "mps";
}

/// The anchor of docs/OPERATIONS.md that a panel links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor(pub &'static str);

/// A panel that is being built.
#[derive(Clone, Debug)]
pub struct Draft {
    pub panel: Panel,
    pub anchor: Option<Anchor>,
}

impl Draft {
    fn new(
        title: &'static str,
        description: &str,
        options: Options,
        custom: Option<Custom>,
    ) -> Self {
        let defaults = Defaults {
            unit: unit::NUMBER,
            custom,
            ..Defaults::default()
        };
        Self {
            panel: Panel {
                id: 0,
                title,
                description: description.to_owned(),
                datasource: PROMETHEUS,
                grid_pos: GridPos {
                    h: 8,
                    w: 12,
                    x: 0,
                    y: 0,
                },
                links: Vec::new(),
                options,
                field_config: FieldConfig {
                    defaults,
                    overrides: Vec::new(),
                },
                targets: Vec::new(),
                transformations: Vec::new(),
            },
            anchor: None,
        }
    }

    /// A graph of lines over time.
    pub fn graph(title: &'static str, description: &str) -> Self {
        let options = TimeseriesOptions {
            legend: Legend::list(),
            tooltip: Tooltip::ALL,
        };
        let custom = Graph {
            draw_style: "line",
            line_interpolation: "linear",
            line_width: 1,
            fill_opacity: 10,
            show_points: "auto",
            span_nulls: false,
            axis_soft_min: 0.0,
            stacking: Stacking {
                mode: StackingMode::None,
                group: "A",
            },
            thresholds_style: ThresholdsStyle { mode: "off" },
        };
        Self::new(
            title,
            description,
            Options::Timeseries(options),
            Some(Custom::Graph(custom)),
        )
    }

    /// One number, of the end of the chosen time.
    pub fn number(title: &'static str, description: &str) -> Self {
        let options = StatOptions {
            graph_mode: "none",
            color_mode: "value",
            justify_mode: "auto",
            text_mode: "auto",
            wide_layout: true,
            show_percent_change: false,
            orientation: "auto",
            reduce_options: Reduce {
                values: false,
                calcs: vec!["lastNotNull"],
                fields: "",
            },
        };
        let mut draft = Self::new(title, description, Options::Stat(options), None);
        draft.panel.grid_pos = GridPos {
            h: 4,
            w: 4,
            x: 0,
            y: 0,
        };
        draft
    }

    /// A table, with no columns yet.
    pub fn table(title: &'static str, description: &str) -> Self {
        let options = TableOptions {
            frame_index: 0,
            show_header: true,
            cell_height: "sm",
            sort_by: Vec::new(),
            footer: TableFooter {
                show: false,
                reducer: vec!["sum"],
                count_rows: false,
                enable_pagination: true,
            },
        };
        let custom = Cell {
            align: "auto",
            inspect: false,
            filterable: true,
            cell_options: CellStyle::Auto,
        };
        Self::new(
            title,
            description,
            Options::Table(options),
            Some(Custom::Cell(custom)),
        )
    }

    /// States over time, a line for each series.
    pub fn states(title: &'static str, description: &str) -> Self {
        let options = StateTimelineOptions {
            show_value: "never",
            row_height: 0.9,
            merge_values: true,
            align_value: "left",
            legend: Legend::list(),
            tooltip: Tooltip::ONE,
        };
        let custom = Timeline {
            line_width: 0,
            fill_opacity: 80,
        };
        Self::new(
            title,
            description,
            Options::StateTimeline(options),
            Some(Custom::Timeline(custom)),
        )
    }

    /// How often which value of a histogram came, over time.
    pub fn heatmap(title: &'static str, description: &str) -> Self {
        let options = HeatmapOptions {
            calculate: false,
            // One hue from dark to light, which no colour blindness takes away.
            color: HeatColor {
                mode: "scheme",
                scheme: "Blues",
                fill: "dark-orange",
                scale: "exponential",
                exponent: 0.5,
                steps: 64,
                reverse: false,
            },
            show_value: "never",
            cell_gap: 1,
            cell_values: Cells { unit: unit::NUMBER },
            y_axis: YAxis {
                unit: unit::SECONDS,
                axis_placement: "left",
            },
            legend: ShowLegend { show: true },
            tooltip: HeatTooltip {
                mode: "single",
                y_histogram: false,
                show_color_scale: true,
            },
            exemplars: Exemplars {
                color: colours::NEUTRAL,
            },
        };
        Self::new(title, description, Options::Heatmap(options), None)
    }

    pub fn unit(mut self, unit: &'static str) -> Self {
        self.panel.field_config.defaults.unit = unit;
        self
    }

    pub fn decimals(mut self, decimals: u8) -> Self {
        self.panel.field_config.defaults.decimals = Some(decimals);
        self
    }

    pub fn span(mut self, w: u32, h: u32) -> Self {
        self.panel.grid_pos = GridPos { h, w, x: 0, y: 0 };
        self
    }

    pub fn bounds(mut self, min: f64, max: Option<f64>) -> Self {
        let defaults = &mut self.panel.field_config.defaults;
        (defaults.min, defaults.max) = (Some(min), max);
        self
    }

    /// What is shown if there is no series at all.
    pub fn no_value(mut self, text: &'static str) -> Self {
        self.panel.field_config.defaults.no_value = Some(text);
        self
    }

    /// The section of docs/OPERATIONS.md about what the panel shows.
    pub fn see(mut self, anchor: &'static str) -> Self {
        self.anchor = Some(Anchor(anchor));
        self
    }

    pub fn stacked(mut self) -> Self {
        if let Some(Custom::Graph(graph)) = &mut self.panel.field_config.defaults.custom {
            graph.stacking.mode = StackingMode::Normal;
            graph.fill_opacity = 60;
        }
        self
    }

    /// Values hold until the next one.
    pub fn steps(mut self) -> Self {
        if let Some(Custom::Graph(graph)) = &mut self.panel.field_config.defaults.custom {
            graph.line_interpolation = "stepAfter";
        }
        self
    }

    /// Values and highest values of each series below the graph.
    pub fn with_values(mut self) -> Self {
        if let Options::Timeseries(options) = &mut self.panel.options {
            options.legend = Legend::table();
        }
        self
    }

    /// One colour whatever the value.
    pub fn coloured(mut self, colour: &'static str) -> Self {
        self.panel.field_config.defaults.color = Color {
            mode: ColorMode::Fixed,
            fixed_color: Some(colour),
        };
        self
    }

    /// The colour changes with the value: `first`, and from each value on another one.
    pub fn thresholds(mut self, first: &'static str, steps: &[(f64, &'static str)]) -> Self {
        let steps = steps.iter().map(|&(value, color)| Threshold {
            value: Some(value),
            color,
        });
        let steps = [Threshold {
            value: None,
            color: first,
        }]
        .into_iter()
        .chain(steps)
        .collect();
        let defaults = &mut self.panel.field_config.defaults;
        defaults.color = Color {
            mode: ColorMode::Thresholds,
            fixed_color: None,
        };
        defaults.thresholds = Some(Thresholds {
            mode: "absolute",
            steps,
        });
        self
    }

    /// Texts and colours for values of a state.
    pub fn states_are(mut self, states: &[(&str, &'static str, &'static str)]) -> Self {
        let texts = states
            .iter()
            .zip(0..)
            .map(|(&(value, text, color), index)| {
                (
                    value.to_owned(),
                    MappingResult {
                        text: Some(text),
                        color,
                        index,
                    },
                )
            });
        let mapping = Mapping::Value(texts.collect());
        self.panel.field_config.defaults.mappings.push(mapping);
        self
    }

    /// The colour of each series by its name.
    pub fn named(mut self, table: &[Named]) -> Self {
        for &(name, colour) in table {
            let color = json!({ "fixedColor": colour, "mode": "fixed" });
            self = self.override_name(name, &[("color", color)]);
        }
        self
    }

    /// Properties that are different for one series or column.
    pub fn override_name(mut self, name: &str, properties: &[(&'static str, Value)]) -> Self {
        let properties = properties.iter().map(|(id, value)| Property {
            id,
            value: value.clone(),
        });
        let matcher = Matcher {
            id: "byName",
            options: name.to_owned(),
        };
        let found = Override {
            matcher,
            properties: properties.collect(),
        };
        self.panel.field_config.overrides.push(found);
        self
    }

    /// The values of this column link to a dashboard on which that value alone is chosen.
    pub fn leads_to(self, column: &'static str, uid: &str) -> Self {
        let url = format!(
            "/d/{uid}?var-{column}=${{__data.fields.{column}:percentencode}}&${{datasource:queryparam}}&${{job:queryparam}}&${{instance:queryparam}}&${{__url_time_range}}"
        );
        let links = json!([{ "title": "This one alone", "url": url }]);
        self.override_name(column, &[("links", links)])
    }

    /// Colours for the texts of one column.
    pub fn texts(self, name: &str, colours: &[Named]) -> Self {
        let texts: Map<_, _> = colours
            .iter()
            .zip(0u32..)
            .map(|(&(text, color), index)| {
                (
                    text.to_owned(),
                    json!({ "color": color, "index": index, "text": text }),
                )
            })
            .collect();
        let mappings = json!([{ "options": texts, "type": "value" }]);
        let style = json!({ "type": "color-text" });
        self.override_name(
            name,
            &[("mappings", mappings), ("custom.cellOptions", style)],
        )
    }

    /// A line that bounds the others: dashed, and not filled.
    pub fn limit(self, name: &str) -> Self {
        self.override_name(
            name,
            &[
                (
                    "color",
                    json!({ "fixedColor": colours::BAD, "mode": "fixed" }),
                ),
                (
                    "custom.lineStyle",
                    json!({ "dash": [10, 10], "fill": "dash" }),
                ),
                ("custom.fillOpacity", json!(0)),
            ],
        )
    }

    /// Adds a query over the chosen time; `legend` names the series.
    pub fn ask(self, legend: &str, expr: impl Into<String>) -> Self {
        let format = match self.panel.options {
            Options::Heatmap(_) => Format::Heatmap,
            _ => Format::TimeSeries,
        };
        self.push(legend, expr.into(), format, false)
    }

    /// Adds a query at the end of the chosen time.
    pub fn ask_now(self, legend: &str, expr: impl Into<String>) -> Self {
        self.push(legend, expr.into(), Format::TimeSeries, true)
    }

    fn push(mut self, legend: &str, expr: String, format: Format, instant: bool) -> Self {
        let ref_id = char::from(b'A' + u8::try_from(self.panel.targets.len()).unwrap_or(25));
        self.panel.targets.push(Target {
            ref_id: ref_id.to_string(),
            datasource: PROMETHEUS,
            editor_mode: "code",
            expr,
            format,
            instant,
            range: !instant,
            legend_format: legend.to_owned(),
        });
        self
    }

    pub fn sorted(mut self, column: &'static str) -> Self {
        if let Options::Table(options) = &mut self.panel.options {
            options.sort_by = vec![SortBy {
                display_name: column,
                desc: true,
            }];
        }
        self
    }
}
