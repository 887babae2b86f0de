//! A hostile codec: every frame is its own document, unless configured otherwise.

#[cfg(target_arch = "wasm32")]
mod component {
    use std::cell::RefCell;

    use hostile::{Config, Deed, When, not_utf8};
    use landfall_guest::bindings::codec::{
        self as world, Column, Decoded, Detail, Guest, Manifest,
    };
    use landfall_guest::bindings::event_check::landfall::check::types::{Outcome, Reason};

    struct Hostile;

    thread_local! {
        static CONFIG: RefCell<Config> = RefCell::new(Config::default());
    }

    impl Guest for Hostile {
        fn configure(text: String) -> Result<(), String> {
            let config = Config::read(&text)?;
            let deed = config.act(When::Configure, &[]);
            let refusal = format!("`do`: {}", config.text);
            CONFIG.with(|place| *place.borrow_mut() = config);
            match deed {
                Deed::Err => Err(refusal),
                _ => Ok(()),
            }
        }

        fn describe() -> Manifest {
            let config = CONFIG.with(|config| config.borrow().clone());
            Manifest {
                name: "hostile-codec".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                columns: Vec::new(),
                reasons: vec![Reason {
                    id: config.reason,
                    help: config.text,
                    outcome: Outcome::Violation,
                }],
            }
        }

        fn decode(frames: Column) -> Result<Decoded, String> {
            let config = CONFIG.with(|config| config.borrow().clone());
            let deed = config.act(When::Batch, &frames.text);
            let rows = frames.ends.len();
            let mut decoded = Decoded {
                documents: frames,
                codes: vec![0; rows],
                details: Vec::new(),
            };
            let documents = &mut decoded.documents;
            match deed {
                Deed::Err => return Err(config.text),
                Deed::WrongCodes => decoded.codes.iter_mut().for_each(|code| *code = 999),
                Deed::ShortCodes => drop(decoded.codes.pop()),
                Deed::LongCodes => decoded.codes.push(0),
                Deed::BadEnds => documents.ends.reverse(),
                Deed::LongEnds => documents.ends.iter_mut().for_each(|end| *end += 1),
                Deed::ShortEnds => drop(documents.ends.pop()),
                Deed::NotUtf8 => documents.text.iter_mut().for_each(|byte| *byte = 0xff),
                Deed::Garbage => documents.text.iter_mut().for_each(|byte| *byte = b'#'),
                Deed::Say => {
                    decoded.codes.iter_mut().for_each(|code| *code = 1);
                    let detail = |row| Detail {
                        row: row as u32,
                        text: config.text.clone(),
                    };
                    decoded.details.extend((0..rows).map(detail));
                }
                Deed::WrongRow => {
                    let (row, text) = (rows as u32, not_utf8());
                    decoded.details.push(Detail { row, text });
                }
                Deed::HugeOutput => {
                    let length = config.huge_bytes();
                    documents.text = vec![b' '; length];
                    if let Some(last) = documents.ends.last_mut() {
                        *last = length as u32;
                    }
                }
                _ => {}
            }
            Ok(decoded)
        }
    }

    world::export!(Hostile with_types_in landfall_guest::bindings::codec);
}
