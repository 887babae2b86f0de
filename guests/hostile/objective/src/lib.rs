//! A hostile window check that states objectives: one of 0.5 for each schema, unless configured otherwise.
//! Its marker is looked for in the names of schemas.

#[cfg(target_arch = "wasm32")]
mod component {
    use std::cell::RefCell;

    use hostile::{Config, Deed, When};
    use landfall_guest::bindings::objectives::exports::landfall::check::objectives;
    use landfall_guest::bindings::{objectives as stated, window_check as world};

    struct Hostile;

    thread_local! {
        static CONFIG: RefCell<Config> = RefCell::new(Config::default());
    }

    impl world::Guest for Hostile {
        fn configure(text: String) -> Result<(), String> {
            let config = Config::read(&text)?;
            CONFIG.with(|place| *place.borrow_mut() = config);
            Ok(())
        }

        fn describe() -> world::WindowManifest {
            world::WindowManifest {
                name: "hostile-objective".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                reasons: Vec::new(),
            }
        }

        fn check(_: Vec<world::Tally>) -> Result<Vec<world::Finding>, String> {
            Ok(Vec::new())
        }
    }

    impl objectives::Guest for Hostile {
        fn state(schemas: Vec<String>) -> Vec<Option<objectives::Objective>> {
            let config = CONFIG.with(|config| config.borrow().clone());
            let deed = config.act(When::State, schemas.join("\n").as_bytes());
            let target = match deed {
                Deed::WrongCodes => 99.9,
                Deed::Garbage => f64::NAN,
                _ => 0.5,
            };
            let objective = objectives::Objective {
                target,
                late_counts: false,
            };
            let count = match deed {
                Deed::ShortCodes => schemas.len().saturating_sub(1),
                Deed::LongCodes => schemas.len() + 1,
                // As it lies in memory, an objective has 24 bytes.
                Deed::HugeOutput => config.huge_bytes() / 24,
                _ => schemas.len(),
            };
            vec![Some(objective); count]
        }
    }

    world::export!(Hostile with_types_in landfall_guest::bindings::window_check);
    stated::export!(Hostile with_types_in landfall_guest::bindings::objectives);
}
