//! The output of commands. Besides the log, this is the only place that writes to standard output and standard
//! error. Text of others is escaped here, so commands do not have to do it. A line is passed without its end.

#![expect(clippy::disallowed_methods, reason = "the place that prints")]

use std::fmt::Display;
use std::io::{self, IsTerminal as _, StdoutLock, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use landfall_escape::{json, terminal};
use serde::Serialize;

use super::exit;
use crate::bug::REPORT_BUG;
use crate::config::ConfigErrors;

/// An answer could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    #[error("failed to write to standard output: {0}")]
    Write(#[from] io::Error),
    #[error("failed to write the answer as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Standard output, for an answer of many lines.
pub struct Output(io::BufWriter<StdoutLock<'static>>);

impl Output {
    pub fn begin() -> Self {
        Self(io::BufWriter::new(io::stdout().lock()))
    }

    /// A line for people.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.0, "{}", terminal::line(text))
    }

    /// A line of JSON, as serde writes it.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn json_line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.0, "{}", json::escaped(text))
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One line of an answer.
///
/// # Errors
/// Standard output cannot be written to.
pub fn line(text: impl Display) -> Result<(), PrintError> {
    let mut answer = Output::begin();
    answer.line(text)?;
    Ok(answer.end()?)
}

/// An answer of several lines.
///
/// # Errors
/// Standard output cannot be written to.
pub fn page(page: &terminal::Page) -> Result<(), PrintError> {
    Ok(io::stdout().lock().write_all(page.as_str().as_bytes())?)
}

/// An answer for machines, on one line.
///
/// # Errors
/// Standard output cannot be written to.
pub fn json(value: &impl Serialize) -> Result<(), PrintError> {
    let mut answer = Output::begin();
    answer.json_line(&serde_json::to_string(value)?)?;
    Ok(answer.end()?)
}

/// Landfall's own text, unchanged.
///
/// # Errors
/// Standard output cannot be written to.
pub fn static_text(text: &'static str) -> Result<(), PrintError> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

/// A text for another program, generated from Landfall's own text and from checked parameters.
///
/// # Errors
/// Standard output cannot be written to.
pub fn generated(text: &str) -> Result<(), PrintError> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

/// Standard output for frames, which are data and are written unchanged.
pub fn frames() -> StdoutLock<'static> {
    io::stdout().lock()
}

/// Whether notes beside the answer go to a terminal.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// A line beside the answer. If that fails, the failure cannot be reported.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{}", terminal::line(text));
}

/// A line of JSON beside the answer.
///
/// # Errors
/// The value is none that JSON can hold.
pub fn note_json(value: &impl Serialize) -> Result<(), PrintError> {
    let text = serde_json::to_string(value)?;
    let _ = writeln!(io::stderr().lock(), "{}", json::escaped(&text));
    Ok(())
}

/// Why a command could not run: one line, or for a configuration one line for each error.
pub fn failure(error: &anyhow::Error) {
    match error.downcast_ref::<ConfigErrors>() {
        Some(errors) => {
            for (number, error) in errors.lines().iter().enumerate() {
                let begin = if number == 0 { "landfall: " } else { "" };
                note(format_args!("{begin}{error}"));
            }
        }
        None => note(format_args!("landfall: {}", chain(error))),
    }
}

/// The error and its causes, each once: most messages name their cause themselves.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The error of a command line, or the help that it asks for: several lines, with arguments that were escaped
/// before.
pub fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render();
    if error.use_stderr() {
        text.to_string().lines().for_each(note);
    } else {
        // Help and version are Landfall's own, in colours where there are any.
        let _ = error.print();
    }
    u8::try_from(error.exit_code()).map_or(exit::COULD_NOT_RUN.into(), ExitCode::from)
}

/// The message of a thread that panics: it may quote the data that the thread worked on.
pub fn panicked(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("(unnamed)");
    let place = panic.location().map(ToString::to_string);
    let place = place.unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("(no message)");
    note(format_args!(
        "landfall: thread {thread} panicked at {place}: {message}; {REPORT_BUG}"
    ));
    let trace = std::backtrace::Backtrace::capture();
    if trace.status() == std::backtrace::BacktraceStatus::Captured {
        trace.to_string().lines().for_each(note);
    }
}
