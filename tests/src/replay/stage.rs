//! The pipeline and Landfall by one sped-up clock.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::clock::{Clock, log_time};
use crate::paths;
use crate::pipeline::{Pipeline, PipelineError, PipelineOptions, WriterOptions};
use crate::scene::{copy_dir, gather_schemas, rig_schemas};
use crate::sidecar::{Settings, Sidecar, SidecarError};

/// Landfall's settings for this pipeline, in its own time: the writer's batches take half a minute.
pub const DEADLINE: &str = "15m";
pub const DEADLINE_MS: i64 = 15 * 60_000;
pub const WINDOW: &str = "5m";
pub const WINDOW_MS: i64 = 5 * 60_000;
pub const STALL: &str = "5m";
pub const CLEAR: &str = "10m";
pub const GRACE: &str = "15m";
/// Longer than the longest day, so that an event from its beginning is still known at the backfill.
pub const HORIZON: &str = "48h";

/// Why a stage could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    #[error("failed to copy the schemas: {0}")]
    Schemas(#[from] io::Error),
}

/// How a stage is built.
#[derive(Clone, Debug)]
pub struct StageOptions {
    /// The program.
    pub program: PathBuf,
    /// Directory of the compiled checks.
    pub guests: PathBuf,
    /// Directory of the shipped schemas.
    pub schemas: PathBuf,
    pub speed: f64,
    /// The time of the clock at the start.
    pub origin_ms: i64,
    pub writer: WriterOptions,
    /// Whether Landfall has only the schemas of this pipeline's events, and no other shipped ones.
    pub few_schemas: bool,
}

impl StageOptions {
    /// The things under test, by environment or in the workspace.
    pub fn new(speed: f64, origin_ms: i64) -> Self {
        Self {
            program: paths::landfall(),
            guests: paths::guests(),
            schemas: paths::schemas(),
            speed,
            origin_ms,
            writer: WriterOptions::default(),
            few_schemas: false,
        }
    }
}

/// The schema of the envelope, which all events have.
const ENVELOPE: &str = "EventCapsule";

/// The pipeline, and the launcher of Landfall beside it.
pub struct Stage {
    pub clock: Clock,
    pub pipeline: Pipeline,
    pub launcher: Launcher,
    database: PathBuf,
}

/// Starts Landfall, for the first time and again.
#[derive(Clone)]
pub struct Launcher {
    pub settings: Settings,
    pub program: PathBuf,
    clock: Clock,
    dir: PathBuf,
}

impl Stage {
    /// Starts the pipeline, with everything that is written below `dir`.
    pub fn set(dir: &Path, options: StageOptions) -> Result<Self, StageError> {
        let clock = Clock::starting(options.origin_ms, options.speed);
        let database = dir.join("pipeline.sqlite");
        let pipeline = Pipeline::start(
            &database,
            PipelineOptions {
                clock: clock.clone(),
                writer: options.writer,
                ..PipelineOptions::default()
            },
        )?;
        let schemas = dir.join("schemas");
        if options.few_schemas {
            copy_dir(&options.schemas.join(ENVELOPE), &schemas.join(ENVELOPE))?;
            copy_dir(&rig_schemas(), &schemas)?;
        } else {
            gather_schemas(&options.schemas, &schemas)?;
        }
        let mut settings = Settings::new(
            &pipeline.raw_endpoints(),
            pipeline.written_endpoint(),
            schemas,
        );
        settings.speed = options.speed;
        settings.deadline = DEADLINE.into();
        settings.window = WINDOW.into();
        settings.stall = STALL.into();
        settings.clear = CLEAR.into();
        settings.horizon = HORIZON.into();
        settings.grace = GRACE.into();
        settings.guests = options.guests;
        let launcher = Launcher {
            settings,
            program: options.program,
            clock: clock.clone(),
            dir: dir.to_owned(),
        };
        Ok(Self {
            clock,
            pipeline,
            launcher,
            database,
        })
    }

    /// Starts Landfall by the stage's clock; from then on the stage's clock is Landfall's. It subscribes
    /// to everything before this returns.
    pub fn start(&self) -> Result<Sidecar, StageError> {
        let sidecar = self.launcher.launch()?;
        self.pipeline.await_watcher()?;
        Ok(sidecar)
    }

    /// The pipeline's database.
    pub fn database(&self) -> &Path {
        &self.database
    }
}

impl Launcher {
    /// Starts Landfall by the stage's clock and waits until it is ready; from then on the stage's clock
    /// is Landfall's.
    pub fn launch(&self) -> Result<Sidecar, SidecarError> {
        self.launch_watched(&|_| ())
    }

    /// The same; `serving` gets the address of its HTTP server, before it is ready.
    pub fn launch_watched(&self, serving: &dyn Fn(SocketAddr)) -> Result<Sidecar, SidecarError> {
        let mut settings = self.settings.clone();
        settings.origin = Some(format!("{}Z", log_time(self.clock.now_ms())));
        let sidecar = Sidecar::start_watched(&self.program, &self.dir, &settings, serving)?;
        let landfall_ms = sidecar.metrics().sum("landfall_clock_seconds", &[]) * 1000.0;
        self.clock.set(landfall_ms as i64);
        Ok(sidecar)
    }
}
