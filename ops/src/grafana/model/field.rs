//! How values are written and coloured.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

#[derive(Clone, Debug, Default, Serialize)]
pub struct FieldConfig {
    pub defaults: Defaults,
    pub overrides: Vec<Override>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Defaults {
    pub unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    pub color: Color,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<Mapping>,
    /// Shown where there is no value at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_value: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Color {
    pub mode: ColorMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_color: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColorMode {
    /// A name has one colour on all panels.
    #[default]
    PaletteClassicByName,
    Thresholds,
    Fixed,
}

#[derive(Clone, Debug, Serialize)]
pub struct Thresholds {
    pub mode: &'static str,
    pub steps: Vec<Threshold>,
}

/// The colour from a value on; the first has none, and is for all below the second.
#[derive(Clone, Debug, Serialize)]
pub struct Threshold {
    pub value: Option<f64>,
    pub color: &'static str,
}

/// A text and a colour for single values.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", content = "options", rename_all = "lowercase")]
pub enum Mapping {
    Value(BTreeMap<String, MappingResult>),
}

#[derive(Clone, Debug, Serialize)]
pub struct MappingResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'static str>,
    pub color: &'static str,
    pub index: u32,
}

/// What is different for some series or columns.
#[derive(Clone, Debug, Serialize)]
pub struct Override {
    pub matcher: Matcher,
    pub properties: Vec<Property>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Matcher {
    pub id: &'static str,
    pub options: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Property {
    pub id: &'static str,
    pub value: Value,
}

/// What only one kind of panel has.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Custom {
    Graph(Graph),
    Timeline(Timeline),
    Cell(Cell),
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Graph {
    pub draw_style: &'static str,
    pub line_interpolation: &'static str,
    pub line_width: u8,
    pub fill_opacity: u8,
    pub show_points: &'static str,
    pub span_nulls: bool,
    pub axis_soft_min: f64,
    pub stacking: Stacking,
    pub thresholds_style: ThresholdsStyle,
}

#[derive(Clone, Debug, Serialize)]
pub struct Stacking {
    pub mode: StackingMode,
    pub group: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StackingMode {
    None,
    Normal,
}

#[derive(Clone, Debug, Serialize)]
pub struct ThresholdsStyle {
    pub mode: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    pub line_width: u8,
    pub fill_opacity: u8,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    pub align: &'static str,
    pub inspect: bool,
    pub filterable: bool,
    pub cell_options: CellStyle,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum CellStyle {
    Auto,
}
