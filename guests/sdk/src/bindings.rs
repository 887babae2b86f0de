//! The contract of `wit/` as Rust, one module per world.
//!
//! Private to the SDK and to the expansion of its `export_*!` macros: authors use the types of the
//! rest of the crate. The shared interfaces are generated once, in `event_check`, and the
//! other worlds refer to them.

#![allow(
    missing_docs,
    clippy::all,
    reason = "generated code; wit/check.wit has the documentation"
)]

pub mod event_check {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "event-check",
        pub_export_macro: true,
        default_bindings_module: "landfall_guest::bindings::event_check",
    });
}

pub mod codec {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "codec",
        pub_export_macro: true,
        default_bindings_module: "landfall_guest::bindings::codec",
        with: {
            "landfall:check/types@1.0.0": crate::bindings::event_check::landfall::check::types,
            "landfall:check/log@1.0.0": crate::bindings::event_check::landfall::check::log,
        },
    });
}

pub mod parity_check {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "parity-check",
        pub_export_macro: true,
        default_bindings_module: "landfall_guest::bindings::parity_check",
        with: {
            "landfall:check/types@1.0.0": crate::bindings::event_check::landfall::check::types,
            "landfall:check/log@1.0.0": crate::bindings::event_check::landfall::check::log,
        },
    });
}

pub mod window_check {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "window-check",
        pub_export_macro: true,
        default_bindings_module: "landfall_guest::bindings::window_check",
        with: {
            "landfall:check/log@1.0.0": crate::bindings::event_check::landfall::check::log,
        },
    });
}

/// The additional export of a window check: separate from its world, so that both have the same tallies.
pub mod objectives {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package landfall:sdk;
            world states-objectives {
                export landfall:check/objectives@1.0.0;
            }
        ",
        world: "landfall:sdk/states-objectives",
        pub_export_macro: true,
        default_bindings_module: "landfall_guest::bindings::objectives",
    });
}
