//! What hostile guests do, and when: shared by the modules that the host is tested against.
//!
//! A hostile guest behaves well unless its configuration asks for a fault. So the same module shows both
//! the fault and the recovery:
//!
//! ```json
//! { "do": "trap", "when": "batch", "marker": "poison", "column": "/uuid", "amount": 0, "text": "no" }
//! ```
//!
//! It does not use the SDK, because the SDK does not allow wrong answers.

use serde::Deserialize;

/// The configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it does.
    #[serde(rename = "do")]
    pub deed: Deed,
    /// In which call.
    pub when: When,
    /// If set, it does so only in a batch where a row's text contains this.
    pub marker: Option<String>,
    /// The column in which an event check looks for the marker; it gets no other column.
    pub column: String,
    /// A parity check asks for a column of fields, and answers it unchanged.
    pub fields: bool,
    /// How much of it: rounds of `slow` (some 1 ns each), bytes of `huge_output`, lines of
    /// `log_flood` and `log_and_trap`; 0 for each deed's own default.
    pub amount: u64,
    /// Its text: in errors, details, lines for the log, names of fields and findings.
    pub text: String,
    /// The id of its one reason.
    pub reason: String,
}

/// In which call it misbehaves.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Configure,
    Describe,
    /// In `check`, `decode` or `project`.
    #[default]
    Batch,
    /// In a parity check's `explain`.
    Explain,
    /// In `objectives.state` of a window check.
    State,
}

/// What it does.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Nothing: every row passes.
    #[default]
    Nothing,
    /// Never returns.
    Loop,
    /// Returns after `amount` rounds.
    Slow,
    /// Allocates memory until there is none left, and touches it.
    Allocate,
    /// An unreachable instruction.
    Trap,
    /// Recurses until the stack is used up.
    Stack,
    /// Returns an error in place of an answer.
    Err,
    /// Codes or reasons that its manifest lacks, or an objective above 1.
    WrongCodes,
    /// One code, or objective, too few.
    ShortCodes,
    /// One code, or objective, too many.
    LongCodes,
    /// A detail about a row that the batch lacks, or a finding about such a tally.
    WrongRow,
    /// Ends that fall (codec, parity check).
    BadEnds,
    /// A last end beyond the text (codec, parity check).
    LongEnds,
    /// One end too few (codec, parity check).
    ShortEnds,
    /// Text that is not UTF-8.
    NotUtf8,
    /// An answer of `amount` bytes, by default 32 MiB.
    HugeOutput,
    /// `amount` lines for the log, by default 100,000, of 4 KiB each.
    LogFlood,
    /// The same, and then a trap (event check).
    LogAndTrap,
    /// Documents that are no JSON (codec), or an objective that is no number.
    Garbage,
    /// A validation of a row that the batch lacks (event check).
    WrongValidation,
    /// One row validated more often than the batch has rows (event check).
    RepeatValidation,
    /// Gives its reason to every row, with its text as detail (event check, codec), names a field by
    /// its text (parity check) or finds it (window check), and logs it (event check).
    Say,
    /// A manifest whose texts break the contract's rules.
    BadManifest,
}

const HUGE_OUTPUT_BYTES: u64 = 32 << 20;
const LOG_LINES: u64 = 100_000;

impl Default for Config {
    fn default() -> Self {
        Self {
            deed: Deed::default(),
            when: When::default(),
            marker: None,
            column: "/uuid".into(),
            fields: false,
            amount: 0,
            text: "refused on demand".into(),
            reason: "refused".into(),
        }
    }
}

impl Config {
    /// Reads the JSON text.
    ///
    /// # Errors
    /// The text is no configuration of this check.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// What to do in this call on these bytes. Deeds that are possible in any call are done here; deeds
    /// that concern the answer are left to the caller.
    pub fn act(&self, when: When, bytes: &[u8]) -> Deed {
        let marked = match &self.marker {
            Some(marker) if when == When::Batch => contains(bytes, marker.as_bytes()),
            _ => true,
        };
        if self.when != when || !marked {
            return Deed::Nothing;
        }
        match self.deed {
            Deed::Loop => spin(u64::MAX),
            Deed::Slow => spin(self.amount),
            Deed::Allocate => allocate(),
            Deed::Trap => trap(),
            Deed::Stack => {
                std::hint::black_box(recurse(&[0; 64]));
            }
            _ => {}
        }
        self.deed
    }

    /// Bytes of a huge output.
    pub fn huge_bytes(&self) -> usize {
        let bytes = if self.amount == 0 {
            HUGE_OUTPUT_BYTES
        } else {
            self.amount
        };
        bytes as usize
    }

    /// Lines of a log flood.
    pub fn log_lines(&self) -> u64 {
        if self.amount == 0 {
            LOG_LINES
        } else {
            self.amount
        }
    }
}

/// A string that is not valid UTF-8.
pub fn not_utf8() -> String {
    // SAFETY: this is unsound on purpose: the string only goes to the host, which must check it.
    unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, 0xc0]) }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

fn spin(rounds: u64) {
    for round in 0..rounds {
        std::hint::black_box(round);
    }
}

fn allocate() {
    /// Large enough to be quick, small enough to come close to any limit.
    const STEP_BYTES: usize = 1 << 20;
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1u8; STEP_BYTES]);
        std::hint::black_box(&hoard);
    }
}

/// An unreachable instruction.
pub fn trap() {
    #[cfg(target_arch = "wasm32")]
    std::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    panic!("a trap");
}

#[allow(unconditional_recursion, reason = "that is what it is for")]
fn recurse(before: &[u8; 64]) -> u64 {
    let mut frame = *before;
    frame[0] = frame[0].wrapping_add(1);
    recurse(std::hint::black_box(&frame)) + u64::from(frame[1])
}

#[cfg(test)]
mod tests {
    use super::{Config, Deed, When};

    #[test]
    fn a_marker_tells_which_batches_suffer() {
        let config = Config::read(r#"{"do":"wrong_codes","marker":"poison"}"#).expect("read");
        assert_eq!(config.act(When::Batch, b"all fine"), Deed::Nothing);
        assert_eq!(
            config.act(When::Batch, b"some poison here"),
            Deed::WrongCodes
        );
        assert_eq!(config.act(When::Describe, b"poison"), Deed::Nothing);
        assert!(Config::read(r#"{"do":"sing"}"#).is_err());
    }
}
