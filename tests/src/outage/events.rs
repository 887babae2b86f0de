//! The events of a long outage: each follows from its number alone, so that millions need no memory.

use crate::clock::log_time;
use crate::identity::{Era, event_uuid};
use crate::percent;

const HOST: &str = "cp3022.esams.example.org";

/// Makes events, one for each millisecond of the pipeline's time divided by the rate.
#[derive(Clone, Debug)]
pub struct Events {
    pub start_ms: i64,
    /// Of the pipeline's time.
    pub per_second: u64,
    /// Fills a raw frame up to its size.
    filler: String,
}

impl Events {
    /// Events whose raw frames have at least so many bytes.
    pub fn new(start_ms: i64, per_second: u64, frame_bytes: usize) -> Self {
        let mut events = Self {
            start_ms,
            per_second,
            filler: String::new(),
        };
        let bare = events.frame(0).len();
        // Each character stands in the frame as it is.
        events.filler = "d".repeat(frame_bytes.saturating_sub(bare));
        events
    }

    /// When an event happens, in the pipeline's time.
    pub fn at_ms(&self, number: u64) -> i64 {
        self.start_ms + (number * 1_000 / self.per_second) as i64
    }

    /// How many events happen in so many milliseconds.
    pub fn within(&self, ms: i64) -> u64 {
        ms.max(0) as u64 * self.per_second / 1_000
    }

    /// The key.
    pub fn uuid(&self, number: u64) -> String {
        event_uuid(Era::Timestamp, HOST, number, self.at_ms(number))
    }

    /// The client-side line.
    pub fn frame(&self, number: u64) -> Vec<u8> {
        let capsule = format!(
            r#"{{"event":{{"appInstallId":"{}","name":"menu{number}","destination":"{}"}},"schema":"AppTap","revision":12,"wiki":"enwiki","webHost":"en.example.org"}}"#,
            install(number),
            self.filler
        );
        let stamp = log_time(self.at_ms(number));
        let line = format!(
            "?{};\t{HOST}\t{number}\t{}\t198.51.100.7\t\"Mozilla/5.0\"\n",
            percent::encode(&capsule),
            &stamp[..19]
        );
        line.into_bytes()
    }

    /// The row that the writer announces.
    pub fn row(&self, number: u64) -> Vec<u8> {
        let stamp = log_time(self.at_ms(number))[..19].replace(['-', 'T', ':'], "");
        let destination: String = self.filler.chars().take(191).collect();
        let row = format!(
            "{{\"uuid\":\"{}\",\"timestamp\":\"{stamp}\",\"wiki\":\"enwiki\",\"webHost\":\"en.example.org\",\"userAgent\":\"Mozilla/5.0\",\"event_appInstallId\":\"{}\",\"event_name\":\"menu{number}\",\"event_destination\":\"{destination}\"}}\n",
            self.uuid(number),
            install(number)
        );
        row.into_bytes()
    }
}

fn install(number: u64) -> String {
    format!("{:08x}-0000-4000-8000-{number:012x}", number & 0xffff_ffff)
}
