//! Errors of the store, and what to do about each.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// An operation on the store that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("failed to {doing} {path}: {source}; see store.dir")]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "another process of Landfall writes to the store in {dir}; end it first, or name another store.dir"
    )]
    Locked { dir: PathBuf },
    #[error(
        "the store at {path} is no longer the file that was opened: it was moved, removed or replaced while \
         Landfall ran; put it back, or what is found from now on is lost"
    )]
    Moved { path: PathBuf },
    #[error(
        "there is no store at {path}: has `landfall run` run with this configuration? see store.dir"
    )]
    Absent { path: PathBuf },
    #[error(
        "the store {path} has version {found}, this program knows {known}: use the program that wrote it, or another store.dir"
    )]
    Version {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error(
        "the store {path} has version {found}, and this program reads {known}: `landfall run` brings it up at its next start, until then use the program that wrote it"
    )]
    Outdated {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("failed to {doing} in the store: {source}; {remedy}")]
    Sqlite {
        doing: &'static str,
        source: rusqlite::Error,
        remedy: &'static str,
    },
}

impl StoreError {
    /// Whether it is of no use to try again: the file is damaged.
    pub fn is_final(&self) -> bool {
        let Self::Sqlite { source, .. } = self else {
            return false;
        };
        matches!(
            source.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        )
    }

    pub(crate) fn sqlite(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| {
            let remedy = match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    "another process holds it; only one sidecar may write to a store"
                }
                Some(ErrorCode::DiskFull) => {
                    "the disk is full; make room, nothing is lost while the sidecar waits"
                }
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    "the file is damaged; move it away and start anew, then recover it with sqlite3 .recover"
                }
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                    "check the permissions of store.dir, and whether its file system is mounted read-only"
                }
                Some(ErrorCode::SystemIoFailure) => {
                    "the system refuses it: see whether store.dir or its file system is read-only, and what the \
                     system's log says of the disk"
                }
                _ => "see docs/STORE.md",
            };
            Self::Sqlite {
                doing,
                source,
                remedy,
            }
        }
    }
}
