//! A file to a check that can be instantiated: read, componentize, refuse foreign imports, compile,
//! configure, describe. Slow (compiles), so never on a thread that judges.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, InstancePre, Linker};

use crate::engine::{Engine, MEMORY_BYTES_MAX};
use crate::limits::Limits;
use crate::manifest::{Manifest, ManifestError};
use crate::seat::Live;
use crate::state::HostState;
use crate::world::{Codec, EventCheck, ParityCheck, WindowCheck, World, link};

/// Largest file that is read as a check, in bytes. A Python check has 18 MB.
const FILE_BYTES_MAX: u64 = 128 << 20;

/// All that a check may import begins with this.
const PACKAGE: &str = "landfall:check/";

/// What to load, as the configuration says it.
#[derive(Clone, Debug)]
pub struct LoadRequest {
    /// The name in the configuration; it stands in metrics and logs.
    pub name: String,
    pub path: PathBuf,
    /// JSON text, `{}` if there is none.
    pub config: String,
    pub limits: Limits,
}

/// Why a check does not load. The message completes "failed to load check NAME from PATH: ".
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    #[error("it has {bytes} bytes; the most is {FILE_BYTES_MAX}")]
    TooLarge { bytes: u64 },
    #[error("its limits.memory is {bytes} bytes; the most is {MEMORY_BYTES_MAX}")]
    MemoryLimit { bytes: usize },
    #[error(
        "it is no WebAssembly: {0}; give the path of a component, or of a core module built against wit/check.wit"
    )]
    NotWasm(String),
    #[error(
        "it is a core module without a component type: {0}; build it with the guest SDK, or componentize it against wit/check.wit"
    )]
    NotComponentizable(String),
    #[error(
        "it imports {0}, which no check may; checks have no capability but {PACKAGE}log and {PACKAGE}schemas"
    )]
    ForbiddenImport(String),
    #[error(
        "it exports none of decode, check and project; it implements no world of wit/check.wit"
    )]
    NoWorld,
    #[error("it does not implement the world {world}: {message}")]
    WrongWorld {
        world: &'static str,
        message: String,
    },
    #[error("it does not compile: {0}")]
    Compile(String),
    #[error("it does not start: {0}")]
    Start(String),
    #[error("it refuses its configuration: {0}")]
    Config(String),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// SHA-256 of the file as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A check that compiled, took its configuration and described itself.
pub struct Loaded<W: World> {
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
    Codec(Arc<Loaded<Codec>>),
    Event(Arc<Loaded<EventCheck>>),
    Parity(Arc<Loaded<ParityCheck>>),
    Window(Arc<Loaded<WindowCheck>>),
}

impl Check {
    /// Reads, compiles, configures and describes. Takes from milliseconds to seconds.
    pub fn load(engine: &Engine, request: &LoadRequest) -> Result<Self, LoadError> {
        let bytes = request.limits.memory_bytes_max;
        if bytes > MEMORY_BYTES_MAX {
            return Err(LoadError::MemoryLimit { bytes });
        }
        let bytes = read(&request.path)?;
        let digest = Digest(Sha256::digest(&bytes).into());
        let bytes = componentize(bytes)?;
        let component = Component::new(&engine.wasm, &bytes)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        refuse_foreign_imports(engine, &component)?;
        match world_of(engine, &component)? {
            Kind::Codec => Ok(Check::Codec(finish(engine, &component, request, digest)?)),
            Kind::Event => Ok(Check::Event(finish(engine, &component, request, digest)?)),
            Kind::Parity => Ok(Check::Parity(finish(engine, &component, request, digest)?)),
            Kind::Window => Ok(Check::Window(finish(engine, &component, request, digest)?)),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Check::Codec(_) => Kind::Codec,
            Check::Event(_) => Kind::Event,
            Check::Parity(_) => Kind::Parity,
            Check::Window(_) => Kind::Window,
        }
    }

    pub fn manifest(&self) -> &Manifest {
        match self {
            Check::Codec(check) => &check.manifest,
            Check::Event(check) => &check.manifest,
            Check::Parity(check) => &check.manifest,
            Check::Window(check) => &check.manifest,
        }
    }

    pub fn digest(&self) -> Digest {
        match self {
            Check::Codec(check) => check.digest,
            Check::Event(check) => check.digest,
            Check::Parity(check) => check.digest,
            Check::Window(check) => check.digest,
        }
    }
}

/// The worlds of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Codec,
    Event,
    Parity,
    Window,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Codec => "codec",
            Kind::Event => "event-check",
            Kind::Parity => "parity-check",
            Kind::Window => "window-check",
        }
    }
}

/// The digest of a file, to see whether it changed without compiling it.
pub fn digest_of(path: &Path) -> Result<Digest, LoadError> {
    Ok(Digest(Sha256::digest(read(path)?).into()))
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(LoadError::TooLarge { bytes });
    }
    Ok(std::fs::read(path)?)
}

/// A component stays as it is; a core module becomes one by the component type that it carries.
fn componentize(bytes: Vec<u8>) -> Result<Vec<u8>, LoadError> {
    if wasmparser::Parser::is_component(&bytes) {
        return Ok(bytes);
    }
    if !wasmparser::Parser::is_core_wasm(&bytes) {
        return Err(LoadError::NotWasm(
            "it does not begin like a module or a component".into(),
        ));
    }
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        let payload = payload.map_err(|error| LoadError::NotWasm(error.to_string()))?;
        if let wasmparser::Payload::ImportSection(section) = payload {
            for import in section.into_imports() {
                let import = import.map_err(|error| LoadError::NotWasm(error.to_string()))?;
                if !import.module.starts_with(PACKAGE) {
                    return Err(LoadError::ForbiddenImport(format!(
                        "{:?} from {:?}",
                        import.name, import.module
                    )));
                }
            }
        }
    }
    let encode = || {
        wit_component::ComponentEncoder::default()
            .module(&bytes)?
            .validate(true)
            .encode()
    };
    encode().map_err(|error| LoadError::NotComponentizable(format!("{error:#}")))
}

fn refuse_foreign_imports(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    let ty = component.component_type();
    for (name, _) in ty.imports(&engine.wasm) {
        let known = name
            .strip_prefix(PACKAGE)
            .map(|rest| rest.split('@').next().unwrap_or(rest))
            .is_some_and(|interface| matches!(interface, "log" | "schemas" | "types"));
        if !known {
            return Err(LoadError::ForbiddenImport(format!("{name:?}")));
        }
    }
    Ok(())
}

/// Told by the exports: `decode`, `project`, and `check` of a batch (a record) or of tallies (a list).
fn world_of(engine: &Engine, component: &Component) -> Result<Kind, LoadError> {
    let ty = component.component_type();
    for (name, item) in ty.exports(&engine.wasm) {
        let ComponentItem::ComponentFunc(func) = item.ty else {
            continue;
        };
        match name {
            "decode" => return Ok(Kind::Codec),
            "project" => return Ok(Kind::Parity),
            "check" => {
                return match func.params().next() {
                    Some((_, Type::List(_))) => Ok(Kind::Window),
                    _ => Ok(Kind::Event),
                };
            }
            _ => {}
        }
    }
    Err(LoadError::NoWorld)
}

fn finish<W: World>(
    engine: &Engine,
    component: &Component,
    request: &LoadRequest,
    digest: Digest,
) -> Result<Arc<Loaded<W>>, LoadError> {
    let wrong = |error: wasmtime::Error| LoadError::WrongWorld {
        world: W::KIND.as_str(),
        message: format!("{error:#}"),
    };
    let mut linker = Linker::new(&engine.wasm);
    link::<W>(&mut linker).map_err(wrong)?;
    let pre = linker.instantiate_pre(component).map_err(wrong)?;
    let (_, manifest) = Live::<W>::start(engine, &pre, &request.limits, &request.config)?;
    Ok(Arc::new(Loaded {
        name: request.name.clone(),
        path: request.path.clone(),
        digest,
        manifest,
        limits: request.limits.clone(),
        config: request.config.clone(),
        pre,
        world: PhantomData,
        engine: engine.clone(),
    }))
}
