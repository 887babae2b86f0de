//! A hostile window check: one finding about every tally, unless configured otherwise. Its marker is
//! looked for in the names of schemas.

#[cfg(target_arch = "wasm32")]
mod component {
    use std::cell::RefCell;

    use hostile::{Config, Deed, When, not_utf8};
    use landfall_guest::bindings::window_check::{
        self as world, Finding, Guest, Severity, Tally, WindowManifest, WindowReason,
    };

    struct Hostile;

    thread_local! {
        static CONFIG: RefCell<Config> = RefCell::new(Config::default());
    }

    fn finding(tally: usize, text: String) -> Finding {
        Finding {
            tally: tally as u32,
            reason: 1,
            severity: Severity::Info,
            text,
        }
    }

    impl Guest for Hostile {
        fn configure(text: String) -> Result<(), String> {
            let config = Config::read(&text)?;
            CONFIG.with(|place| *place.borrow_mut() = config);
            Ok(())
        }

        fn describe() -> WindowManifest {
            let config = CONFIG.with(|config| config.borrow().clone());
            WindowManifest {
                name: "hostile-window".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                reasons: vec![WindowReason {
                    id: "seen".into(),
                    help: config.text,
                }],
            }
        }

        fn check(tallies: Vec<Tally>) -> Result<Vec<Finding>, String> {
            let config = CONFIG.with(|config| config.borrow().clone());
            let names: Vec<&str> = tallies.iter().map(|tally| &tally.schema[..]).collect();
            let deed = config.act(When::Batch, names.join("\n").as_bytes());
            let mut findings: Vec<Finding> = tallies
                .iter()
                .enumerate()
                .map(|(index, tally)| finding(index, tally.schema.clone()))
                .collect();
            match deed {
                Deed::Err => return Err(config.text),
                Deed::Say => findings.iter_mut().for_each(|finding| {
                    (finding.severity, finding.text) = (Severity::Critical, config.text.clone());
                }),
                Deed::WrongRow => findings.push(finding(tallies.len(), String::new())),
                Deed::WrongCodes => findings.iter_mut().for_each(|finding| finding.reason = 999),
                Deed::NotUtf8 => findings.push(finding(0, not_utf8())),
                Deed::HugeOutput => findings.push(finding(0, "x".repeat(config.huge_bytes()))),
                _ => {}
            }
            Ok(findings)
        }
    }

    world::export!(Hostile with_types_in landfall_guest::bindings::window_check);
}
