//! A hostile parity check: the normal form is the whole document, unless configured otherwise.

#[cfg(target_arch = "wasm32")]
mod component {
    use std::cell::RefCell;

    use hostile::{Config, Deed, When, not_utf8};
    use landfall_guest::bindings::parity_check::{
        self as world, Batch, Column, Difference, Guest, ParityManifest,
    };

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
            CONFIG.with(|place| *place.borrow_mut() = config);
            Ok(())
        }

        fn describe() -> ParityManifest {
            let config = config();
            let column = if config.fields { "fields:{}" } else { "" };
            let other = match config.act(When::Describe, &[]) {
                Deed::BadManifest => "/other",
                _ => column,
            };
            ParityManifest {
                name: "hostile-parity".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                raw_columns: vec![column.into()],
                written_columns: vec![other.into()],
            }
        }

        fn project(mut batch: Batch) -> Result<Column, String> {
            let config = config();
            let mut forms = batch.columns.pop().ok_or("a batch without its column")?;
            match config.act(When::Batch, &forms.text) {
                Deed::Err => return Err(config.text),
                Deed::BadEnds => forms.ends.reverse(),
                Deed::LongEnds => forms.ends.iter_mut().for_each(|end| *end += 1),
                Deed::ShortEnds => drop(forms.ends.pop()),
                Deed::HugeOutput => {
                    let length = config.huge_bytes();
                    forms.text = vec![b' '; length];
                    if let Some(last) = forms.ends.last_mut() {
                        *last = length as u32;
                    }
                }
                _ => {}
            }
            Ok(forms)
        }

        fn explain(raw: Vec<u8>, written: Vec<u8>) -> Vec<Difference> {
            let config = config();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let mut difference = Difference {
                field: "document".into(),
                raw: text(&raw),
                written: text(&written),
            };
            match config.act(When::Explain, &raw) {
                Deed::Say => difference.field = config.text,
                Deed::NotUtf8 => difference.field = not_utf8(),
                Deed::HugeOutput => difference.raw = "x".repeat(config.huge_bytes()),
                _ => {}
            }
            vec![difference]
        }
    }

    world::export!(Hostile with_types_in landfall_guest::bindings::parity_check);
}
