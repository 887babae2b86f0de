//! Cases of judging: frames, checks and schemas.

use super::{NONE, from, growing, within};
use crate::case::{Case, Firing, case, firing};
use crate::healthy::{CHECK_OWNER, LANDFALL_OWNER, SCHEMA_OWNER};
use crate::world::{ENDPOINTS, SCHEMA, World};

const PARITY: [(&str, &str); 1] = [("check", "field-parity")];

pub fn cases() -> Vec<Case> {
    [versions(), faults(), codecs(), frames()].concat()
}

fn of_check(alert: &'static str, check: &str) -> Firing {
    firing(alert)
        .label("check", check)
        .label("owner", CHECK_OWNER)
}

fn versions() -> Vec<Case> {
    const STALE: &str = "LandfallCheckStale";
    const LOADING: &str = "LandfallCheckLoading";
    const SCHEMAS: &str = "LandfallSchemasStale";
    vec![
        case(STALE, "the newest file does not load", 60, |world| {
            world
                .set("landfall_check_stale", &PARITY, from(10.0, 0.0, 1.0))
                .down(18.0..19.0);
        })
        .quiet_at(24)
        .at(27, [of_check(STALE, "field-parity").says("The newest file of the check field-parity does not load at a:9470, and an older version judges. Next: curl http://a:9470/readyz says why; fix the file, landfall config check")]),
        case(STALE, "a release that is fixed", 60, |world| {
            world.set("landfall_check_stale", &PARITY, within(10.0, 18.0));
        })
        .quiet(),
        case(LOADING, "it is compiled for long", 60, |world| {
            world.set("landfall_check_loading", &PARITY, from(10.0, 0.0, 1.0));
        })
        .quiet_at(24)
        .at(27, [of_check(LOADING, "field-parity").says("A newer file of the check field-parity has been compiled for 15 minutes at a:9470, and an older version judges. Next: see the log; put the former file back, or see compile.time_max")]),
        case(LOADING, "a reload", 60, |world| {
            world.set("landfall_check_loading", &PARITY, within(10.0, 13.0));
        })
        .quiet(),
        case(SCHEMAS, "two files do not load", 60, |world| {
            world.set("landfall_schemas_stale", NONE, from(10.0, 0.0, 2.0));
        })
        .quiet_at(24)
        .at(27, [firing(SCHEMAS).label("owner", LANDFALL_OWNER).says("Schemas whose newest files do not load at a:9470, so that older versions judge: 2. Next: curl http://a:9470/readyz names them; fix the files, landfall config check")]),
        case(SCHEMAS, "a release that is fixed", 60, |world| {
            world.set("landfall_schemas_stale", NONE, within(10.0, 18.0));
        })
        .quiet(),
    ]
}

fn faults() -> Vec<Case> {
    const FAULTS: &str = "LandfallCheckFaults";
    const SUSPENDED: &str = "LandfallCheckSuspended";
    const COSTLY: &str = "LandfallSchemaTooCostly";
    fn rows(world: &mut World, kind: &str) {
        world.set(
            "landfall_check_rows_faulted_total",
            &[PARITY[0], ("kind", kind)],
            from(10.0, 0.0, 2.0),
        );
    }
    vec![
        case(FAULTS, "two rows", 85, |world| rows(world, "trap"))
            .at(12, [of_check(FAULTS, "field-parity").says("The check field-parity failed on 2 rows within an hour, and did not judge them. Next: put its former version back; the rows are among the samples of the store. landfall incidents --open")])
            .quiet_at(83),
        case(FAULTS, "the schema is to blame", 40, |world| rows(world, "schema")).quiet(),
        case(SUSPENDED, "it keeps failing", 85, |world| {
            world.set("landfall_check_suspensions_total", &PARITY, from(10.0, 0.0, 2.0));
        })
        .at(12, [of_check(SUSPENDED, "field-parity").says("The check field-parity was suspended 2 times within an hour, because it kept failing; the events that it should have judged are unjudged. Next: put its former version back. landfall incidents --open")])
        .quiet_at(83),
        case(SUSPENDED, "before a restart", 85, |world| {
            world
                .hold("landfall_check_suspensions_total", &PARITY, 2.0)
                .restart(30.0, 1.0);
        })
        .quiet(),
        case(COSTLY, "four events take too many steps", 85, |world| {
            let schema = [("schema", SCHEMA)];
            world.set("landfall_schema_unjudged_total", &schema, from(10.0, 0.0, 4.0));
        })
        .at(12, [firing(COSTLY).label("schema", SCHEMA).label("owner", SCHEMA_OWNER).says("Validation by the schema Edit/11 took too many steps within an hour, and left 4 events unjudged. Next: simplify the schema; the log names it. landfall incidents --open")])
        .quiet_at(83),
        case(COSTLY, "before a restart", 85, |world| {
            let schema = [("schema", SCHEMA)];
            world
                .hold("landfall_schema_unjudged_total", &schema, 4.0)
                .restart(30.0, 1.0);
        })
        .quiet(),
    ]
}

fn codecs() -> Vec<Case> {
    const CODEC: &str = "LandfallCodecFails";
    const FAULT: [(&str, &str); 3] = [
        ("stream", "raw"),
        ("check", "eventlogging"),
        ("reason", "fault_trap"),
    ];
    const UNDECODABLE: &str = "landfall_undecodable_total";
    let of_codec = || of_check(CODEC, "eventlogging").label("stream", "raw");
    let says = "The codec eventlogging failed on 2 frames of raw within an hour, and gave up on them; events that landed with them are called missing. Next: put its former version back, and replay the samples";
    vec![
        case(CODEC, "two frames", 85, |world| {
            world.set(UNDECODABLE, &FAULT, from(10.0, 0.0, 2.0));
        })
        .at(12, [of_codec().says(says)])
        .quiet_at(83),
        case(
            CODEC,
            "two frames, with which the series begins",
            85,
            |world| {
                world.some(UNDECODABLE, &FAULT, |minute| {
                    (minute >= 10.0).then_some(2.0)
                });
            },
        )
        .at(12, [of_codec().says(says)])
        .quiet_at(83),
        case(CODEC, "of old, when scrapes fail", 85, |world| {
            world
                .hold(UNDECODABLE, &FAULT, 500.0)
                .down(20.0..28.0)
                .down(50.0..51.0);
        })
        .quiet(),
        case(CODEC, "of old, when Prometheus was away", 85, |world| {
            world.hold(UNDECODABLE, &FAULT, 500.0).gap(20.0..32.0);
        })
        .quiet(),
        case(CODEC, "of old, before a restart", 85, |world| {
            world.hold(UNDECODABLE, &FAULT, 500.0).restart(30.0, 1.0);
        })
        .quiet(),
    ]
}

fn frames() -> Vec<Case> {
    const REFUSED: &str = "LandfallFramesRefused";
    const UNDECODABLE: &str = "LandfallUndecodable";
    const KIND: [(&str, &str); 3] = [
        ("stream", ENDPOINTS[0].0),
        ("endpoint", ENDPOINTS[0].1),
        ("kind", "multipart"),
    ];
    fn undecodable(world: &mut World, per_minute: f64) {
        let labels = [
            ("stream", "raw"),
            ("check", "eventlogging"),
            ("reason", "no_json"),
        ];
        world.set(
            "landfall_undecodable_total",
            &labels,
            growing(0.0, per_minute),
        );
    }
    vec![
        case(REFUSED, "five frames", 85, |world| {
            world.set("landfall_frames_refused_total", &KIND, from(10.0, 0.0, 5.0));
        })
        .at(12, [
            firing(REFUSED)
                .label("stream", KIND[0].1)
                .label("endpoint", KIND[1].1)
                .label("kind", KIND[2].1)
                .label("owner", LANDFALL_OWNER)
                .says("tcp://127.0.0.1:8421 (raw) sent 5 frames within an hour that Landfall refuses: multipart. Refused written frames may be landings. Next: curl http://a:9470/readyz names the setting"),
        ])
        .quiet_at(83),
        case(REFUSED, "before a restart", 85, |world| {
            world
                .hold("landfall_frames_refused_total", &KIND, 5.0)
                .restart(30.0, 1.0);
        })
        .quiet(),
        case(UNDECODABLE, "one of eight frames", 60, |world| undecodable(world, 1.25))
            .quiet_at(10)
            .at(40, [of_check(UNDECODABLE, "eventlogging").label("stream", "raw").says("12.5% of the frames of raw within an hour have no key that eventlogging could read. Next: see the samples in the store, and streams.raw.codec")]),
        case(UNDECODABLE, "one of two hundred", 60, |world| undecodable(world, 0.05)).quiet(),
    ]
}
