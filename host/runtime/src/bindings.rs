//! The contract in Rust. Host functions are generated from `wit/`. The types of what guests export are
//! written by hand, with borrowed parameters, so that a batch is lowered from the buffers in which it lies.
//! Wasmtime checks them against the component's types at every load.

/// The package of the contract: the name of everything that a check may import begins with it.
pub(crate) const PACKAGE: &str = "landfall:check/";

/// The interfaces that guests import.
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package landfall:host;
            world host {
                import landfall:check/log@1.0.0;
                import landfall:check/schemas@1.0.0;
            }
        ",
        world: "landfall:host/host",
        imports: { default: trappable },
    });
}

pub(crate) use generated::landfall::check::{log, schemas};

/// What guests export.
pub(crate) mod shapes {
    use wasmtime::component::{ComponentType, Lift, Lower};

    #[derive(Clone, Copy, ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct ColumnParam<'a> {
        pub text: &'a [u8],
        pub ends: &'a [u32],
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Column {
        pub text: Vec<u8>,
        pub ends: Vec<u32>,
    }

    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Batch<'a> {
        pub stream: &'a str,
        pub rows: u32,
        pub columns: &'a [ColumnParam<'a>],
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Detail {
        pub row: u32,
        pub text: String,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Verdicts {
        pub codes: Vec<u16>,
        pub details: Vec<Detail>,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Decoded {
        pub documents: Column,
        pub codes: Vec<u16>,
        pub details: Vec<Detail>,
    }

    #[derive(Clone, Copy, ComponentType, Lift)]
    #[component(enum)]
    #[repr(u8)]
    #[allow(dead_code, reason = "made by lifting only")]
    pub(crate) enum Outcome {
        #[component(name = "violation")]
        Violation,
        #[component(name = "filtered")]
        Filtered,
        #[component(name = "unjudged")]
        Unjudged,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Reason {
        pub id: String,
        pub help: String,
        pub outcome: Outcome,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Manifest {
        pub name: String,
        pub version: String,
        pub columns: Vec<String>,
        pub reasons: Vec<Reason>,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct ParityManifest {
        pub name: String,
        pub version: String,
        #[component(name = "raw-columns")]
        pub raw_columns: Vec<String>,
        #[component(name = "written-columns")]
        pub written_columns: Vec<String>,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct WindowReason {
        pub id: String,
        pub help: String,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct WindowManifest {
        pub name: String,
        pub version: String,
        pub reasons: Vec<WindowReason>,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Difference {
        pub field: String,
        pub raw: String,
        pub written: String,
    }

    /// Counts of one window and one schema, in events; see `wit/check.wit`.
    #[derive(Clone, Debug, Default, PartialEq, Eq, ComponentType, Lower)]
    #[component(record)]
    pub struct Tally {
        pub schema: String,
        #[component(name = "start-ms")]
        pub start_ms: i64,
        #[component(name = "end-ms")]
        pub end_ms: i64,
        pub raw: u64,
        pub delivered: u64,
        pub late: u64,
        pub altered: u64,
        pub missing: u64,
        pub unconfirmed: u64,
        pub rejected: u64,
        pub leaked: u64,
        pub repeated: u64,
        pub unjudged: u64,
        pub duplicate: u64,
        pub unexpected: u64,
    }

    #[derive(Clone, Copy, ComponentType, Lift)]
    #[component(enum)]
    #[repr(u8)]
    #[allow(dead_code, reason = "made by lifting only")]
    pub(crate) enum Severity {
        #[component(name = "info")]
        Info,
        #[component(name = "warning")]
        Warning,
        #[component(name = "critical")]
        Critical,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Finding {
        pub tally: u32,
        pub reason: u16,
        pub severity: Severity,
        pub text: String,
    }

    /// Of a window check that states objectives; see `wit/check.wit`.
    #[derive(Clone, Copy, Debug, ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Objective {
        pub target: f64,
        #[component(name = "late-counts")]
        pub late_counts: bool,
    }
}
