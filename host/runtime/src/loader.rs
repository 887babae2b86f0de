//! Loads checks: code that was kept or is compiled now, under limits, and a first start.

use crate::cancel::Cancel;
use crate::compile::{self, CompileLimits, Compiled, Compiler, Kept, Key, Slots};
use crate::engine::{Engine, MEMORY_BYTES_MAX};
use crate::error::LoadError;
use crate::file::CheckFile;
use crate::load::{Check, LoadRequest};

/// Where the code of a check came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOrigin {
    Compiled,
    /// It was compiled before.
    Kept,
}

impl CodeOrigin {
    pub const ALL: [CodeOrigin; 2] = [CodeOrigin::Compiled, CodeOrigin::Kept];

    pub fn as_str(self) -> &'static str {
        match self {
            CodeOrigin::Compiled => "compiled",
            CodeOrigin::Kept => "kept",
        }
    }
}

/// A check that loaded.
#[derive(Clone)]
pub struct Load {
    pub check: Check,
    pub origin: CodeOrigin,
    /// Why kept code was not used, or is not kept now.
    pub problems: Vec<String>,
}

/// Loads checks. Clones are the same.
#[derive(Clone)]
pub struct Loader {
    engine: Engine,
    compiler: Compiler,
    slots: Slots,
}

impl Loader {
    pub fn new(engine: Engine, compiler: Compiler) -> Self {
        Self {
            engine,
            compiler,
            slots: Slots::default(),
        }
    }

    /// Compiles what is not kept, configures and describes. Waits for its turn if others compile.
    pub fn load(
        &self,
        request: &LoadRequest,
        file: &CheckFile,
        limits: &CompileLimits,
        kept: Option<&Kept>,
        cancel: &Cancel,
    ) -> Result<Load, LoadError> {
        let bytes = request.limits.memory_bytes_max;
        if bytes > MEMORY_BYTES_MAX {
            return Err(LoadError::MemoryLimit { bytes });
        }
        let mut problems = Vec::new();
        let key = Key::of(&self.engine, &file.digest);
        let found = kept.map_or(Ok(None), |kept| kept.find(key));
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
                        let kept = kept.map_or(Ok(()), |kept| kept.keep(key, &code));
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
        Ok(Load {
            check,
            origin,
            problems,
        })
    }

    /// In a place among those that compile, waiting for one; a file that had its turn and gave way waits for
    /// one of those that take long.
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
        // SAFETY: it comes from the pipe of our own compiling process, or from a directory that only
        // we can write to, with the digest that we gave it.
        unsafe { compile::component(&self.engine, code) }
    }
}

impl Check {
    /// Reads, compiles in this process and without limits, configures and describes. Takes from
    /// milliseconds to minutes: [`Loader`] has limits.
    pub fn load(engine: &Engine, request: &LoadRequest) -> Result<Self, LoadError> {
        let file = CheckFile::read(&request.path)?;
        let loader = Loader::new(engine.clone(), Compiler::InProcess);
        let limits = CompileLimits::default();
        Ok(loader
            .load(request, &file, &limits, None, &Cancel::default())?
            .check)
    }
}
