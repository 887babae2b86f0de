//! JSON pointers (RFC 6901), parsed once and resolved on any tape.

use crate::tape::node::NodeKind;
use crate::tape::{PreparedName, Tape};

/// A parsed JSON pointer. The empty one is the whole document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    steps: Vec<PointerStep>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PointerStep {
    name: PreparedName,
    /// The step as the index of an element, if it can be one: digits without a leading zero.
    index: Option<usize>,
}

/// Why a text is no JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    #[error(
        "the pointer `{0}` does not begin with `/`: write `/{0}`, or nothing for the whole document"
    )]
    NoSlash(String),
    #[error("the pointer `{0}` has a `~` that is not `~0` (for `~`) or `~1` (for `/`)")]
    Tilde(String),
}

impl Pointer {
    /// A pointer by its text, for example `/event/id`; the empty text is the whole document.
    ///
    /// # Errors
    /// If the text is not empty and does not begin with `/`, or if a `~` in it is neither `~0` nor `~1`.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let mut steps = Vec::new();
        if let Some(path) = text.strip_prefix('/') {
            for step in path.split('/') {
                steps.push(
                    PointerStep::parse(step).ok_or_else(|| PointerError::Tilde(text.to_owned()))?,
                );
            }
        } else if !text.is_empty() {
            return Err(PointerError::NoSlash(text.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            steps,
        })
    }

    /// The pointer as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The node that the pointer leads to from the value at node `from`.
    pub(crate) fn resolve(&self, tape: &Tape, from: u32) -> Option<u32> {
        self.steps
            .iter()
            .try_fold(from, |at, step| match tape.node(at).kind() {
                NodeKind::Object => tape.member(at, &step.name),
                NodeKind::Array => tape.element(at, step.index?),
                _ => None,
            })
    }
}

impl PointerStep {
    fn parse(escaped: &str) -> Option<Self> {
        let mut name = String::with_capacity(escaped.len());
        let mut characters = escaped.chars();
        while let Some(character) = characters.next() {
            name.push(match character {
                '~' => match characters.next() {
                    Some('0') => '~',
                    Some('1') => '/',
                    _ => return None,
                },
                other => other,
            });
        }
        let digits_only = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let index =
            (digits_only && (name == "0" || !name.starts_with('0'))).then(|| name.parse().ok());
        Some(Self {
            index: index.flatten(),
            name: PreparedName::new(&name),
        })
    }
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::str::FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
