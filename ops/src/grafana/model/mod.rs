//! The format of Grafana's dashboards, as far as it is used: schema version 39, which Grafana 10.4 and 11 write
//! themselves and later releases read and convert.
//!
//! Knows nothing of Landfall. A test checks what comes out against the types that Grafana publishes.

mod field;
mod options;
mod panel;

use serde::Serialize;

pub use field::{
    Cell, CellStyle, Color, ColorMode, Custom, Defaults, FieldConfig, Graph, Mapping,
    MappingResult, Matcher, Override, Property, Stacking, StackingMode, Threshold, Thresholds,
    ThresholdsStyle, Timeline,
};
pub use options::{
    Cells, Exemplars, HeatColor, HeatTooltip, HeatmapOptions, Legend, Options, Reduce, ShowLegend,
    SortBy, StatOptions, StateTimelineOptions, TableFooter, TableOptions, TimeseriesOptions,
    Tooltip, YAxis,
};
pub use panel::{Entry, Format, GridPos, Panel, Row, Target, Transformation};

/// The version of the format. A Grafana that is newer converts what is older.
pub const SCHEMA_VERSION: u32 = 39;

/// The data source of a panel, a variable or an annotation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataSource {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub uid: &'static str,
}

/// The Prometheus that is chosen above the dashboard.
pub const PROMETHEUS: DataSource = DataSource {
    kind: "prometheus",
    uid: "${datasource}",
};

/// A dashboard, as in the file that Grafana reads.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dashboard {
    pub uid: &'static str,
    pub title: &'static str,
    pub description: String,
    pub tags: Vec<&'static str>,
    pub timezone: &'static str,
    pub editable: bool,
    /// 1: the cursor of one panel is shown in all.
    pub graph_tooltip: u8,
    pub time: TimeRange,
    pub timepicker: TimePicker,
    pub refresh: &'static str,
    pub schema_version: u32,
    pub version: u32,
    pub links: Vec<Link>,
    pub templating: Templating,
    pub annotations: Annotations,
    pub panels: Vec<Entry>,
}

#[derive(Clone, Debug, Serialize)]
pub struct TimeRange {
    pub from: &'static str,
    pub to: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub struct TimePicker {
    pub refresh_intervals: Vec<&'static str>,
}

/// A link above a dashboard or in the corner of a panel.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    pub title: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub icon: &'static str,
    pub tooltip: String,
    pub url: String,
    pub tags: Vec<&'static str>,
    pub as_dropdown: bool,
    pub target_blank: bool,
    pub include_vars: bool,
    pub keep_time: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Templating {
    pub list: Vec<Variable>,
}

/// A choice above the dashboard.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub name: &'static str,
    pub label: &'static str,
    pub description: String,
    pub query: VariableQuery,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasource: Option<DataSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
    pub multi: bool,
    pub include_all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_value: Option<&'static str>,
    /// 0 shows the variable.
    pub hide: u8,
    /// 1: asked when the dashboard is loaded; 2: whenever the time range changes.
    pub refresh: u8,
    pub regex: &'static str,
    /// 1: in the order of the alphabet.
    pub sort: u8,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum VariableQuery {
    /// The kind of datasource to choose from.
    Kind(&'static str),
    Values {
        query: String,
        /// 1: values of a label.
        #[serde(rename = "qryType")]
        qry_type: u8,
        #[serde(rename = "refId")]
        ref_id: &'static str,
    },
}

#[derive(Clone, Debug, Serialize)]
pub struct Current {
    pub selected: bool,
    pub text: Vec<&'static str>,
    pub value: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Annotations {
    pub list: Vec<Annotation>,
}

/// Marks on the time axis of every panel.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    pub name: &'static str,
    pub datasource: DataSource,
    pub enable: bool,
    pub hide: bool,
    pub icon_color: &'static str,
    pub expr: String,
    pub step: &'static str,
    pub title_format: &'static str,
    pub text_format: &'static str,
    pub tag_keys: &'static str,
}
