//! Everything that judging needs to know: built off the hot path, and put in force between two
//! batches.

use std::collections::HashMap;
use std::sync::Arc;

use landfall_document::{Column, Pointer, SchemaSet};
use landfall_ledger::{Generation, PerStream, ReasonId, Stream};
use landfall_runtime::{Check, FaultKind, Outcome};

use super::guests::{CodecGuest, EventGuest, GuestCode, ParityGuest, WindowGuest, is_same};
use super::labels::{Reasons, SchemaLabels};

/// Where an event carries its identity.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPointers {
    pub key: Pointer,
    pub schema: Pointer,
    /// None if the value at `schema` is name and revision in one.
    pub revision: Option<Pointer>,
    /// The event's own time, for audits. The first pointer that leads to a value counts.
    pub time: Vec<Pointer>,
}

/// A check with its entry in the configuration.
#[derive(Clone)]
pub struct PlannedCheck {
    pub name: String,
    pub check: Check,
    pub streams: Vec<Stream>,
    pub decides: bool,
}

impl PlannedCheck {
    /// Whether the same version of the check has the same entry.
    pub fn is_same(&self, other: &PlannedCheck) -> bool {
        let check = match (&self.check, &other.check) {
            (Check::Codec(mine), Check::Codec(theirs)) => Arc::ptr_eq(mine, theirs),
            (Check::Event(mine), Check::Event(theirs)) => Arc::ptr_eq(mine, theirs),
            (Check::Parity(mine), Check::Parity(theirs)) => Arc::ptr_eq(mine, theirs),
            (Check::Window(mine), Check::Window(theirs)) => Arc::ptr_eq(mine, theirs),
            _ => false,
        };
        check
            && self.name == other.name
            && self.streams == other.streams
            && self.decides == other.decides
    }
}

/// The codec of a stream.
#[derive(Clone)]
pub struct CodecPlan {
    pub check: Arc<dyn GuestCode<dyn CodecGuest>>,
    pub reasons: Vec<ReasonId>,
    pub faults: FaultReasons,
}

/// An event check on one stream.
#[derive(Clone)]
pub struct EventPlan {
    pub check: Arc<dyn GuestCode<dyn EventGuest>>,
    /// The check's columns, as indices into those of the stream.
    pub columns: Vec<usize>,
    pub decides: bool,
    pub reasons: Vec<(ReasonId, Outcome)>,
    pub faults: FaultReasons,
}

/// A parity check on one stream.
#[derive(Clone)]
pub struct ParityPlan {
    pub check: Arc<dyn GuestCode<dyn ParityGuest>>,
    pub columns: Vec<usize>,
    /// The columns of fields among them, by index. If there are any, the check answers with fields.
    pub fields: Vec<usize>,
    pub faults: FaultReasons,
}

/// The reasons for rows on which a check failed, by kind of fault.
pub type FaultReasons = [ReasonId; FaultKind::ALL.len()];

/// All that is done with the documents of one stream.
#[derive(Clone, Default)]
pub struct StreamPlan {
    /// None if a frame is a document.
    pub codec: Option<CodecPlan>,
    /// The union of the columns that checks ask for, each written once.
    pub columns: Vec<Column>,
    pub events: Vec<EventPlan>,
    pub parity: Vec<ParityPlan>,
}

impl StreamPlan {
    /// Whether frames are decoded by the same codec as in the other plan.
    pub fn has_codec_of(&self, other: &StreamPlan) -> bool {
        match (&self.codec, &other.codec) {
            (Some(mine), Some(theirs)) => is_same(&mine.check, &theirs.check),
            (None, None) => true,
            _ => false,
        }
    }
}

/// One generation of checks and schemas.
pub struct Plan {
    pub generation: Generation,
    pub event: EventPointers,
    pub codecs: PerStream<String>,
    pub streams: PerStream<StreamPlan>,
    pub windows: Vec<Arc<dyn GuestCode<dyn WindowGuest>>>,
    pub checks: Vec<PlannedCheck>,
    pub schemas: Arc<SchemaSet>,
    pub labels: Arc<SchemaLabels>,
    pub reasons: Arc<Reasons>,
}

/// Why a plan cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(
        "stream {stream} names the codec \"{codec}\", and no check of that name is a codec; add it under [[checks]] or use \"json\""
    )]
    NoCodec { stream: &'static str, codec: String },
    #[error(
        "the parity check \"{check}\" compares both sides of an event and is given only one; write streams = [\"raw\", \"written\"]"
    )]
    OneSided { check: String },
}

/// The parts of a plan.
pub struct PlanParts {
    pub generation: Generation,
    pub event: EventPointers,
    /// The codec's name for each stream; `json` is built in.
    pub codecs: PerStream<String>,
    pub checks: Vec<PlannedCheck>,
    pub schemas: Arc<SchemaSet>,
    pub labels: Arc<SchemaLabels>,
    pub reasons: Arc<Reasons>,
}

/// The built-in codec: a frame is one JSON document.
pub const JSON_CODEC: &str = "json";

impl Plan {
    /// Builds a plan of its parts.
    ///
    /// # Errors
    /// A stream names a codec that is not among the checks, or a parity check sees only one stream.
    pub fn build(parts: PlanParts) -> Result<Self, PlanError> {
        let PlanParts {
            generation,
            event,
            codecs,
            checks,
            schemas,
            labels,
            reasons,
        } = parts;
        for check in &checks {
            if matches!(check.check, Check::Parity(_)) && check.streams != Stream::ALL {
                return Err(PlanError::OneSided {
                    check: check.name.clone(),
                });
            }
        }
        let mut streams: PerStream<StreamPlan> = PerStream::default();
        for (stream, plan) in streams.iter_mut() {
            plan.codec = codec_plan(stream, &codecs[stream], &checks, &reasons)?;
            let mut columns = Columns::default();
            for check in checks
                .iter()
                .filter(|check| check.streams.contains(&stream))
            {
                match &check.check {
                    Check::Event(event) => plan.events.push(EventPlan {
                        check: Arc::clone(event) as _,
                        columns: columns.add(&event.manifest.columns),
                        decides: check.decides && stream == Stream::Raw,
                        reasons: event
                            .manifest
                            .reasons
                            .iter()
                            .map(|reason| (reasons.intern(&check.name, &reason.id), reason.outcome))
                            .collect(),
                        faults: fault_reasons(&check.name, &reasons),
                    }),
                    Check::Parity(parity) => {
                        let requested = match stream {
                            Stream::Raw => &parity.manifest.columns,
                            Stream::Written => &parity.manifest.written_columns,
                        };
                        let places = columns.add(requested);
                        let is_of_fields = |place: &usize| columns.list[*place].is_of_fields();
                        plan.parity.push(ParityPlan {
                            check: Arc::clone(parity) as _,
                            fields: places.iter().copied().filter(is_of_fields).collect(),
                            columns: places,
                            faults: fault_reasons(&check.name, &reasons),
                        });
                    }
                    Check::Codec(_) | Check::Window(_) => {}
                }
            }
            plan.columns = columns.list;
        }
        let windows = checks
            .iter()
            .filter_map(|check| match &check.check {
                Check::Window(window) => Some(Arc::clone(window) as _),
                _ => None,
            })
            .collect();
        Ok(Self {
            generation,
            event,
            codecs,
            streams,
            windows,
            checks,
            schemas,
            labels,
            reasons,
        })
    }

    /// Whether these parts would give this plan, apart from the generation.
    pub fn is_made_of(&self, parts: &PlanParts) -> bool {
        self.event == parts.event
            && self.codecs == parts.codecs
            && Arc::ptr_eq(&self.schemas, &parts.schemas)
            && Arc::ptr_eq(&self.labels, &parts.labels)
            && self.checks.len() == parts.checks.len()
            && self
                .checks
                .iter()
                .zip(&parts.checks)
                .all(|(mine, theirs)| mine.is_same(theirs))
    }
}

fn codec_plan(
    stream: Stream,
    name: &str,
    checks: &[PlannedCheck],
    reasons: &Reasons,
) -> Result<Option<CodecPlan>, PlanError> {
    if name == JSON_CODEC {
        return Ok(None);
    }
    checks
        .iter()
        .find_map(|check| match &check.check {
            Check::Codec(codec) if check.name == name => Some(CodecPlan {
                check: Arc::clone(codec) as _,
                reasons: codec
                    .manifest
                    .reasons
                    .iter()
                    .map(|reason| reasons.intern(name, &reason.id))
                    .collect(),
                faults: fault_reasons(name, reasons),
            }),
            _ => None,
        })
        .map(Some)
        .ok_or_else(|| PlanError::NoCodec {
            stream: stream.as_str(),
            codec: name.to_owned(),
        })
}

fn fault_reasons(check: &str, reasons: &Reasons) -> FaultReasons {
    FaultKind::ALL.map(|kind| reasons.intern(check, &kind.reason()))
}

/// Columns in the order in which they were first asked for.
#[derive(Default)]
struct Columns {
    list: Vec<Column>,
    by_name: HashMap<String, usize>,
}

impl Columns {
    fn add(&mut self, requested: &[Column]) -> Vec<usize> {
        requested
            .iter()
            .map(|column| {
                *self.by_name.entry(column.to_string()).or_insert_with(|| {
                    self.list.push(column.clone());
                    self.list.len() - 1
                })
            })
            .collect()
    }
}
