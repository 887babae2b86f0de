//! Brings a file to the version of this program: creates the tables, or migrates those of an earlier version. Each
//! is one transaction: a process that dies in it leaves the file as it was.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use crate::error::StoreError;

/// Bytes of the secret under which keys are fingerprinted.
pub const SECRET_BYTES: usize = 16;

/// Version of the tables, in `PRAGMA user_version`.
pub const VERSION: i64 = 9;

/// The oldest version that can be migrated.
pub(crate) const VERSION_MIN: i64 = 3;

const SCHEMA: &str = include_str!("schema.sql");

/// The SQL that migrates each version to the next, from [`VERSION_MIN`] on.
const STEPS: [&str; (VERSION - VERSION_MIN) as usize] = [
    include_str!("from_version_3.sql"),
    include_str!("from_version_4.sql"),
    include_str!("from_version_5.sql"),
    include_str!("from_version_6.sql"),
    include_str!("from_version_7.sql"),
    include_str!("from_version_8.sql"),
];

/// Makes the file a store of this version. `secret` and `program` are stored if it is new.
pub(crate) fn bring_up(
    connection: &mut Connection,
    path: &Path,
    secret: [u8; SECRET_BYTES],
    program: &str,
) -> Result<(), StoreError> {
    let found = version(connection)?;
    match found {
        VERSION => Ok(()),
        0 => create(connection, secret, program).map_err(StoreError::sqlite("create the tables")),
        VERSION_MIN..VERSION => {
            let steps = &STEPS[(found - VERSION_MIN) as usize..];
            migrate(connection, steps).map_err(StoreError::sqlite("bring up the tables"))
        }
        _ => Err(StoreError::Version {
            path: path.to_owned(),
            found,
            known: VERSION,
        }),
    }
}

/// Refuses a store of another version: a reader cannot migrate it.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let path = path.to_owned();
    match version(connection)? {
        VERSION => Ok(()),
        found @ VERSION_MIN..VERSION => Err(StoreError::Outdated {
            path,
            found,
            known: VERSION,
        }),
        found => Err(StoreError::Version {
            path,
            found,
            known: VERSION,
        }),
    }
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(StoreError::sqlite("read its version"))
}

fn create(
    connection: &mut Connection,
    secret: [u8; SECRET_BYTES],
    program: &str,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute(
        "INSERT INTO meta VALUES ('secret', ?1), ('created_by', ?2), ('next_incident', 1), ('next_generation', 0), ('overwrites', 1)",
        params![secret, program],
    )?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
