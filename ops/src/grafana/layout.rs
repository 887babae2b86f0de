//! Places panels on the grid: sections below each other, panels from left to right.

use serde_json::Value;

use super::build::Draft;
use super::model::{Entry, GridPos, Link, Panel, Row};

/// Width of the grid.
pub const WIDTH: u32 = 24;

/// Panels under one title.
#[derive(Clone, Debug)]
pub struct Section {
    pub title: &'static str,
    pub drafts: Vec<Draft>,
}

impl Section {
    pub fn new(title: &'static str, drafts: Vec<Draft>) -> Self {
        Self { title, drafts }
    }
}

/// Numbers the panels, places them, and links them to the runbook. A panel that does not fit beside the
/// one before begins a new line.
pub fn laid_out(sections: Vec<Section>, runbook_url: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut y = 0;
    for section in sections {
        entries.push(Entry::Row(Row {
            id: number(&entries),
            kind: "row",
            title: section.title,
            collapsed: false,
            grid_pos: GridPos {
                h: 1,
                w: WIDTH,
                x: 0,
                y,
            },
            panels: [],
        }));
        y += 1;
        let (mut x, mut highest) = (0, 0);
        for draft in section.drafts {
            let mut panel = sorted(draft.panel);
            let GridPos { h, w, .. } = panel.grid_pos;
            if x + w > WIDTH {
                (x, y, highest) = (0, y + highest, 0);
            }
            panel.grid_pos = GridPos { h, w, x, y };
            (x, highest) = (x + w, highest.max(h));
            panel.id = number(&entries);
            if let Some(anchor) = draft.anchor {
                panel.links.push(Link {
                    title: "What to do".into(),
                    kind: "link",
                    icon: "doc",
                    tooltip: "What it means and what to do".into(),
                    url: format!("{runbook_url}#{}", anchor.0),
                    tags: Vec::new(),
                    as_dropdown: false,
                    target_blank: true,
                    include_vars: false,
                    keep_time: false,
                });
            }
            entries.push(Entry::Panel(Box::new(panel)));
        }
        y += highest;
    }
    entries
}

/// Sorts the members of JSON objects: another crate of the program may enable `serde_json`'s `preserve_order`, and the
/// files are to be the same.
fn sorted(mut panel: Panel) -> Panel {
    let overrides = panel.field_config.overrides.iter_mut();
    let values = overrides
        .flat_map(|one| &mut one.properties)
        .map(|property| &mut property.value);
    let options = panel.transformations.iter_mut().map(|one| &mut one.options);
    values.chain(options).for_each(Value::sort_all_objects);
    panel
}

/// The number of the next panel, from 1.
fn number(entries: &[Entry]) -> u32 {
    u32::try_from(entries.len())
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}
