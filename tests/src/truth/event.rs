//! One event that was produced, and what became of it.

/// What an event is, by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nature {
    /// The pipeline owes it a row.
    Valid,
    /// The processor must refuse it.
    Invalid,
    /// The pipeline takes it, but Landfall cannot judge it, and says so.
    Unjudgeable,
    /// Neither the pipeline nor Landfall has its schema: the pipeline refuses it, Landfall cannot judge.
    Unknown,
}

impl Nature {
    /// Whether the pipeline's processor lets it through.
    pub fn passes(self) -> bool {
        matches!(self, Self::Valid | Self::Unjudgeable)
    }
}

/// What the pipeline does to one event, apart from faults of whole stretches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fate {
    /// What it should.
    #[default]
    Normal,
    /// The processor lets it through although it is invalid.
    Leaked,
    /// The writer changes one field.
    Altered,
    /// The writer says twice that it wrote it.
    Doubled,
    /// The writer holds it back for so many milliseconds of the pipeline's clock.
    Held { ms: i64 },
    /// The writer loses it.
    Lost,
}

/// A row of the event was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    pub at_ms: i64,
    pub altered: bool,
}

/// An event, by its uuid.
#[derive(Clone, Debug)]
pub struct Event {
    /// `name/revision`.
    pub schema: String,
    /// The raw frame as it was sent.
    pub frame: Vec<u8>,
    /// The JSON text of its `event` as the original's Python would hand it on, where this crate's JSON
    /// library would not.
    pub carried: Option<String>,
    /// When it was first sent, by the pipeline's clock.
    pub sent_ms: i64,
    pub nature: Nature,
    pub fate: Fate,
    /// How often it was sent.
    pub copies: u64,
    pub landings: Vec<Landing>,
}
