//! Commands to a running Landfall: what there is, what is answered, and the socket in the store's directory that both
//! go through. Its owner alone can reach it.
//!
//! One request and one answer a connection, each one line of JSON. Knows nothing of what a command does.

mod client;
mod path;
mod server;

use serde::{Deserialize, Serialize};

pub use client::{ControlError, ask};
pub use server::{CONNECTIONS_MAX, Closing, CommandHandler, ControlSocket, ReplyFuture};

/// What can be asked of a running Landfall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Reads configuration, schemas and checks again, and tries again what was refused.
    Reload {},
    /// What `/readyz` shows, for those who cannot ask by HTTP.
    Status {},
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    Reloaded(Reloaded),
    Status(Status),
    /// The command was not carried out.
    Refused {
        why: String,
    },
}

/// What a reload came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The generation of checks and schemas in force, as the store numbers it.
    pub generation: u64,
    /// All of the configuration, the schemas and the checks is in force as the files have it.
    pub complete: bool,
    /// Checks whose files are still being loaded; those in force judge meanwhile.
    pub loading: Vec<String>,
    /// What is not in force, and why.
    pub problems: Vec<String>,
}

/// How a running Landfall is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    /// All parts are ready.
    pub ready: bool,
    pub parts: Vec<PartStatus>,
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartStatus {
    pub name: String,
    pub ready: bool,
    /// The details, or the reason why it is not ready.
    pub detail: String,
}

pub use landfall_store::CONTROL_NAME as SOCKET_NAME;

/// Longest request and answer, in bytes.
const REQUEST_BYTES_MAX: u64 = 64 << 10;
const ANSWER_BYTES_MAX: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_answers_have_one_spelling() {
        let command = serde_json::to_string(&Command::Reload {}).unwrap();
        assert_eq!(command, r#"{"command":"reload"}"#);
        let answer = Reply::Reloaded(Reloaded {
            generation: 7,
            complete: true,
            ..Reloaded::default()
        });
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(
            text,
            r#"{"answer":"reloaded","generation":7,"complete":true,"loading":[],"problems":[]}"#
        );
        assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), answer);
        for unknown in [
            r#"{"command":"stop"}"#,
            r#"{"command":"reload","now":1}"#,
            "reload",
        ] {
            assert!(
                serde_json::from_str::<Command>(unknown).is_err(),
                "{unknown}"
            );
        }
    }
}
