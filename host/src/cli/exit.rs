//! Exit codes, the same for all commands.

use std::process::ExitCode;

/// A documented exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(u8);

/// All is well: nothing was found.
pub const CLEAN: Exit = Exit(0);
/// It ran, and found something: missing events, invalid documents, a wrong configuration.
pub const FINDINGS: Exit = Exit(1);
/// It could not run.
pub const COULD_NOT_RUN: Exit = Exit(2);

/// It ended and did not finish what it had received, for example because of a second signal.
pub const CUT_SHORT: Exit = Exit(3);

impl Exit {
    pub fn code(self) -> i32 {
        self.0.into()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.0)
    }
}
