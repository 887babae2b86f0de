//! The worlds of the contract: what each exports, so that loading and running guests is written once for all.

use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Func, HasSelf, Instance, Lift, Linker, Lower};

use crate::bindings::{log, schemas, shapes};
use crate::manifest::{Manifest, ManifestError, Outcome, Reason};
use crate::state::HostState;

/// The worlds of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    Codec,
    Event,
    Parity,
    Window,
}

impl CheckKind {
    /// The name of the world in `wit/check.wit`.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckKind::Codec => "codec",
            CheckKind::Event => "event-check",
            CheckKind::Parity => "parity-check",
            CheckKind::Window => "window-check",
        }
    }
}

/// The exports of one instance.
pub struct Exports {
    configure: Func,
    describe: Func,
    /// The function that works on batches: `decode`, `check` or `project`.
    pub(crate) work: Func,
    /// `explain`, which only parity checks have.
    pub(crate) explain: Option<Func>,
    /// `objectives.state`, which window checks may have.
    pub(crate) state: Option<Func>,
}

/// One world of the contract.
#[allow(private_interfaces)]
pub trait World: Sized + 'static {
    const KIND: CheckKind;

    /// Finds the exports and checks their types.
    #[doc(hidden)]
    fn exports(instance: &Instance, store: &mut Store<HostState>) -> wasmtime::Result<Exports>;

    /// Asks the instance to describe itself.
    #[doc(hidden)]
    fn describe(
        exports: &Exports,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Result<Manifest, ManifestError>>;
}

/// Adds what guests of a world may import to the linker. Only event checks have documents to validate.
pub(crate) fn link<W: World>(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    log::add_to_linker::<_, HasSelf<HostState>>(linker, |state| state)?;
    if W::KIND == CheckKind::Event {
        schemas::add_to_linker::<_, HasSelf<HostState>>(linker, |state| state)?;
    }
    Ok(())
}

pub(crate) fn configure(
    exports: &Exports,
    store: &mut Store<HostState>,
    config: &str,
) -> wasmtime::Result<Result<(), String>> {
    call(&exports.configure, store, (config,)).map(|(answer,): (Result<(), String>,)| answer)
}

/// Calls an export with parameters borrowed from the host's buffers. The types were checked at load;
/// the check is repeated here, once per batch, because the parameters' lifetime differs by call.
pub(crate) fn call<P, R>(
    func: &Func,
    store: &mut Store<HostState>,
    params: P,
) -> wasmtime::Result<R>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    func.typed::<P, R>(&*store)?.call(&mut *store, params)
}

fn find<P, R>(
    instance: &Instance,
    store: &mut Store<HostState>,
    name: &str,
) -> wasmtime::Result<Func>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    let func = instance
        .get_func(&mut *store, name)
        .ok_or_else(|| wasmtime::Error::msg(format!("it does not export {name}")))?;
    func.typed::<P, R>(&*store)
        .map_err(|error| error.context(format!("its export {name} has another type")))?;
    Ok(func)
}

fn exports<P, R, M>(
    instance: &Instance,
    store: &mut Store<HostState>,
    work: &str,
) -> wasmtime::Result<Exports>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
    (M,): ComponentNamedList + Lift,
{
    Ok(Exports {
        configure: find::<(&str,), (Result<(), String>,)>(instance, store, "configure")?,
        describe: find::<(), (M,)>(instance, store, "describe")?,
        work: find::<P, R>(instance, store, work)?,
        explain: None,
        state: None,
    })
}

fn reasons(reasons: Vec<shapes::Reason>) -> Vec<Reason> {
    reasons
        .into_iter()
        .map(|reason| Reason {
            id: reason.id,
            help: reason.help,
            outcome: match reason.outcome {
                shapes::Outcome::Violation => Outcome::Violation,
                shapes::Outcome::Filtered => Outcome::Filtered,
                shapes::Outcome::Unjudged => Outcome::Unjudged,
            },
        })
        .collect()
}

pub(crate) type DecodeAnswer = (Result<shapes::Decoded, String>,);
pub(crate) type CheckAnswer = (Result<shapes::Verdicts, String>,);
pub(crate) type ProjectAnswer = (Result<shapes::Column, String>,);
pub(crate) type ExplainAnswer = (Vec<shapes::Difference>,);
pub(crate) type StateAnswer = (Vec<Option<shapes::Objective>>,);
pub(crate) type WindowAnswer = (Result<Vec<shapes::Finding>, String>,);

/// World `codec`: frames to documents.
pub struct Codec;

#[allow(private_interfaces)]
impl World for Codec {
    const KIND: CheckKind = CheckKind::Codec;

    fn exports(instance: &Instance, store: &mut Store<HostState>) -> wasmtime::Result<Exports> {
        exports::<(shapes::ColumnParam<'_>,), DecodeAnswer, shapes::Manifest>(
            instance, store, "decode",
        )
    }

    fn describe(
        exports: &Exports,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Result<Manifest, ManifestError>> {
        let (m,): (shapes::Manifest,) = call(&exports.describe, store, ())?;
        Ok(Manifest::checked(
            m.name,
            m.version,
            &[],
            &[],
            reasons(m.reasons),
        ))
    }
}

/// World `event-check`: judges documents one by one.
pub struct EventCheck;

#[allow(private_interfaces)]
impl World for EventCheck {
    const KIND: CheckKind = CheckKind::Event;

    fn exports(instance: &Instance, store: &mut Store<HostState>) -> wasmtime::Result<Exports> {
        exports::<(shapes::Batch<'_>,), CheckAnswer, shapes::Manifest>(instance, store, "check")
    }

    fn describe(
        exports: &Exports,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Result<Manifest, ManifestError>> {
        let (m,): (shapes::Manifest,) = call(&exports.describe, store, ())?;
        Ok(
            Manifest::checked(m.name, m.version, &m.columns, &[], reasons(m.reasons))
                .and_then(Manifest::with_fields_on_both_sides),
        )
    }
}

/// World `parity-check`: projects both sides to a normal form.
pub struct ParityCheck;

#[allow(private_interfaces)]
impl World for ParityCheck {
    const KIND: CheckKind = CheckKind::Parity;

    fn exports(instance: &Instance, store: &mut Store<HostState>) -> wasmtime::Result<Exports> {
        let mut found = exports::<(shapes::Batch<'_>,), ProjectAnswer, shapes::ParityManifest>(
            instance, store, "project",
        )?;
        found.explain = Some(find::<(&[u8], &[u8]), ExplainAnswer>(
            instance, store, "explain",
        )?);
        Ok(found)
    }

    fn describe(
        exports: &Exports,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Result<Manifest, ManifestError>> {
        let (m,): (shapes::ParityManifest,) = call(&exports.describe, store, ())?;
        Ok(Manifest::checked(
            m.name,
            m.version,
            &m.raw_columns,
            &m.written_columns,
            Vec::new(),
        )
        .and_then(Manifest::with_fields_on_both_sides))
    }
}

/// World `window-check`: judges tallies.
pub struct WindowCheck;

#[allow(private_interfaces)]
impl World for WindowCheck {
    const KIND: CheckKind = CheckKind::Window;

    fn exports(instance: &Instance, store: &mut Store<HostState>) -> wasmtime::Result<Exports> {
        let mut found = exports::<(&[shapes::Tally],), WindowAnswer, shapes::WindowManifest>(
            instance, store, "check",
        )?;
        found.state = state(instance, store)?;
        Ok(found)
    }

    fn describe(
        exports: &Exports,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Result<Manifest, ManifestError>> {
        let (m,): (shapes::WindowManifest,) = call(&exports.describe, store, ())?;
        let named = m.reasons.into_iter().map(|reason| Reason {
            id: reason.id,
            help: reason.help,
            outcome: Outcome::Violation,
        });
        Ok(Manifest::checked(
            m.name,
            m.version,
            &[],
            &[],
            named.collect(),
        ))
    }
}

/// The interface with which a window check states objectives.
const OBJECTIVES: &str = "landfall:check/objectives@1.0.0";

/// The function of that interface, if the component exports it: older components do not.
fn state(instance: &Instance, store: &mut Store<HostState>) -> wasmtime::Result<Option<Func>> {
    let Some(interface) = instance.get_export_index(&mut *store, None, OBJECTIVES) else {
        return Ok(None);
    };
    let func = instance
        .get_export_index(&mut *store, Some(&interface), "state")
        .and_then(|index| instance.get_func(&mut *store, index))
        .ok_or_else(|| wasmtime::Error::msg(format!("its {OBJECTIVES} lacks state")))?;
    func.typed::<(&[&str],), StateAnswer>(&*store)
        .map_err(|error| error.context(format!("state of its {OBJECTIVES} has another type")))?;
    Ok(Some(func))
}
