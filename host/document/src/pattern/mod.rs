//! Translates the patterns of schemas from the dialect of the pipeline's validator to the notation of the
//! engines here. The translation either has the same meaning, or the pattern is refused with a place and a
//! reason.
//!
//! Knows no schemas. `python` and `ecma` parse a pattern to the syntax tree in `tree`, and `write` makes the
//! text for the engines of it.

mod case;
mod chars;
mod ecma;
mod error;
mod python;
mod size;
mod tree;
pub(crate) mod weight;
mod write;

pub use error::PatternError;
pub(crate) use weight::weight;

use std::panic::{AssertUnwindSafe, catch_unwind};

use write::WrittenPattern;

/// Bytes that a compiled pattern may take: `^.{0,20000}$` and `^\w{1,1000}$` take less. A schema has few
/// patterns of such a size, and each is compiled once for each schema that refers to it.
pub(crate) const COMPILED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of a pattern in the notation of the engines; each class of Unicode takes some thousands.
const WRITTEN_BYTES_MAX: usize = 1024 * 1024;

/// Characters of a pattern as it is written in a schema.
const CHARACTERS_MAX: usize = 64 * 1024;

/// The dialect in which the patterns of a schema are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PatternDialect {
    /// Python 3's `re` on text, as of 3.11.
    #[default]
    Python3,
    /// Python 2.7's `re` on `unicode`: `\d`, `\s`, `\w` and `\b` are those of ASCII.
    Python2,
    /// ECMA-262's with the flag `u`, as the standard says.
    Ecma262,
}

impl PatternDialect {
    /// All dialects.
    pub const ALL: [Self; 3] = [Self::Python3, Self::Python2, Self::Ecma262];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python3 => "python3",
            Self::Python2 => "python2",
            Self::Ecma262 => "ecma262",
        }
    }

    /// The dialect with that name in a configuration.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }
}

/// A pattern that the engines take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnginePattern {
    /// The pattern in their notation.
    pub text: String,
    /// Whether it is matched in time that is linear in the length of a text.
    pub is_linear: bool,
    /// Its size when it is compiled, in parts (`size.rs`): some 0.3 µs and 90 bytes each.
    pub size: u64,
}

/// Translates a pattern, and makes sure that its engine takes it.
///
/// # Errors
/// If the dialect has no such pattern, if the engines cannot match it with the same meaning, or if it is too
/// large: one of more than `size_max` parts is refused before it is compiled.
pub fn translate(
    pattern: &str,
    dialect: PatternDialect,
    size_max: u64,
) -> Result<EnginePattern, PatternError> {
    let characters = pattern.chars().count();
    if characters > CHARACTERS_MAX {
        return Err(PatternError::Whole(format!(
            "the pattern has {characters} characters, more than {CHARACTERS_MAX}"
        )));
    }
    let tree = match dialect {
        PatternDialect::Python3 => python::parse(pattern, python::PythonVersion::Three)?,
        PatternDialect::Python2 => python::parse(pattern, python::PythonVersion::Two)?,
        PatternDialect::Ecma262 => ecma::parse(pattern)?,
    };
    let size = size::size(&tree);
    if size > size_max {
        return Err(PatternError::Whole(format!(
            "compiled, it has {size} parts, and {size_max} are left of those that the patterns of one file \
             may have: repeat less, use fewer classes such as `\\w`, or split the schema by references"
        )));
    }
    let Some(WrittenPattern { text, is_linear }) = write::write(&tree, WRITTEN_BYTES_MAX) else {
        return Err(PatternError::Whole(format!(
            "written out, the pattern has more than {WRITTEN_BYTES_MAX} bytes: use fewer classes such as `\\w`"
        )));
    };
    check(&text, is_linear)?;
    Ok(EnginePattern {
        text,
        is_linear,
        size,
    })
}

/// Compiles the text to see that its engine takes it within the limits.
fn check(text: &str, is_linear: bool) -> Result<(), PatternError> {
    let compile = || {
        if is_linear {
            let compiled = regex::RegexBuilder::new(text)
                .size_limit(COMPILED_BYTES_MAX)
                .build();
            return compiled.map(|_| ()).map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => too_large(),
                error => engine_refuses(&error),
            });
        }
        let compiled = fancy_regex::RegexBuilder::new(text)
            .delegate_size_limit(COMPILED_BYTES_MAX)
            .build();
        compiled.map(|_| ()).map_err(|error| match error {
            fancy_regex::Error::CompileError(inner)
                if matches!(&*inner, fancy_regex::CompileError::InnerError(error)
                    if error.size_limit().is_some()) =>
            {
                too_large()
            }
            error => engine_refuses(&error),
        })
    };
    // The engines are known to panic on some patterns.
    catch_unwind(AssertUnwindSafe(compile)).unwrap_or_else(|_| {
        Err(PatternError::Whole(
            "the engine fails on the pattern".to_owned(),
        ))
    })
}

fn too_large() -> PatternError {
    PatternError::Whole(format!(
        "compiled, the pattern takes more than {} MiB: repeat less",
        COMPILED_BYTES_MAX >> 20
    ))
}

fn engine_refuses(error: &dyn std::fmt::Display) -> PatternError {
    // The message has many lines, with the text for the engine in them; the last one is the reason.
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default().trim().to_owned();
    PatternError::Whole(format!("the engine refuses the pattern: {reason}"))
}
