//! How a check describes itself. Checked before anything relies on it: its texts become metric labels.

use landfall_document::{Column, Defect, Oddity};

use crate::fault::{FAULT_PREFIX, MESSAGE_BYTES_MAX, clip};

/// Bounds of `wit/check.wit`.
const NAME_BYTES_MAX: usize = 48;
const VERSION_BYTES_MAX: usize = 32;
const REASONS_MAX: usize = 64;
const COLUMNS_MAX: usize = 64;
const HELP_BYTES_MAX: usize = 256;

/// The host's own reason for a document that has no value at the key's pointer, or one that identifies nothing.
pub const NO_KEY: &str = "no_key";

/// What a reason means for an event if its check decides whether the event is expected to land.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Violation,
    Filtered,
    Unjudged,
}

/// One named answer of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub id: String,
    pub help: String,
    pub outcome: Outcome,
}

/// The manifest of a check, after it was checked; one shape for all worlds.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    /// Columns of the raw side (event and parity checks), or of the stream that is judged.
    pub columns: Vec<Column>,
    /// Columns of the written side; parity checks only.
    pub written_columns: Vec<Column>,
    /// The n-th reason has the code n in answers, from 1.
    pub reasons: Vec<Reason>,
}

/// A manifest that breaks the contract.
#[derive(Debug, thiserror::Error)]
#[error("its manifest is wrong: {0}")]
pub struct ManifestError(String);

impl ManifestError {
    /// Cuts the message: it quotes what may be as long as an answer.
    fn new(message: String) -> Self {
        Self(clip(message, MESSAGE_BYTES_MAX))
    }
}

impl Manifest {
    pub(crate) fn checked(
        name: String,
        version: String,
        columns: &[String],
        written_columns: &[String],
        reasons: Vec<Reason>,
    ) -> Result<Self, ManifestError> {
        if !is_label(&name, NAME_BYTES_MAX, b'-') {
            return Err(ManifestError::new(format!(
                "name \"{name}\" must be 1 to {NAME_BYTES_MAX} lower-case letters, digits and dashes"
            )));
        }
        if version.is_empty()
            || version.len() > VERSION_BYTES_MAX
            || !version.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(ManifestError::new(format!(
                "version \"{version}\" must be 1 to {VERSION_BYTES_MAX} visible ASCII characters"
            )));
        }
        if reasons.len() > REASONS_MAX {
            return Err(ManifestError::new(format!(
                "{} reasons, at most {REASONS_MAX} are allowed",
                reasons.len()
            )));
        }
        for (index, reason) in reasons.iter().enumerate() {
            if !is_label(&reason.id, NAME_BYTES_MAX, b'_') {
                return Err(ManifestError::new(format!(
                    "reason {} has the id \"{}\"; it must be 1 to {NAME_BYTES_MAX} lower-case letters, digits and underscores",
                    index + 1,
                    reason.id
                )));
            }
            if is_reserved(&reason.id) {
                return Err(ManifestError::new(format!(
                    "reason \"{}\" is the host's own word; give it another id (reserved are {})",
                    reason.id,
                    reserved().join(", ")
                )));
            }
            if reason.help.len() > HELP_BYTES_MAX {
                return Err(ManifestError::new(format!(
                    "the help of reason \"{}\" is longer than {HELP_BYTES_MAX} bytes",
                    reason.id
                )));
            }
            if reasons[..index].iter().any(|other| other.id == reason.id) {
                return Err(ManifestError::new(format!(
                    "reason \"{}\" stands twice",
                    reason.id
                )));
            }
        }
        Ok(Self {
            name,
            version,
            columns: parsed(columns)?,
            written_columns: parsed(written_columns)?,
            reasons,
        })
    }

    /// Refuses columns of fields where they are for one side alone, as in all worlds but that of parity checks:
    /// they would never be compared.
    pub(crate) fn with_fields_on_both_sides(self) -> Result<Self, ManifestError> {
        let fields = |columns: &[Column]| columns.iter().any(Column::is_of_fields);
        if fields(&self.columns) == fields(&self.written_columns) {
            return Ok(self);
        }
        Err(ManifestError::new(
            "a column of fields (`fields:`) is for a parity check alone, which has to ask for one on both sides".into(),
        ))
    }

    /// Whether a parity check answers with fields, and not with bytes of its own choosing.
    pub fn answers_fields(&self) -> bool {
        self.columns.iter().any(Column::is_of_fields)
    }
}

fn parsed(columns: &[String]) -> Result<Vec<Column>, ManifestError> {
    if columns.len() > COLUMNS_MAX {
        return Err(ManifestError::new(format!(
            "{} columns, at most {COLUMNS_MAX} are allowed",
            columns.len()
        )));
    }
    columns
        .iter()
        .map(|column| {
            Column::parse(column).map_err(|error| {
                ManifestError::new(format!(
                    "column \"{column}\" is neither a JSON pointer, nor `members:` and one, nor `fields:` and what they are of: {error}"
                ))
            })
        })
        .collect()
}

/// Whether the host itself gives such a reason, so that nobody could tell which of the two gave it. `empty` is
/// free: of an empty frame host and codec mean the same by it, and codecs have long used it.
fn is_reserved(id: &str) -> bool {
    id.starts_with(FAULT_PREFIX) || reserved().iter().any(|word| word == id)
}

/// The reasons that no check may have, as people read them: the host's own ones, and the prefix of faults.
fn reserved() -> Vec<String> {
    let defects = Defect::ALL
        .into_iter()
        .filter(|defect| *defect != Defect::Empty);
    let words = defects
        .map(Defect::id)
        .chain(Oddity::ALL.map(Oddity::id))
        .chain([NO_KEY]);
    let all = words.map(str::to_owned);
    all.chain([format!("{FAULT_PREFIX}*")]).collect()
}

fn is_label(text: &str, bytes_max: usize, extra: u8) -> bool {
    !text.is_empty()
        && text.len() <= bytes_max
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(id: &str) -> Reason {
        Reason {
            id: id.into(),
            help: String::new(),
            outcome: Outcome::Violation,
        }
    }

    fn check(name: &str, version: &str, column: &str, ids: &[&str]) -> String {
        let reasons = ids.iter().map(|id| reason(id)).collect();
        match Manifest::checked(name.into(), version.into(), &[column.into()], &[], reasons) {
            Ok(_) => "ok".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn fields_are_compared_on_both_sides_or_not_at_all() {
        let fields = r#"fields:{"at":"/event"}"#;
        for (raw, written, is_fine) in [
            ("/a", "/a", true),
            (fields, r#"fields:{"prefix":"event_"}"#, true),
            (fields, "/a", false),
            ("members:", fields, false),
        ] {
            let both = Manifest::checked(
                "a".into(),
                "1".into(),
                &[raw.into(), "/b".into()],
                &[written.into()],
                Vec::new(),
            );
            let checked = both.unwrap().with_fields_on_both_sides();
            assert_eq!(checked.is_ok(), is_fine, "{raw} {written}");
            if let Ok(manifest) = checked {
                assert_eq!(manifest.answers_fields(), raw == fields);
            }
        }
    }

    #[test]
    fn a_manifest_is_refused_for_what_would_break_a_label() {
        assert_eq!(check("a-1", "1.0.0", "/a", &["x_1", "y"]), "ok");
        assert!(check("", "1.0.0", "/a", &[]).contains("name \"\""));
        assert!(check("Name", "1.0.0", "/a", &[]).contains("lower-case"));
        assert!(check("a", "1 0", "/a", &[]).contains("version"));
        let long = check("a", &"9".repeat(1 << 20), "/a", &[]);
        assert!(long.contains("version") && long.len() < 2048, "cut");
        assert_eq!(check("a", "1", "members:/a", &[]), "ok");
        for column in ["a", "members:a", "members", "/a~", "text:/a"] {
            assert!(
                check("a", "1", column, &[]).contains("JSON pointer"),
                "{column}"
            );
        }
        for column in [
            "fields:",
            "fields:{}x",
            r#"fields:{"at":"a"}"#,
            r#"fields:{"att":""}"#,
        ] {
            assert!(check("a", "1", column, &[]).contains("fields"), "{column}");
        }
        for id in [
            "fault_trap",
            "fault_deadline",
            "fault_",
            "fault_of_mine",
            "no_key",
            "invalid_utf8",
            "syntax",
            "too_deep",
            "integer_too_long",
            "not_a_number",
            "infinity",
            "float_overflow",
            "lone_surrogate",
        ] {
            let refused = check("a", "1", "/a", &["x", id]);
            assert!(
                refused.contains(&format!("reason {id:?} is the host's own word")),
                "{refused}"
            );
        }
        for id in [
            "default_value",
            "fault",
            "faulty",
            "empty",
            "no_keys",
            "trap",
        ] {
            assert_eq!(check("a", "1", "/a", &[id]), "ok");
        }
        assert!(check("a", "1", "/a", &["x", "x"]).contains("twice"));
        assert!(check("a", "1", "/a", &["x\"} evil"]).contains("reason 1"));
    }
}
