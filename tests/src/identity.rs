//! The uuid of an event, by the formulas of EventLogging, computed apart from the codec under test.

use uuid::Uuid;

use crate::clock;

/// Which formula holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// Until November 2017: the timestamp's first ten characters.
    Timestamp,
    /// Since: `dt`, with seconds and a `Z`.
    Dt,
}

/// 32 lower-case hexadecimal digits without dashes. `time_ms` is cut to seconds.
pub fn event_uuid(era: Era, recv_from: &str, seq_id: u64, time_ms: i64) -> String {
    let url = match era {
        Era::Timestamp => {
            format!(
                "event://{recv_from}/?seqId={seq_id}&timestamp={:.10}",
                (time_ms / 1000).to_string()
            )
        }
        Era::Dt => format!(
            "event://{recv_from}/?seqId={seq_id}&dt={}Z",
            clock::log_time(time_ms)
        ),
    };
    Uuid::new_v5(&Uuid::NAMESPACE_URL, url.as_bytes())
        .simple()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        for (era, host, seq, time_s, uuid) in [
            (
                Era::Timestamp,
                "cp3040.esams.wmnet",
                20_380_146,
                1_445_442_531,
                "98f80637d7385fc88468b5203417b9f1",
            ),
            (
                Era::Timestamp,
                "fenari",
                99,
                1_358_627_115,
                "67cc2c1afa5752ba80bbbd7c5fc41f28",
            ),
            (
                Era::Timestamp,
                "cp3022.esams.wikimedia.org",
                132_073,
                1_358_637_398,
                "799341a01ba957c79b15dc4d2d950864",
            ),
            (
                Era::Dt,
                "srv0.example.org",
                132_073,
                1_358_637_398,
                "749684341abf513186c71f74c6a09502",
            ),
        ] {
            assert_eq!(event_uuid(era, host, seq, time_s * 1000), uuid);
        }
    }
}
