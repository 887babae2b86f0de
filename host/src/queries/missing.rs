//! The events that did not land: how many, by what, and which.

use landfall_store::{
    GroupBy, MissingEvent, MissingFilter, MissingGroup, Reader, StoreError, view,
};
use serde_json::json;

use super::Format;

/// What events are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Schema,
    /// The hour of their arrival.
    Hour,
    Incident,
}

impl From<By> for GroupBy {
    fn from(by: By) -> Self {
        match by {
            By::Schema => GroupBy::Schema,
            By::Hour => GroupBy::Hour,
            By::Incident => GroupBy::Incident,
        }
    }
}

impl By {
    /// Its name in JSON.
    fn as_str(self) -> &'static str {
        match self {
            By::Schema => "schema",
            By::Hour => "hour",
            By::Incident => "incident",
        }
    }

    /// A group's name, for people.
    fn shown(self, group: &str) -> String {
        match self {
            By::Hour => group
                .parse()
                .map_or_else(|_| group.to_owned(), view::utc_minute),
            By::Schema | By::Incident => group.to_owned(),
        }
    }
}

/// How many there are, as one line. `unconfirmed` are those of which nobody knows whether they landed.
///
/// # Errors
/// The store cannot be read.
pub fn count(
    reader: &Reader,
    filter: &MissingFilter,
    count: u64,
    format: Format,
) -> Result<String, StoreError> {
    let unconfirmed = match filter.unconfirmed {
        Some(true) => count,
        Some(false) => 0,
        None => reader.missing_count(&MissingFilter {
            unconfirmed: Some(true),
            ..filter.clone()
        })?,
    };
    Ok(match format {
        Format::Text => count.to_string(),
        Format::Json => {
            json!({ "missing": count - unconfirmed.min(count), "unconfirmed": unconfirmed })
                .to_string()
        }
    })
}

/// How many there are by all of `by`; a line for each group.
///
/// # Errors
/// The store cannot be read.
pub fn groups(
    reader: &Reader,
    filter: &MissingFilter,
    by: &[By],
    format: Format,
) -> Result<Vec<String>, StoreError> {
    let group_by: Vec<GroupBy> = by.iter().map(|&by| by.into()).collect();
    let groups = reader.missing_groups(filter, &group_by)?;
    Ok(groups.iter().map(|one| group(one, by, format)).collect())
}

fn group(group: &MissingGroup, by: &[By], format: Format) -> String {
    let groups = by.iter().zip(&group.group);
    let names: Vec<String> = groups.map(|(by, group)| by.shown(group)).collect();
    let name = names.join("  ");
    let (first_ms, last_ms) = (group.first_ms, group.last_ms);
    match format {
        Format::Json => {
            let mut line = json!({
                "group": name, "missing": group.events, "first_ms": first_ms, "last_ms": last_ms,
            });
            for (by, name) in by.iter().zip(names) {
                line[by.as_str()] = name.into();
            }
            line.to_string()
        }
        Format::Text => {
            let (first, last) = (view::utc_second(first_ms), view::utc_second(last_ms));
            format!("{:>12}  {name}  ({first} – {last} UTC)", group.events)
        }
    }
}

/// One event as a line. There may be millions: they are read one by one, with [`Reader::missing_each`].
pub fn event(event: &MissingEvent, format: Format) -> String {
    match format {
        Format::Json => {
            let mut line = json!(event);
            line["verdict"] = json!(match event.hole.is_empty() {
                true => "missing",
                false => "unconfirmed",
            });
            line.to_string()
        }
        Format::Text => {
            let arrived = view::utc_second(event.arrived_ms);
            let doubt = match event.hole.as_str() {
                "" if event.may_have_landed => "  may have landed unseen since".to_owned(),
                "" => String::new(),
                hole => format!("  unconfirmed: {hole}"),
            };
            format!(
                "{arrived}  {}  {}  #{}{doubt}",
                event.schema, event.key, event.incident
            )
        }
    }
}
