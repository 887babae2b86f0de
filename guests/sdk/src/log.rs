//! Lines for the operator's log. The host limits their rate and length and names the check.

pub use crate::bindings::event_check::landfall::check::log::Level;

/// Sends one line to the host, or in a native test to the harness's list.
pub fn emit(level: Level, text: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::event_check::landfall::check::log::emit(level, text);
    #[cfg(not(target_arch = "wasm32"))]
    crate::test::record_log(level, text);
}

/// Logs at debug level, formatted like `format!`.
#[macro_export]
macro_rules! debug {
    ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Debug, &::std::format!($($text)*)) };
}

/// Logs at info level, formatted like `format!`.
#[macro_export]
macro_rules! info {
    ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Info, &::std::format!($($text)*)) };
}

/// Logs at warning level, formatted like `format!`.
#[macro_export]
macro_rules! warn {
    ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Warn, &::std::format!($($text)*)) };
}

/// Logs at error level, formatted like `format!`.
#[macro_export]
macro_rules! error {
    ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Error, &::std::format!($($text)*)) };
}
