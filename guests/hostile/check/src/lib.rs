//! A hostile event check; see the crate `hostile` for what it can be configured to do.

#[cfg(target_arch = "wasm32")]
mod component {
    use std::cell::RefCell;

    use hostile::{Config, Deed, When, not_utf8, trap};
    use landfall_guest::bindings::event_check::landfall::check::types::{Detail, Outcome, Reason};
    use landfall_guest::bindings::event_check::{
        self as world, Batch, Guest, Manifest, Verdicts, landfall::check::schemas,
    };
    use landfall_guest::log::{Level, emit};

    struct Hostile;

    thread_local! {
        static CONFIG: RefCell<Config> = RefCell::new(Config::default());
    }

    fn config() -> Config {
        CONFIG.with(|config| config.borrow().clone())
    }

    impl Guest for Hostile {
        fn configure(text: String) -> Result<(), String> {
            let config = Config::read(&text)?;
            let deed = config.act(When::Configure, &[]);
            let refusal = format!("`do`: {}", config.text);
            CONFIG.with(|place| *place.borrow_mut() = config);
            match deed {
                Deed::Err => Err(refusal),
                Deed::NotUtf8 => Err(not_utf8()),
                _ => Ok(()),
            }
        }

        fn describe() -> Manifest {
            let config = config();
            let deed = config.act(When::Describe, &[]);
            let mut manifest = Manifest {
                name: "hostile-check".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                columns: vec![config.column.clone()],
                reasons: vec![Reason {
                    id: config.reason.clone(),
                    help: config.text.clone(),
                    outcome: Outcome::Violation,
                }],
            };
            match deed {
                Deed::BadManifest => manifest.reasons[0].id = "Not A Label{}".into(),
                Deed::NotUtf8 => manifest.name = not_utf8(),
                Deed::HugeOutput => manifest.version = "9".repeat(config.huge_bytes()),
                _ => {}
            }
            manifest
        }

        fn check(batch: Batch) -> Result<Verdicts, String> {
            let config = config();
            let text = batch.columns.first().map_or(&[][..], |column| &column.text);
            let rows = batch.rows;
            let mut codes = vec![0; rows as usize];
            let mut details = Vec::new();
            let detail = |row: u32, text: String| Detail { row, text };
            match config.act(When::Batch, text) {
                Deed::Err => return Err(config.text),
                Deed::WrongCodes => codes.iter_mut().for_each(|code| *code = 999),
                Deed::ShortCodes => drop(codes.pop()),
                Deed::LongCodes => codes.push(0),
                Deed::Say => {
                    codes.iter_mut().for_each(|code| *code = 1);
                    details.extend((0..rows).map(|row| detail(row, config.text.clone())));
                    emit(Level::Error, &config.text);
                }
                Deed::WrongRow => details.push(detail(rows, "no such row".into())),
                Deed::NotUtf8 => details.push(detail(0, not_utf8())),
                Deed::HugeOutput => details.push(detail(0, "x".repeat(config.huge_bytes()))),
                deed @ (Deed::LogFlood | Deed::LogAndTrap) => {
                    let line = "x".repeat(4096);
                    (0..config.log_lines()).for_each(|_| emit(Level::Error, &line));
                    if deed == Deed::LogAndTrap {
                        trap();
                    }
                }
                Deed::WrongValidation => {
                    schemas::validate("", &[rows], &[0], &["None/1".to_owned()]);
                }
                Deed::RepeatValidation => {
                    let again = vec![0; rows as usize + 1];
                    schemas::validate("", &again, &again, &["None/1".to_owned()]);
                }
                _ => {}
            }
            Ok(Verdicts { codes, details })
        }
    }

    world::export!(Hostile with_types_in landfall_guest::bindings::event_check);
}
