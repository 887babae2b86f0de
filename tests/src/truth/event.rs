//! One event that was produced, and what happened to it.

/// What an event is, by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nature {
    /// The pipeline owes it a row.
    Valid,
    /// The processor must refuse it.
    Invalid,
    /// The pipeline takes it, but Landfall cannot judge it, and reports that.
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

/// What the pipeline does to one event, apart from faults of whole intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The right thing.
    #[default]
    Normal,
    /// The processor lets it through although it is invalid.
    Leaked,
    /// The writer changes one field.
    Altered,
    /// The writer reports twice that it wrote it.
    Doubled,
    /// The writer holds it back for this many milliseconds of the pipeline's clock.
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
    /// The JSON text of its `event` as the original's Python would pass it on, if it differs from that of
    /// this crate's JSON library.
    pub carried: Option<String>,
    /// When it was first sent, by the pipeline's clock.
    pub sent_ms: i64,
    pub nature: Nature,
    pub fate: Fate,
    /// How often it was sent.
    pub copies: u64,
    pub landings: Vec<Landing>,
}
