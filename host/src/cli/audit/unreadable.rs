//! Makes the error for a side of which not one line could be read: which codec was to read it, why
//! that failed, and what may be wrong. Pure.

use super::reading::Read;
use crate::config::Config;
use crate::results::accounting::account::Account;
use crate::sources::SourceError;
use landfall_ledger::Stream;

/// The error for such a side.
pub(super) fn error(
    config: &Config,
    stream: Stream,
    read: &Read,
    account: &Account,
) -> SourceError {
    let name = stream.as_str();
    let codec = &config.streams.of(stream).codec;
    let given = account
        .undecodable
        .iter()
        .filter(|(unread, _)| unread.stream == stream);
    let mut reasons: Vec<String> = given
        .clone()
        .map(|(unread, lines)| format!("{} {lines}", unread.reason))
        .collect();
    if read.refused > 0 {
        let bytes_max = config.streams.of(stream).frame_bytes_max;
        reasons.push(format!("longer than {bytes_max} bytes {}", read.refused));
    }
    let unread: u64 = given.clone().map(|(_, lines)| lines).sum();
    let (lines, reasons) = (read.seen.filled_lines, reasons.join(", "));
    let found = match lines {
        1 => format!("codec {codec} does not read the only one ({reasons})"),
        _ if unread < read.frames => {
            format!("codec {codec} reads none of {lines} but one ({reasons})")
        }
        _ => format!("codec {codec} reads none of {lines} ({reasons})"),
    };
    let hint = format!("is streams.{name}.codec (--{name}-codec) the codec of such lines?");
    read.seen.origin.unreadable(&found, &hint)
}
