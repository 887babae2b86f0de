//! Makes a component of a file: a component stays as it is, a core module becomes one by the component type
//! that it carries.

use crate::bindings::PACKAGE;
use crate::error::LoadError;

/// The component of a file's bytes. An error says why it is no check.
pub(super) fn componentize(bytes: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, LoadError> {
    if wasmparser::Parser::is_component(bytes) {
        return Ok(bytes.into());
    }
    if !wasmparser::Parser::is_core_wasm(bytes) {
        return Err(LoadError::NotWasm(
            "it does not begin like a module or a component".into(),
        ));
    }
    for payload in wasmparser::Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| LoadError::NotWasm(error.to_string()))?;
        if let wasmparser::Payload::ImportSection(section) = payload {
            for import in section.into_imports() {
                let import = import.map_err(|error| LoadError::NotWasm(error.to_string()))?;
                if !import.module.starts_with(PACKAGE) {
                    return Err(LoadError::ForbiddenImport(format!(
                        "\"{}\" from \"{}\"",
                        import.name, import.module
                    )));
                }
            }
        }
    }
    let encode = || {
        wit_component::ComponentEncoder::default()
            .module(bytes)?
            .validate(true)
            .encode()
    };
    encode()
        .map(Into::into)
        .map_err(|error| LoadError::NotComponentizable(format!("{error:#}")))
}
