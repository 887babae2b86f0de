//! The parts of the end-to-end tests and the demo: a pipeline like the one for which Landfall was
//! made, with faults that can be switched on, a record of the truth, and Landfall as a process.
//!
//! Nothing here links Landfall. The tests use its binary, its configuration file, its sockets, its
//! HTTP answers and its store, as an operator does.

pub mod clock;
pub mod events;
pub mod faults;
pub mod http;
pub mod identity;
pub mod metrics;
pub mod monitoring;
pub mod outage;
pub mod paths;
pub mod percent;
pub mod picture;
pub mod pipeline;
pub mod power_cut;
pub mod recording;
pub mod replay;
pub mod scene;
pub mod sidecar;
pub mod truth;
pub mod wait;
pub mod wire;
pub mod work_dir;
