//! A file to a check that can be instantiated: read, compile (`compile/`), refuse foreign imports,
//! configure, describe. Slow, so never on a thread that judges.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, InstancePre, Linker};

use crate::compile::{Cancel, CompileLimits, Compiler};
use crate::engine::{Engine, MEMORY_BYTES_MAX};
use crate::instance::Live;
use crate::limits::Limits;
use crate::loader::Loader;
use crate::manifest::{Manifest, ManifestError};
use crate::state::HostState;
use crate::world::{Codec, EventCheck, ParityCheck, WindowCheck, World, link};

/// Largest file that is read as a check, in bytes. A Python check has 18 MB.
pub(crate) const FILE_BYTES_MAX: u64 = 128 << 20;

/// All that a check may import begins with this.
pub(crate) const PACKAGE: &str = "landfall:check/";

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
    #[error(
        "compiling it took longer than {} (compile.time_max); give it more, or make the check smaller", seconds(.time_max)
    )]
    CompileTime { time_max: Duration },
    #[error(
        "compiling it needed more than {} MiB of memory (compile.memory_max); give it more, or make the check smaller", .memory_bytes_max >> 20
    )]
    CompileMemory { memory_bytes_max: u64 },
    #[error("the process that compiled it ended {0}")]
    CompileCrashed(String),
    #[error("it is not compiled, for the compiling process cannot be used: {0}")]
    CompileProcess(std::io::Error),
    #[error("something newer is loaded in its place")]
    Cancelled,
    /// Told to nobody: it is compiled anew when there is a place for what compiles for long.
    #[error("it compiles for long, and another file waited")]
    GaveWay,
    #[error("it does not start: {0}")]
    Start(String),
    #[error("it refuses its configuration: {0}")]
    Config(String),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

fn seconds(time: &Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
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
    /// Reads, compiles in this process and without limits, configures and describes. Takes from
    /// milliseconds to minutes: [`Loader`](crate::Loader) has limits.
    pub fn load(engine: &Engine, request: &LoadRequest) -> Result<Self, LoadError> {
        let file = CheckFile::read(&request.path)?;
        let loader = Loader::new(engine.clone(), Compiler::InProcess);
        let limits = CompileLimits::default();
        Ok(loader
            .load(request, &file, &limits, None, &Cancel::default())?
            .check)
    }

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
            Kind::Codec => Ok(Check::Codec(start.finish()?)),
            Kind::Event => Ok(Check::Event(start.finish()?)),
            Kind::Parity => Ok(Check::Parity(start.finish()?)),
            Kind::Window => Ok(Check::Window(start.finish()?)),
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

    pub fn limits(&self) -> &Limits {
        match self {
            Check::Codec(check) => &check.limits,
            Check::Event(check) => &check.limits,
            Check::Parity(check) => &check.limits,
            Check::Window(check) => &check.limits,
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

/// A file of a check as it was read.
#[derive(Clone, Debug)]
pub struct CheckFile {
    pub digest: Digest,
    pub(crate) wasm: Arc<[u8]>,
}

impl CheckFile {
    /// Reads a regular file of bounded size.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        // Without waiting for somebody who writes, if it is a FIFO by now.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(std::io::Error::other("it is no regular file").into());
        }
        // One that grows while it is read is no larger for us.
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let bytes = metadata.len().max(FILE_BYTES_MAX + 1);
            return Err(LoadError::TooLarge { bytes });
        }
        Ok(Self {
            digest: Digest(Sha256::digest(&bytes).into()),
            wasm: bytes.into(),
        })
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

/// What a check is started from.
struct Start<'a> {
    engine: &'a Engine,
    component: &'a Component,
    request: &'a LoadRequest,
    digest: Digest,
    cancel: &'a Cancel,
}

impl Start<'_> {
    fn finish<W: World>(&self) -> Result<Arc<Loaded<W>>, LoadError> {
        let (engine, request) = (self.engine, self.request);
        let wrong = |error: wasmtime::Error| LoadError::WrongWorld {
            world: W::KIND.as_str(),
            message: format!("{error:#}"),
        };
        let mut linker = Linker::new(&engine.wasm);
        link::<W>(&mut linker).map_err(wrong)?;
        let pre = linker.instantiate_pre(self.component).map_err(wrong)?;
        let (limits, config) = (&request.limits, &request.config);
        let (_, manifest) = Live::<W>::start(engine, &pre, limits, config, Some(self.cancel))?;
        Ok(Arc::new(Loaded {
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
