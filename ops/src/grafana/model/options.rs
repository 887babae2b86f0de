//! The options of each kind of panel. The published types demand most of these members.

use serde::Serialize;

/// Kind and options of a panel.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", content = "options", rename_all = "kebab-case")]
pub enum Options {
    Timeseries(TimeseriesOptions),
    Stat(StatOptions),
    Table(TableOptions),
    Heatmap(HeatmapOptions),
    StateTimeline(StateTimelineOptions),
}

#[derive(Clone, Debug, Serialize)]
pub struct TimeseriesOptions {
    pub legend: Legend,
    pub tooltip: Tooltip,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Legend {
    pub display_mode: &'static str,
    pub placement: &'static str,
    pub show_legend: bool,
    pub calcs: Vec<&'static str>,
}

impl Legend {
    /// Below the graph, a line for each series with its last and highest value.
    pub fn table() -> Self {
        Self {
            display_mode: "table",
            placement: "bottom",
            show_legend: true,
            calcs: vec!["lastNotNull", "max"],
        }
    }

    /// Below the graph, the names alone.
    pub fn list() -> Self {
        Self {
            display_mode: "list",
            calcs: Vec::new(),
            ..Self::table()
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Tooltip {
    pub mode: &'static str,
    pub sort: &'static str,
}

impl Tooltip {
    /// All series at the cursor, the highest first.
    pub const ALL: Self = Self {
        mode: "multi",
        sort: "desc",
    };
    pub const ONE: Self = Self {
        mode: "single",
        sort: "none",
    };
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatOptions {
    pub graph_mode: &'static str,
    pub color_mode: &'static str,
    pub justify_mode: &'static str,
    pub text_mode: &'static str,
    pub wide_layout: bool,
    pub show_percent_change: bool,
    pub orientation: &'static str,
    pub reduce_options: Reduce,
}

/// Which of the values of a series is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Reduce {
    pub values: bool,
    pub calcs: Vec<&'static str>,
    pub fields: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableOptions {
    pub frame_index: u32,
    pub show_header: bool,
    pub cell_height: &'static str,
    pub sort_by: Vec<SortBy>,
    pub footer: TableFooter,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SortBy {
    pub display_name: &'static str,
    pub desc: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableFooter {
    pub show: bool,
    pub reducer: Vec<&'static str>,
    pub count_rows: bool,
    /// Pages instead of one long list.
    pub enable_pagination: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeatmapOptions {
    pub calculate: bool,
    pub color: HeatColor,
    pub show_value: &'static str,
    pub cell_gap: u8,
    pub cell_values: Cells,
    pub y_axis: YAxis,
    pub legend: ShowLegend,
    pub tooltip: HeatTooltip,
    pub exemplars: Exemplars,
}

#[derive(Clone, Debug, Serialize)]
pub struct HeatColor {
    pub mode: &'static str,
    pub scheme: &'static str,
    pub fill: &'static str,
    pub scale: &'static str,
    pub exponent: f64,
    pub steps: u8,
    pub reverse: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Cells {
    pub unit: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct YAxis {
    pub unit: &'static str,
    pub axis_placement: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub struct ShowLegend {
    pub show: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeatTooltip {
    pub mode: &'static str,
    pub y_histogram: bool,
    pub show_color_scale: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Exemplars {
    pub color: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateTimelineOptions {
    pub show_value: &'static str,
    pub row_height: f64,
    pub merge_values: bool,
    pub align_value: &'static str,
    pub legend: Legend,
    pub tooltip: Tooltip,
}
