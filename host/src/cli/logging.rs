//! The log: lines on standard error, for people or as JSON. All text in messages and fields is escaped here,
//! so the code that logs does not have to do it: an entry is one line.

#![expect(
    clippy::disallowed_methods,
    reason = "the log is written to standard error, escaped"
)]

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

use landfall_escape::{json, log};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, MakeWriter};

use crate::config::{LogConfig, LogFormat};

/// A line of JSON with this many bytes is parsed again: its values are cut like those of other lines.
const JSON_LINE_BYTES_MAX: usize = 4 * log::VALUE_BYTES_MAX;

/// Starts logging. `RUST_LOG` overrides the configured level.
pub fn init(config: &LogConfig) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(config.level.as_str()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    // A second start in one process (tests) keeps the first.
    let _ = match config.format {
        LogFormat::Json => builder.json().with_writer(JsonLines(io::stderr)).try_init(),
        LogFormat::Text => builder
            .with_writer(io::stderr)
            .fmt_fields(EscapedFields)
            .with_ansi(io::stderr().is_terminal())
            .try_init(),
    };
}

/// Writes the message, and then each field as `name=value`, escaped.
struct EscapedFields;

impl<'w> FormatFields<'w> for EscapedFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = LogLine {
            writer,
            is_empty: true,
            result: Ok(()),
        };
        fields.record(&mut line);
        line.result
    }
}

/// The fields of one event.
struct LogLine<'w> {
    writer: Writer<'w>,
    is_empty: bool,
    result: fmt::Result,
}

impl LogLine<'_> {
    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        // The bridge from the crate `log` adds these: the place in the source.
        if self.result.is_err() || name.starts_with("log.") {
            return;
        }
        let space = if self.is_empty { "" } else { " " };
        self.is_empty = false;
        let value = log::value(value);
        self.result = match name.trim_start_matches("r#") {
            "message" => write!(self.writer, "{space}{value}"),
            name => write!(self.writer, "{space}{name}={value}"),
        };
    }
}

impl Visit for LogLine<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.put(field, format_args!("{value}")),
            _ => self.put(field, format_args!("\"{value}\"")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}

/// Escapes lines of JSON as they are written: each is written by one call.
#[derive(Clone)]
struct JsonLines<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for JsonLines<M> {
    type Writer = JsonWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        JsonWriter(self.0.make_writer())
    }
}

struct JsonWriter<W>(W);

impl<W: Write> Write for JsonWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches('\n');
        let cut = (text.len() > JSON_LINE_BYTES_MAX).then(|| cut(text));
        let escaped = json::escaped(cut.as_deref().unwrap_or(text));
        self.0.write_all(format!("{escaped}\n").as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line with its long values cut. A line that is no JSON is reported as such; there are none.
fn cut(line: &str) -> String {
    let Ok(mut event) = serde_json::from_str::<Value>(line) else {
        return format!("{{\"level\":\"ERROR\",\"cut_bytes\":{}}}", line.len());
    };
    if let Some(fields) = event.get_mut("fields").and_then(Value::as_object_mut) {
        for (_, value) in fields.iter_mut() {
            if let Value::String(text) = value
                && text.len() > log::VALUE_BYTES_MAX
            {
                let kept = text.floor_char_boundary(log::VALUE_BYTES_MAX);
                let more = text.len() - kept;
                text.truncate(kept);
                *text += &format!("… ({more} more bytes)");
            }
        }
    }
    event.to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use landfall_escape::is_shown;

    use super::*;

    const HOSTILE: &str = "bad\nERROR forged\r\x1b[2J\x07\u{9b}31m\u{202e}\u{2028}\u{200b} C:\\new";

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("a lock").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("a lock").clone()).expect("UTF-8")
        }
    }

    /// Everything that a line can contain.
    fn say() {
        let error = io::Error::other(HOSTILE);
        tracing::error!("{HOSTILE}");
        tracing::error!(text = HOSTILE, display = %HOSTILE, debug = ?HOSTILE, "in fields");
        tracing::error!(
            error = &error as &dyn std::error::Error,
            number = 7,
            "{error}"
        );
        tracing::error!(long = "é".repeat(100_000), "a long one");
    }

    fn lines(kept: &Kept) -> Vec<String> {
        let text = kept.text();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 4, "one line for each event: {text}");
        for line in &lines {
            assert!(line.chars().all(is_shown), "{line:?}");
        }
        lines
    }

    #[test]
    fn a_line_for_people_escapes_its_message_and_every_field() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(EscapedFields)
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, say);
        let lines = lines(&kept);
        let escaped =
            "bad\\nERROR forged\\r\\u{1b}[2J\\u{7}\\u{9b}31m\\u{202e}\\u{2028}\\u{200b} C:\\\\new";
        assert!(
            lines[0].ends_with(&format!("logging::tests: {escaped}")),
            "{}",
            lines[0]
        );
        assert!(lines[1].contains(&format!("in fields text=\"{escaped}\" display={escaped}")));
        assert!(lines[2].contains(" number=7"), "{}", lines[2]);
        assert!(lines[3].contains("… (19"), "cut: {}", lines[3].len());
        assert!(lines[3].len() < 2 * log::VALUE_BYTES_MAX);
    }

    #[test]
    fn a_line_of_json_holds_the_same_text_and_nothing_raw() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(JsonLines(move || writer.clone()))
            .finish();
        tracing::subscriber::with_default(subscriber, say);
        let lines = lines(&kept);
        let read: Value = serde_json::from_str(&lines[0]).expect("JSON");
        assert_eq!(read["fields"]["message"], HOSTILE);
        let read: Value = serde_json::from_str(&lines[1]).expect("JSON");
        assert_eq!(read["fields"]["text"], HOSTILE);
        let read: Value = serde_json::from_str(&lines[3]).expect("JSON");
        let long = read["fields"]["long"].as_str().expect("text");
        assert!(long.ends_with(" more bytes)") && long.len() < 2 * log::VALUE_BYTES_MAX);
    }
}
