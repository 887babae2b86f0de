//! `[event]`: where an event carries its identity, as JSON pointers.

use crate::settings::reader::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventConfig {
    /// The value that identifies it across the streams.
    pub key: String,
    /// The name of its schema.
    pub schema: String,
    /// The revision of its schema; empty if the value at `schema` holds name and revision in one.
    pub revision: String,
    /// Its own time, for audits; the first that has a value counts.
    pub time: Vec<String>,
}

impl Default for EventConfig {
    fn default() -> Self {
        Self {
            key: "/uuid".into(),
            schema: "/schema".into(),
            revision: "/revision".into(),
            time: vec!["/timestamp".into(), "/dt".into()],
        }
    }
}

impl EventConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.text("key", &mut self.key);
        section.text("schema", &mut self.schema);
        section.text("revision", &mut self.revision);
        section.texts("time", &mut self.time);
    }
}
