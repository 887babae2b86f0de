//! Messages and frames that a source refuses: why, what to do about it, and when it is logged.
//! Pure: reads no clock and logs nothing.

use std::time::{Duration, Instant};

/// After the first refusal of a kind is logged, the later ones are logged together, this often.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A frame larger than `frame_bytes_max`.
    Oversize,
    /// A message of several parts where one is a frame.
    Multipart,
    /// A message of more parts than topic and payload.
    TooManyParts,
    /// A message of one part where topic and payload are expected.
    NoPayload,
}

impl Refusal {
    pub const ALL: [Refusal; 4] = [
        Refusal::Oversize,
        Refusal::Multipart,
        Refusal::TooManyParts,
        Refusal::NoPayload,
    ];

    /// Its name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Oversize => "oversize",
            Refusal::Multipart => "multipart",
            Refusal::TooManyParts => "too_many_parts",
            Refusal::NoPayload => "no_payload",
        }
    }

    /// Describes the problem and what to do about it. `stream` is the name of the stream.
    pub fn remedy(self, stream: &str) -> String {
        match self {
            Refusal::Oversize => format!(
                "frames larger than streams.{stream}.frame_bytes_max are refused: make it larger if \
                 they are events"
            ),
            Refusal::Multipart => format!(
                "messages of several parts are refused: if they are [topic, payload], set \
                 streams.{stream}.envelope = \"topic\"; else publish each frame as a message of one part"
            ),
            Refusal::TooManyParts => format!(
                "messages of more than two parts are refused: streams.{stream}.envelope = \"topic\" \
                 reads [topic, payload]; publish those"
            ),
            Refusal::NoPayload => format!(
                "messages of one part are refused: streams.{stream}.envelope = \"topic\" reads \
                 [topic, payload]; set it to \"none\" if a message is the frame"
            ),
        }
    }
}

/// Number of refusals by kind, in the order of [`Refusal::ALL`].
pub type RefusedCounts = [u64; Refusal::ALL.len()];

/// Decides when refusals are logged: the first of each kind at once, then all of a minute together.
#[derive(Debug, Default)]
pub struct Refusals {
    logged: [LoggedRefusal; Refusal::ALL.len()],
}

#[derive(Clone, Copy, Debug, Default)]
struct LoggedRefusal {
    total: u64,
    at: Option<Instant>,
}

impl Refusals {
    /// The kinds that are due to be logged, each with the number of refusals since its last line.
    pub fn due(
        &mut self,
        totals: RefusedCounts,
        now: Instant,
    ) -> impl Iterator<Item = (Refusal, u64)> + use<'_> {
        let kinds = Refusal::ALL.into_iter().zip(totals).zip(&mut self.logged);
        kinds.filter_map(move |((kind, total), logged)| {
            let more = total.saturating_sub(logged.total);
            let is_due = logged
                .at
                .is_none_or(|at| now.saturating_duration_since(at) >= LOG_EVERY);
            (more > 0 && is_due).then(|| {
                *logged = LoggedRefusal {
                    total,
                    at: Some(now),
                };
                (kind, more)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_of_a_kind_is_logged_at_once_and_then_all_of_a_minute_together() {
        let start = Instant::now();
        let mut refusals = Refusals::default();
        let mut due = |totals, after_ms| -> Vec<(Refusal, u64)> {
            refusals
                .due(totals, start + Duration::from_millis(after_ms))
                .collect()
        };
        assert_eq!(due([0; 4], 0), []);
        assert_eq!(due([0, 1, 0, 0], 10), [(Refusal::Multipart, 1)]);
        assert_eq!(due([0, 500, 0, 0], 20), []);
        assert_eq!(due([1, 500, 0, 0], 30_000), [(Refusal::Oversize, 1)]);
        assert_eq!(due([1, 501, 0, 0], 60_009), []);
        assert_eq!(due([1, 501, 0, 0], 60_010), [(Refusal::Multipart, 500)]);
        assert_eq!(due([1, 501, 0, 0], 1_000_000), []);
        assert_eq!(due([1, 502, 0, 2], 1_000_001).len(), 2);
    }

    #[test]
    fn every_kind_names_the_setting_that_mends_it() {
        for kind in Refusal::ALL {
            assert!(
                kind.remedy("written").contains("streams.written."),
                "{kind:?}"
            );
        }
    }
}
