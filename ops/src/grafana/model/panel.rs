//! Panels, their places and their queries.

use serde::Serialize;
use serde_json::Value;

use super::{DataSource, FieldConfig, Link, Options};

/// A row or a panel of a dashboard, from top to bottom.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Entry {
    Row(Row),
    Panel(Box<Panel>),
}

/// A title above the panels that follow.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: u32,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: &'static str,
    pub collapsed: bool,
    pub grid_pos: GridPos,
    /// The panels of a row that is collapsed; all rows here are open.
    pub panels: [(); 0],
}

/// Place and size in units of the grid, which is 24 wide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GridPos {
    pub h: u32,
    pub w: u32,
    pub x: u32,
    pub y: u32,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    pub id: u32,
    pub title: &'static str,
    pub description: String,
    pub datasource: DataSource,
    pub grid_pos: GridPos,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    #[serde(flatten)]
    pub options: Options,
    pub field_config: FieldConfig,
    pub targets: Vec<Target>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transformations: Vec<Transformation>,
}

/// One query of a panel.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    pub ref_id: String,
    pub datasource: DataSource,
    pub editor_mode: &'static str,
    pub expr: String,
    pub format: Format,
    /// Queried at the end of the time range alone.
    pub instant: bool,
    pub range: bool,
    pub legend_format: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    TimeSeries,
    Table,
    Heatmap,
}

/// What Grafana does with the answers before it shows them.
#[derive(Clone, Debug, Serialize)]
pub struct Transformation {
    pub id: &'static str,
    pub options: Value,
}
