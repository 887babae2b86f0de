//! Compares rows that landed late with their raw frames, before their flush is prepared. The ledger
//! has forgotten the content at that time. The frames are in the store, or among the events of the
//! flush.

use std::collections::HashMap;
use std::sync::Arc;

use landfall_ledger::Effect;
use landfall_store::StoreError;

use super::accounting::KnownMissing;
use crate::judge::plan::Plan;
use crate::judge::{CheckActivity, Describer};
use crate::messages::Described;

/// Bytes of raw frames that are read back from the store for one comparison: as many as one output
/// of a shard has, and one frame more.
const FRAMES_BYTES_MAX: usize = 1 << 20;

/// Compares with the checks in force. Its instances are made when the first row lands late.
#[derive(Default)]
pub(super) struct LateComparison {
    describer: Option<Describer>,
}

/// Where the raw frame of a missing event is.
#[derive(Clone, Copy)]
enum RawFrame {
    InStore,
    /// In the event of this flush that reports it as missing, by index.
    InEvent(usize),
    /// Retention removed it.
    Gone,
}

/// A row to compare, and the raw frame to compare it with.
struct Pair {
    event: usize,
    raw: RawFrame,
    /// The raw frame, if it is in the store.
    frame: Vec<u8>,
}

impl LateComparison {
    /// Sets the comparison of each event that landed late, and adds what the checks did to `activity`, also if it
    /// fails. `missing_frame` reads the raw frame of a missing event from the store, by fingerprint.
    ///
    /// # Errors
    /// The store could not be read. The call can be repeated with the same events.
    pub fn compare(
        &mut self,
        missing_frame: impl Fn([u8; 16]) -> Result<Option<Vec<u8>>, StoreError>,
        plan: &Arc<Plan>,
        known: &KnownMissing,
        events: &mut [Described],
        activity: &mut Vec<CheckActivity>,
    ) -> Result<(), StoreError> {
        if plan.streams.raw.parity.is_empty() {
            return Ok(());
        }
        let (mut pairs, mut bytes) = (Vec::new(), 0);
        for (event, raw) in landed(known, events) {
            let frame = match raw {
                RawFrame::InStore => {
                    let key = fingerprint_of(&events[event]);
                    match key.map(&missing_frame).transpose()?.flatten() {
                        Some(frame) => frame,
                        None => continue,
                    }
                }
                RawFrame::InEvent(_) => Vec::new(),
                RawFrame::Gone => continue,
            };
            bytes += frame.len() + events[event].event.bytes();
            pairs.push(Pair { event, raw, frame });
            if bytes >= FRAMES_BYTES_MAX {
                activity.extend(self.compare_pairs(plan, &std::mem::take(&mut pairs), events));
                bytes = 0;
            }
        }
        activity.extend(self.compare_pairs(plan, &pairs, events));
        Ok(())
    }

    fn compare_pairs(
        &mut self,
        plan: &Arc<Plan>,
        pairs: &[Pair],
        events: &mut [Described],
    ) -> Vec<CheckActivity> {
        if pairs.is_empty() {
            return Vec::new();
        }
        let describer = self
            .describer
            .get_or_insert_with(|| Describer::new(Arc::clone(plan)));
        describer.follow(plan);
        let frames: Vec<(&[u8], &[u8])> = pairs
            .iter()
            .map(|pair| {
                let raw = match pair.raw {
                    RawFrame::InEvent(place) => &events[place].event.frames.raw,
                    RawFrame::InStore | RawFrame::Gone => &pair.frame,
                };
                (&raw[..], &events[pair.event].event.frames.written[..])
            })
            .collect();
        let keys: Vec<&str> = pairs
            .iter()
            .map(|pair| events[pair.event].key.as_str())
            .collect();
        let comparisons = describer.compare(&frames, &keys);
        for (pair, comparison) in pairs.iter().zip(comparisons) {
            events[pair.event].comparison = Some(comparison);
        }
        describer.take_activity()
    }
}

/// The events that landed late and can be compared, each with the place of its raw frame. A key may
/// be missing, land, and be missing again in one flush, so its state is followed from event to
/// event.
fn landed(known: &KnownMissing, events: &[Described]) -> Vec<(usize, RawFrame)> {
    let mut frames: HashMap<[u8; 16], RawFrame> =
        known.keys().map(|key| (*key, RawFrame::InStore)).collect();
    let mut landed = Vec::new();
    for (place, described) in events.iter().enumerate() {
        let Some(key) = fingerprint_of(described) else {
            continue;
        };
        match described.event.effect {
            Effect::Missing { .. } => {
                let raw = match described.event.frames.raw.is_empty() {
                    true => RawFrame::Gone,
                    false => RawFrame::InEvent(place),
                };
                frames.entry(key).or_insert(raw);
            }
            Effect::MissingAgain { .. } => {
                frames.entry(key).or_insert(RawFrame::Gone);
            }
            _ => {
                let has_row = !described.event.frames.written.is_empty();
                if let Some(raw) = frames.remove(&key)
                    && has_row
                {
                    landed.push((place, raw));
                }
            }
        }
    }
    landed
}

/// The fingerprint of an event that is, was, or is again missing.
fn fingerprint_of(described: &Described) -> Option<[u8; 16]> {
    match described.event.effect {
        Effect::Missing { key, .. }
        | Effect::MissingAgain { key, .. }
        | Effect::LandedLate { key, .. } => Some(key.to_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use landfall_ledger::{Fingerprint, Generation, PayloadRef, PerStream, SchemaId, WrittenSide};
    use landfall_store::LandedRow;

    use super::*;
    use crate::messages::LedgerEvent;

    const KEY: Fingerprint = Fingerprint(7);

    fn described(effect: Effect, raw: &[u8], written: &[u8]) -> Described {
        Described {
            event: LedgerEvent {
                shard: 0,
                effect,
                frames: PerStream {
                    raw: raw.to_vec(),
                    written: written.to_vec(),
                },
                place: 0,
            },
            key: String::new(),
            comparison: None,
            generation: Generation(0),
        }
    }

    fn missing(raw: &[u8]) -> Described {
        let effect = Effect::Missing {
            key: KEY,
            payload: PayloadRef(0),
            schema: SchemaId(2),
            arrived_ms: 0,
            deadline_ms: 0,
            generation: Generation(0),
            hole: None,
        };
        described(effect, raw, b"")
    }

    fn again() -> Described {
        let effect = Effect::MissingAgain {
            key: KEY,
            schema: SchemaId(2),
            arrived_ms: 0,
            deadline_ms: 0,
            hole: None,
            window: Some(0),
        };
        described(effect, b"", b"")
    }

    fn late(written: &[u8]) -> Described {
        let effect = Effect::LandedLate {
            key: KEY,
            schema: SchemaId(2),
            landed_ms: 0,
            written: WrittenSide::Gone,
            window: None,
            is_of_copy: false,
        };
        described(effect, b"", written)
    }

    #[test]
    fn each_row_is_compared_with_the_frame_of_the_loss_that_it_ends() {
        let row = || LandedRow {
            key: String::new(),
            schema: String::new(),
            arrived_ms: 0,
            incident: 1,
            is_unconfirmed: false,
            window_start_ms: None,
        };
        let stored = KnownMissing::from([(KEY.to_bytes(), row())]);
        let nothing = KnownMissing::new();
        for (known, events, expected) in [
            (&stored, vec![late(b"w")], "0 store"),
            (&stored, vec![late(b"")], ""),
            (&nothing, vec![late(b"w")], ""),
            (
                &nothing,
                vec![missing(b"r"), late(b"w"), late(b"w")],
                "1 event 0",
            ),
            (&nothing, vec![missing(b""), late(b"w")], "1 gone"),
            // What the store knows stays until it landed.
            (
                &stored,
                vec![missing(b"r"), late(b"w"), missing(b"r"), late(b"w")],
                "1 store, 3 event 2",
            ),
            (&nothing, vec![again(), late(b"w")], "1 gone"),
            (&stored, vec![again(), late(b"w")], "1 store"),
        ] {
            let landed = landed(known, &events).into_iter();
            let shown: Vec<String> = landed
                .map(|(place, raw)| match raw {
                    RawFrame::InStore => format!("{place} store"),
                    RawFrame::InEvent(event) => format!("{place} event {event}"),
                    RawFrame::Gone => format!("{place} gone"),
                })
                .collect();
            assert_eq!(shown.join(", "), expected);
        }
    }
}
