//! Reads the frames that an effect of the ledger refers to, while they are still there.

use landfall_ledger::{Effect, PayloadRef, PerStream, WrittenSide};
use landfall_store::spool::Spool;

use crate::judge::WrittenFrames;

/// The frames of both sides, byte for byte, and the place of the raw frame in the order of its
/// source. A frame is empty if there is none. `written` has the frames of the batch that led to the
/// effect.
pub(super) fn of(
    effect: Effect,
    spool: &Spool,
    written: Option<&WrittenFrames>,
) -> (PerStream<Vec<u8>>, u64) {
    let mut frames: PerStream<Vec<u8>> = PerStream::default();
    let mut place = 0;
    match effect {
        Effect::Missing { payload, .. } => {
            place = read_into(spool, payload, &mut frames.raw);
        }
        Effect::Altered {
            payload,
            written: side,
            ..
        }
        | Effect::Compare {
            payload,
            written: side,
            ..
        } => {
            frames.raw = read(spool, payload);
            frames.written = of_side(spool, side, written);
        }
        Effect::LandedLate { written: side, .. }
        | Effect::Leaked { written: side, .. }
        | Effect::Duplicate { written: side, .. } => {
            frames.written = of_side(spool, side, written);
        }
        Effect::Unexpected { payload, .. } => {
            frames.written = payload.map_or_else(Vec::new, |payload| read(spool, payload));
        }
        Effect::MissingAgain { .. }
        | Effect::Recall { .. }
        | Effect::HoldWritten { .. }
        | Effect::Released { .. } => {}
    }
    (frames, place)
}

fn of_side(spool: &Spool, side: WrittenSide, written: Option<&WrittenFrames>) -> Vec<u8> {
    match (side, written) {
        (WrittenSide::Row(row), Some(written)) => written.frame(row as usize).to_vec(),
        (WrittenSide::Spooled(payload), _) => read(spool, payload),
        (WrittenSide::Row(_), None) | (WrittenSide::Gone, _) => Vec::new(),
    }
}

fn read(spool: &Spool, payload: PayloadRef) -> Vec<u8> {
    let mut frame = Vec::new();
    read_into(spool, payload, &mut frame);
    frame
}

/// Reads a frame, and gives its place in the order of its source. If a frame cannot be read back,
/// it is empty, and the log has an error: the event itself is still reported.
fn read_into(spool: &Spool, payload: PayloadRef, frame: &mut Vec<u8>) -> u64 {
    spool.read(payload.0, frame).unwrap_or_else(|error| {
        tracing::error!("failed to read a frame back: {error}");
        frame.clear();
        0
    })
}
