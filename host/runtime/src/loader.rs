//! Loads checks: takes code from the cache or compiles it under limits, and starts the check once.

use crate::cancel::Cancel;
use crate::compile::{self, CodeCache, CompileLimits, Compiled, Compiler, Key, Slots};
use crate::engine::{Engine, MEMORY_BYTES_MAX};
use crate::error::LoadError;
use crate::file::CheckFile;
use crate::load::{Check, LoadRequest};

/// Where the code of a check came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOrigin {
    /// It was compiled now.
    Compiled,
    /// It was compiled before, and kept in the cache.
    Kept,
}

impl CodeOrigin {
    /// All origins.
    pub const ALL: [CodeOrigin; 2] = [CodeOrigin::Compiled, CodeOrigin::Kept];

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            CodeOrigin::Compiled => "compiled",
            CodeOrigin::Kept => "kept",
        }
    }
}

/// A check that loaded.
#[derive(Clone)]
pub struct LoadOutcome {
    pub check: Check,
    pub origin: CodeOrigin,
    /// Why cached code was not used, or this code is not cached now.
    pub problems: Vec<String>,
}

/// Loads checks. Clones share the slots in which files are compiled.
#[derive(Clone)]
pub struct Loader {
    engine: Engine,
    compiler: Compiler,
    slots: Slots,
}

impl Loader {
    /// A loader for an engine, which compiles by that compiler.
    pub fn new(engine: Engine, compiler: Compiler) -> Self {
        Self {
            engine,
            compiler,
            slots: Slots::default(),
        }
    }

    /// Compiles the file unless its code is in the cache, configures the check and has it describe itself. Waits
    /// for its turn if others compile.
    ///
    /// # Errors
    ///
    /// If the file is no check, breaks a limit, refuses its configuration, or the load is cancelled.
    pub fn load(
        &self,
        request: &LoadRequest,
        file: &CheckFile,
        limits: &CompileLimits,
        cache: Option<&CodeCache>,
        cancel: &Cancel,
    ) -> Result<LoadOutcome, LoadError> {
        let bytes = request.limits.memory_bytes_max;
        if bytes > MEMORY_BYTES_MAX {
            return Err(LoadError::MemoryLimit { bytes });
        }
        let mut problems = Vec::new();
        let key = Key::of(&self.engine, &file.digest);
        let found = cache.map_or(Ok(None), |cache| cache.find(key));
        let known = found.and_then(|code| {
            let component = code.map(|code| self.component(&code)).transpose();
            component.map_err(|error| format!("kept code of check {}: {error}", request.name))
        });
        let known = known.unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let (component, origin) = match known {
            Some(component) => (component, CodeOrigin::Kept),
            None => {
                let compiled = self.compile(file, limits, cancel)?;
                let component = match compiled {
                    Compiled::Component(component) => component,
                    Compiled::Code(code) => {
                        let component = self.component(&code)?;
                        let kept = cache.map_or(Ok(()), |cache| cache.keep(key, &code));
                        problems.extend(kept.err().map(|error| {
                            format!("the code of check {} is not kept: {error}", request.name)
                        }));
                        component
                    }
                };
                (component, CodeOrigin::Compiled)
            }
        };
        let check = Check::of_component(&self.engine, &component, request, file.digest, cancel)?;
        Ok(LoadOutcome {
            check,
            origin,
            problems,
        })
    }

    /// Compiles in a slot, and waits for one. A file that had its turn and gave way waits for a slot of long
    /// compilations.
    fn compile(
        &self,
        file: &CheckFile,
        limits: &CompileLimits,
        cancel: &Cancel,
    ) -> Result<Compiled, LoadError> {
        let mut is_long = false;
        loop {
            let slot = self.slots.take(is_long, cancel);
            let mut slot = slot.ok_or(LoadError::Cancelled)?;
            let compiled =
                self.compiler
                    .compile(&self.engine, &file.wasm, limits, cancel, &mut slot);
            match compiled {
                Err(LoadError::GaveWay) => is_long = true,
                compiled => return compiled,
            }
        }
    }

    fn component(&self, code: &[u8]) -> Result<wasmtime::component::Component, LoadError> {
        // SAFETY: the code comes from the pipe of this program's own compiling process, or from a directory that
        // only its user can write to, with the digest that it had when it was written there.
        unsafe { compile::component(&self.engine, code) }
    }
}

impl Check {
    /// Reads a file, compiles it in this process and without limits, configures the check and has it describe
    /// itself. Takes from milliseconds to minutes: [`Loader`] has limits.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no check, or refuses its configuration.
    pub fn load(engine: &Engine, request: &LoadRequest) -> Result<Self, LoadError> {
        let file = CheckFile::read(&request.path)?;
        let loader = Loader::new(engine.clone(), Compiler::InProcess);
        let limits = CompileLimits::default();
        Ok(loader
            .load(request, &file, &limits, None, &Cancel::default())?
            .check)
    }
}
