//! Makes a loaded check of a component: refuses foreign imports, finds its world, and starts it once, so that it
//! takes its configuration and describes itself. Slow, so never on a thread that judges.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings::PACKAGE;
use crate::cancel::Cancel;
use crate::engine::Engine;
use crate::error::LoadError;
use crate::file::Digest;
use crate::guest::Guest;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::state::HostState;
use crate::world::{CheckKind, Codec, EventCheck, ParityCheck, WindowCheck, World, link};

/// A check to be loaded, as the configuration names it.
#[derive(Clone, Debug)]
pub struct LoadRequest {
    /// The name in the configuration; it stands in metrics and logs.
    pub name: String,
    pub path: PathBuf,
    /// JSON text, `{}` if there is none.
    pub config: String,
    pub limits: Limits,
}

/// A check that took its configuration and described itself; instances are made of it.
pub struct LoadedCheck<W: World> {
    pub name: String,
    pub path: PathBuf,
    pub digest: Digest,
    pub manifest: Manifest,
    pub limits: Limits,
    pub(crate) config: String,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) world: PhantomData<fn() -> W>,
    pub(crate) engine: Engine,
}

/// A loaded check of any world.
#[derive(Clone)]
pub enum Check {
    Codec(Arc<LoadedCheck<Codec>>),
    Event(Arc<LoadedCheck<EventCheck>>),
    Parity(Arc<LoadedCheck<ParityCheck>>),
    Window(Arc<LoadedCheck<WindowCheck>>),
}

impl Check {
    /// The check that a component is.
    pub(crate) fn of_component(
        engine: &Engine,
        component: &Component,
        request: &LoadRequest,
        digest: Digest,
        cancel: &Cancel,
    ) -> Result<Self, LoadError> {
        refuse_foreign_imports(engine, component)?;
        let kind = world_of(engine, component)?;
        let start = Start {
            engine,
            component,
            request,
            digest,
            cancel,
        };
        match kind {
            CheckKind::Codec => Ok(Check::Codec(start.finish()?)),
            CheckKind::Event => Ok(Check::Event(start.finish()?)),
            CheckKind::Parity => Ok(Check::Parity(start.finish()?)),
            CheckKind::Window => Ok(Check::Window(start.finish()?)),
        }
    }

    /// Its world.
    pub fn kind(&self) -> CheckKind {
        match self {
            Check::Codec(_) => CheckKind::Codec,
            Check::Event(_) => CheckKind::Event,
            Check::Parity(_) => CheckKind::Parity,
            Check::Window(_) => CheckKind::Window,
        }
    }

    /// How it describes itself.
    pub fn manifest(&self) -> &Manifest {
        match self {
            Check::Codec(check) => &check.manifest,
            Check::Event(check) => &check.manifest,
            Check::Parity(check) => &check.manifest,
            Check::Window(check) => &check.manifest,
        }
    }

    /// The limits of each of its instances.
    pub fn limits(&self) -> &Limits {
        match self {
            Check::Codec(check) => &check.limits,
            Check::Event(check) => &check.limits,
            Check::Parity(check) => &check.limits,
            Check::Window(check) => &check.limits,
        }
    }

    /// The digest of its file.
    pub fn digest(&self) -> Digest {
        match self {
            Check::Codec(check) => check.digest,
            Check::Event(check) => check.digest,
            Check::Parity(check) => check.digest,
            Check::Window(check) => check.digest,
        }
    }
}

fn refuse_foreign_imports(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    let ty = component.component_type();
    for (name, _) in ty.imports(&engine.wasm) {
        let known = name
            .strip_prefix(PACKAGE)
            .map(|rest| rest.split('@').next().unwrap_or(rest))
            .is_some_and(|interface| matches!(interface, "log" | "schemas" | "types"));
        if !known {
            return Err(LoadError::ForbiddenImport(format!("\"{name}\"")));
        }
    }
    Ok(())
}

/// The world that a component implements, by its exports: `decode`, `project`, and `check` of a batch (a record)
/// or of tallies (a list).
fn world_of(engine: &Engine, component: &Component) -> Result<CheckKind, LoadError> {
    let ty = component.component_type();
    for (name, item) in ty.exports(&engine.wasm) {
        let ComponentItem::ComponentFunc(func) = item.ty else {
            continue;
        };
        match name {
            "decode" => return Ok(CheckKind::Codec),
            "project" => return Ok(CheckKind::Parity),
            "check" => {
                return match func.params().next() {
                    Some((_, Type::List(_))) => Ok(CheckKind::Window),
                    _ => Ok(CheckKind::Event),
                };
            }
            _ => {}
        }
    }
    Err(LoadError::NoWorld)
}

/// What a check is started from.
struct Start<'a> {
    engine: &'a Engine,
    component: &'a Component,
    request: &'a LoadRequest,
    digest: Digest,
    cancel: &'a Cancel,
}

impl Start<'_> {
    fn finish<W: World>(&self) -> Result<Arc<LoadedCheck<W>>, LoadError> {
        let (engine, request) = (self.engine, self.request);
        let wrong = |error: wasmtime::Error| LoadError::WrongWorld {
            world: W::KIND.as_str(),
            message: format!("{error:#}"),
        };
        let mut linker = Linker::new(&engine.wasm);
        link::<W>(&mut linker).map_err(wrong)?;
        let pre = linker.instantiate_pre(self.component).map_err(wrong)?;
        let (limits, config) = (&request.limits, &request.config);
        let (_, manifest) = Guest::<W>::start(engine, &pre, limits, config, Some(self.cancel))?;
        Ok(Arc::new(LoadedCheck {
            name: request.name.clone(),
            path: request.path.clone(),
            digest: self.digest,
            manifest,
            limits: request.limits.clone(),
            config: request.config.clone(),
            pre,
            world: PhantomData,
            engine: engine.clone(),
        }))
    }
}
