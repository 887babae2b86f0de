//! docs/STORE.md describes the tables as they are.

use std::collections::BTreeSet;
use std::path::Path;

use landfall_store::{FILE_NAME, Store, VERSION};

/// Columns of all tables and views, as `table.column`.
fn stored() -> BTreeSet<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(Store::open(&path, [7; 16], "test").unwrap());
    let connection = rusqlite::Connection::open(path.join(FILE_NAME)).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
             WHERE m.type IN ('table', 'view')",
        )
        .unwrap();
    let columns = statement.query_map([], |row| row.get(0)).unwrap();
    columns.collect::<Result<_, _>>().unwrap()
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/STORE.md");
    std::fs::read_to_string(path).expect("docs/STORE.md")
}

/// The rows `| \`column\` | ...` under each heading "### `table`".
fn documented(page: &str) -> BTreeSet<String> {
    let mut columns = BTreeSet::new();
    let mut table = None;
    for line in page.lines() {
        if line.starts_with('#') {
            table = line
                .strip_prefix("### `")
                .and_then(|rest| rest.split('`').next());
        } else if let (Some(table), Some(row)) = (table, line.strip_prefix("| `")) {
            let names = row.split(" | ").next().unwrap_or_default();
            for name in names
                .split('`')
                .filter(|part| !part.trim_matches([',', ' ']).is_empty())
            {
                columns.insert(format!("{table}.{name}"));
            }
        }
    }
    columns
}

#[test]
fn every_column_is_documented_and_no_other() {
    let (stored, documented) = (stored(), documented(&page()));
    let missing: Vec<_> = stored.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&stored).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "docs/STORE.md lacks {missing:?}, and has {invented:?} that are not there"
    );
}

#[test]
fn the_documented_version_is_this_one() {
    assert!(page().contains(&format!("`PRAGMA user_version` is {VERSION}")));
}
