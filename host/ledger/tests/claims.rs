//! What becomes of a key whose events name different schemas: each schema is owed a row of its own. Schemas
//! 0 and 1 are none. The shard's deadline is 100 ms, and a row that no event explains is decided 30 ms of
//! raw time after it landed.

#[path = "support/script.rs"]
mod script;

use script::check;

#[test]
fn each_schema_under_a_key_is_owed_a_row_of_its_own() {
    // Either may be lost, whichever came first, and whichever stream is read first.
    for (rows, expected) in [
        ("", "missing a\nmissing a/3\n0/2: missing 1\n0/3: missing 1"),
        (
            "written a at 20 schema 2",
            "missing a/3\n0/2: delivered 1\n0/3: missing 1",
        ),
        (
            "written a at 20 schema 3",
            "missing a\n0/2: missing 1\n0/3: delivered 1",
        ),
        (
            "written a at 20 schema 3\nwritten a at 21 schema 2",
            "0/2: delivered 1\n0/3: delivered 1",
        ),
        (
            "written a at 20 schema 3\nwritten a at 21 schema 3\nwritten a at 22 schema 2",
            "duplicate a/3\n0/2: delivered 1\n0/3: delivered 1 duplicate 1",
        ),
    ] {
        let raw = "raw a at 0 schema 2\nraw a at 10 schema 3";
        script::check_sums(&format!("{raw}\n{rows}\nfrontier 1000"), expected);
    }
    for rows in ["written a at 20 schema 2", "written a at 20 schema 3"] {
        // With the row first, and then the event whose row it is not.
        let raw = "raw a at 0 schema 2\nraw a at 10 schema 3";
        let other = "raw a at 10 schema 3\nraw a at 0 schema 2";
        for raw in [raw, other] {
            let (landed, lost) = if rows.ends_with('2') { (2, 3) } else { (3, 2) };
            let is_first_lost = raw.contains(&format!("schema {lost}\n"));
            let name = if is_first_lost {
                "a".to_owned()
            } else {
                format!("a/{lost}")
            };
            let (low, high) = if landed == 2 {
                ("delivered", "missing")
            } else {
                ("missing", "delivered")
            };
            script::check_sums(
                &format!("{rows}\n{raw}\nfrontier 1000"),
                &format!("missing {name}\n0/2: {low} 1\n0/3: {high} 1"),
            );
        }
    }
}

#[test]
fn events_of_two_schemas_under_a_key_are_judged_apart() {
    check(
        "raw a at 0 rejected schema 2
         raw a at 1 schema 3
         written a at 20 schema 3
         frontier 1000",
        "0/2: rejected 1
         0/3: delivered 1",
    );
    check(
        "raw a at 0 schema 2
         raw a at 1 rejected schema 3
         written a at 20 schema 3
         attach a/3
         frontier 1000",
        "hold a/3
         attached a/3: true
         leaked a/3 written:a arrived 1 reason 9
         missing a raw:a arrived 0 due 100
         0/2: missing 1
         0/3: leaked 1",
    );
    check(
        "raw a at 0 schema 2
         raw a at 1 unjudged schema 3
         raw a at 2 schema 3
         raw a at 3 schema 3
         raw a at 4 schema 2
         frontier 1000",
        "missing a raw:a arrived 0 due 100
         missing a/3 raw:a arrived 2 due 102
         0/2: missing 1 repeated 1
         0/3: missing 1 repeated 1 unjudged 1",
    );
    // A second chance is that of the same schema.
    check(
        "raw a at 0 schema 2
         raw a at 1 schema 3
         frontier 500
         raw a at 510 schema 3
         written a at 520 schema 3
         frontier 2000",
        "missing a raw:a arrived 0 due 100
         missing a/3 raw:a arrived 1 due 101
         landed late a/3 row:a at 520
         0/2: missing 1
         0/3: late 1 repeated 1",
    );
}

#[test]
fn a_row_of_a_schema_that_no_event_names_is_that_of_the_key_once_raw_time_has_passed_it() {
    check(
        "raw a at 0 schema 2 form 1
         written a at 10 schema 3 form 1
         attach a/3
         frontier written 500
         frontier raw 39
         frontier raw 40",
        "hold a/3
         attached a/3: true
         0/2: delivered 1",
    );
    check(
        "raw a at 0 schema 2 form 1
         written a at 10 schema 3 form 1
         frontier written 500
         raw a at 11 schema 3 form 1
         frontier raw 40",
        "hold a/3
         missing a raw:a arrived 0 due 100
         0/2: missing 1
         0/3: delivered 1",
    );
    // It is looked at like any other, and is one row more if the key has its own.
    check(
        "raw a at 0 schema 2 form 1
         written a at 10 schema 3 form 2
         raw b at 0 schema 2
         written b at 5 schema 2
         written b at 10 schema 3
         frontier 40",
        "hold a/3
         hold b/3
         altered a raw:a gone
         duplicate b gone at 10
         0/2: delivered 1 altered 1
         0/3: duplicate 1",
    );
    // However far time leaps meanwhile.
    check(
        "frontier 0
         raw a at 0 unjudged schema 2
         written a at 10 schema 3
         frontier 50000",
        "hold a/3
         0/2: unjudged 1",
    );
    // No event can come any more when it is read.
    check(
        "raw a at 0 schema 2
         frontier raw 40
         written a at 10 schema 3",
        "0/2: delivered 1",
    );
}

#[test]
fn a_row_that_names_no_schema_may_be_that_of_any_event_of_its_key() {
    for none in [0, 1] {
        check(
            &format!(
                "raw a at 0 schema 2
                 raw a at 1 schema 3
                 written a at 10 schema {none}
                 raw a at 11 schema 4
                 frontier 1000"
            ),
            "0/2: delivered 1
             0/3: repeated 1
             0/4: repeated 1",
        );
        check(
            &format!(
                "raw a at 0 schema {none}
                 raw a at 1 schema 3
                 written a at 10 schema 3
                 frontier 1000"
            ),
            &format!("0/{none}: delivered 1\n0/3: repeated 1"),
        );
    }
    check(
        "written a at 10
         raw a at 0 schema 2
         raw a at 1 schema 3
         frontier 1000",
        "hold a
         0/2: delivered 1
         0/3: repeated 1",
    );
}

#[test]
fn what_the_store_knows_as_missing_is_found_by_its_schema() {
    // Of an earlier run: the key itself is not known, or is missing too.
    check(
        "unlanded a/3
         raw a at 0 schema 2
         written a at 10 schema 2
         written a at 20 schema 3
         recalled a/3 3
         frontier 1000",
        "recall a/3
         hold a/3
         landed late a/3 gone at 20 of the store
         0/2: delivered 1",
    );
    check(
        "unlanded a/3
         unlanded a
         written a at 20 schema 3
         recalled a 2
         recalled a/3 3
         raw a at 21 schema 2
         frontier 1000",
        "recall a
         hold a
         recall a/3
         landed late a/3 gone at 20 of the store
         missing again a arrived 21 due 121 of the store
         0/2: repeated 1",
    );
    // The filter was wrong: the row is the key's.
    check(
        "unlanded a/3
         written a at 20 schema 3
         recalled a/3 no
         raw a at 21 schema 3
         frontier 1000",
        "recall a/3
         hold a/3
         0/3: delivered 1",
    );
    check(
        "unlanded a/3
         written a at 20 schema 3
         recalled a/3 no
         raw a at 21 schema 2
         frontier 1000",
        "recall a/3
         hold a/3
         0/2: delivered 1",
    );
}
