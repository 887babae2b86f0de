//! What a backfill came to, and how it is told.

use std::path::Path;

use landfall_store::{Reader, view};
use serde_json::json;

use super::BackfillArgs;
use crate::cli::print::{self, PrintError};
use crate::cli::{Global, times};

/// What became of the missing events in question.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    /// Written or published.
    pub frames: u64,
    pub landed: u64,
    /// Their frames could not be read back when they went missing.
    pub lost: u64,
    /// Published, but nobody has subscribed to their prefix.
    pub unwanted: u64,
    /// They would not read back as they are from a file of lines.
    pub refused: u64,
    /// Written with a newline that was added.
    pub newlines_added: u64,
}

impl Counts {
    /// How many of so many events nothing became of.
    pub fn left_of(&self, total: u64) -> u64 {
        let done = self.frames + self.landed + self.lost + self.refused;
        total.saturating_sub(done)
    }

    /// Whether everything that has not landed was written or published, unchanged or with the
    /// changes that were asked for.
    pub fn is_all(&self) -> bool {
        self.lost + self.unwanted + self.refused == 0
    }
}

/// Events whose frames are given only if that is wanted: they may have landed.
#[derive(Clone, Copy, Default)]
pub(super) struct LeftOut {
    pub unconfirmed: u64,
    /// Missing, and not all that was written since their deadline was seen.
    pub unseen_since: u64,
    /// The same, since the command began.
    pub unseen_meanwhile: u64,
}

/// Prints the result: on standard output, unless the frames go there.
pub(super) fn print_result(
    args: &BackfillArgs,
    global: &Global,
    counts: Counts,
    left_out: LeftOut,
    what: &str,
) -> Result<(), PrintError> {
    let is_beside = args.output.as_deref() == Some(Path::new("-"));
    let Counts {
        frames,
        landed,
        lost,
        unwanted,
        refused,
        newlines_added,
    } = counts;
    if global.json {
        let answer = json!({
            "frames": frames, "landed_meanwhile": landed, "frames_lost": lost, "unwanted": unwanted,
            "refused": refused, "newlines_added": newlines_added, "unconfirmed_left_out": left_out.unconfirmed,
            "unseen_since_left_out": left_out.unseen_since,
            "unseen_meanwhile_left_out": left_out.unseen_meanwhile, "what": what,
        });
        return match is_beside {
            true => print::note_json(&answer),
            false => print::json(&answer),
        };
    }
    let mut text = format!("{frames} frames {what}; {landed} landed meanwhile and were left out");
    if left_out.unconfirmed > 0 {
        text += &format!(
            "; {} unconfirmed were left out, because nobody knows whether they landed: see `landfall coverage`, \
             and --unconfirmed if they are not in the database",
            left_out.unconfirmed
        );
    }
    if left_out.unseen_since > 0 {
        text += &format!(
            "; {} missing were left out, because not all that was written since their deadline was seen, so they may \
             have landed: see `landfall coverage`, and --unconfirmed if they are not in the database",
            left_out.unseen_since
        );
    }
    if left_out.unseen_meanwhile > 0 {
        text += &format!(
            "; the last {} were left out, because Landfall did not see all that was written since this command began: \
             see `landfall coverage`, and run it again with --unconfirmed if they are not in the database",
            left_out.unseen_meanwhile
        );
    }
    if lost > 0 {
        text += &format!(
            "; {lost} were left out because their frames could not be read back when they went missing"
        );
    }
    if newlines_added > 0 {
        text += &format!("; {newlines_added} of them got a newline at their end");
    }
    if refused > 0 {
        text += &format!(
            "; {refused} were left out because they would not read back as they are from a file of lines: \
             --format frames holds any frame as it is, and --add-newline gives those that only lack a newline one"
        );
    }
    if unwanted > 0 {
        text += &format!(
            "; nobody has subscribed to what {unwanted} of them begin with, so nobody got them"
        );
    }
    print::note(text);
    Ok(())
}

/// Landfall stores what it knows every few seconds. If that is so long ago, it does not run.
const KNOWN_MS_MAX: i64 = 60_000;

/// Refuses if Landfall does not run beside the pipeline: what landed since its end was not seen by anybody.
pub(super) fn ensure_watched(reader: &Reader) -> anyhow::Result<()> {
    let Some(known_ms) = reader.system_known_ms()? else {
        return Ok(());
    };
    anyhow::ensure!(
        times::now_ms(reader)?.saturating_sub(known_ms) <= KNOWN_MS_MAX,
        "Landfall has not seen what was written since {} UTC, so any of these events may be in the database by now: \
         start Landfall, or give --unconfirmed if you know that they are not there",
        view::utc_second(known_ms)
    );
    Ok(())
}
