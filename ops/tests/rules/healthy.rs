//! A healthy Landfall: every series that a rule uses, with the values of a good day.

use super::world::{CAUSES, ENDPOINTS, SCHEMA, VERDICTS, Variant, World};

pub const GIB: f64 = 1_073_741_824.0;

/// Events of the schema that land in a minute.
pub const PER_MINUTE: f64 = 10.0;

/// Who owns what.
pub const SCHEMA_OWNER: &str = "editing";
pub const CHECK_OWNER: &str = "data";
pub const LANDFALL_OWNER: &str = "observers";

pub fn world(variant: Variant, minutes: u32) -> World {
    let mut world = World::empty(variant, minutes);
    process(&mut world);
    for schema in [SCHEMA, "(unknown)", "(none)", "(other)"] {
        self::schema(&mut world, schema);
    }
    world
        .set(
            "landfall_events_total",
            &[("verdict", "delivered"), ("schema", SCHEMA)],
            |minute| PER_MINUTE * minute,
        )
        .hold("landfall_pending_events", &[("schema", SCHEMA)], 20.0)
        .hold(
            "landfall_schema_owner_info",
            &[("schema", SCHEMA), ("owner", SCHEMA_OWNER)],
            1.0,
        );
    streams(&mut world);
    checks(&mut world);
    world
}

fn process(world: &mut World) {
    let alone = |world: &mut World, metric: &str, value| {
        world.hold(metric, &[], value);
    };
    for (metric, value) in [
        ("up", 1.0),
        ("landfall_process_start_time_seconds", 1_000_000.0),
        ("landfall_clock_speed_ratio", 1.0),
        ("landfall_clock_offset_seconds", 0.0),
        ("landfall_store_failing", 0.0),
        ("landfall_store_disk_available_bytes", 50.0 * GIB),
        ("landfall_spool_bytes", 1_000_000.0),
        ("landfall_spool_limit_bytes", 8.0 * GIB),
        ("landfall_spool_waits_total", 0.0),
        ("landfall_ledger_entries", 20.0),
        ("landfall_ledger_entries_limit", 8_000_000.0),
        ("landfall_conservation_imbalance_events_total", 0.0),
        ("landfall_schemas_stale", 0.0),
    ] {
        alone(world, metric, value);
    }
    world.hold("landfall_build_info", &[("version", "0.1.0")], 1.0);
    world.hold("landfall_owner_info", &[("owner", LANDFALL_OWNER)], 1.0);
    for cause in CAUSES {
        world.hold("landfall_incidents_open", &[("cause", cause)], 0.0);
    }
    for part in ["engine", "checks", "sources", "store", "threads"] {
        world.hold("landfall_ready", &[("part", part)], 1.0);
    }
    for thread in ["judge-0", "shard-0"] {
        world.hold(
            "landfall_thread_standing_seconds",
            &[("thread", thread)],
            0.0,
        );
    }
    for setting in ["keep", "missing_max"] {
        world.hold(
            "landfall_missing_removed_total",
            &[("setting", setting)],
            0.0,
        );
    }
}

fn schema(world: &mut World, schema: &str) {
    let of = [("schema", schema)];
    for verdict in VERDICTS {
        world.hold(
            "landfall_events_total",
            &[("verdict", verdict), ("schema", schema)],
            0.0,
        );
    }
    for metric in [
        "landfall_duplicates_total",
        "landfall_unexpected_total",
        "landfall_schema_unjudged_total",
        "landfall_schema_suspensions_total",
        "landfall_pending_events",
        "landfall_overdue_events",
    ] {
        world.hold(metric, &of, 0.0);
    }
    world.hold(
        "landfall_verdicts_revised_total",
        &[("from", "missing"), ("to", "late"), ("schema", schema)],
        0.0,
    );
    let objective = [("check", "delivery-objective"), ("schema", schema)];
    world.hold("landfall_delivery_objective_ratio", &objective, 0.999);
    world.hold("landfall_delivery_objective_late_counts", &objective, 0.0);
}

fn streams(world: &mut World) {
    for (stream, endpoint) in ENDPOINTS {
        let both = [("stream", stream), ("endpoint", endpoint)];
        world.hold("landfall_source_connected", &both, 1.0);
        world.hold("landfall_source_disconnects_total", &both, 0.0);
        world.hold("landfall_source_protocol_errors_total", &both, 0.0);
        world.set("landfall_frames_total", &both, |minute| PER_MINUTE * minute);
        for kind in ["oversize", "multipart", "no_payload", "too_many_parts"] {
            world.hold(
                "landfall_frames_refused_total",
                &[both[0], both[1], ("kind", kind)],
                0.0,
            );
        }
        world.hold("landfall_frontier_lag_seconds", &both[..1], 0.5);
        world.hold("landfall_queue_wait_seconds_total", &both[..1], 0.0);
    }
    world.hold(
        "landfall_undecodable_total",
        &[
            ("stream", "raw"),
            ("check", "eventlogging"),
            ("reason", "no_json"),
        ],
        0.0,
    );
}

fn checks(world: &mut World) {
    for check in ["eventlogging", "field-parity", "delivery-objective"] {
        let of = [("check", check)];
        for metric in [
            "landfall_check_stale",
            "landfall_check_loading",
            "landfall_check_suspensions_total",
        ] {
            world.hold(metric, &of, 0.0);
        }
        for kind in ["trap", "deadline", "schema"] {
            world.hold(
                "landfall_check_rows_faulted_total",
                &[of[0], ("kind", kind)],
                0.0,
            );
        }
        world.hold(
            "landfall_check_owner_info",
            &[of[0], ("owner", CHECK_OWNER)],
            1.0,
        );
    }
    world.hold(
        "landfall_check_findings_total",
        &[
            ("check", "delivery-objective"),
            ("reason", "below_target"),
            ("severity", "warning"),
        ],
        0.0,
    );
}
