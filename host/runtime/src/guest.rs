//! A guest that runs: an instance of a component, started under limits, with its store and exports.

use std::marker::PhantomData;
use std::sync::Arc;

use landfall_document::processor_time;
use wasmtime::component::InstancePre;
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::cancel::Cancel;
use crate::engine::{Engine, ticks};
use crate::error::LoadError;
use crate::fault::{Fault, FaultKind, MESSAGE_BYTES_MAX, clip};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::state::HostState;
use crate::world::{self, Exports, World};

/// An instance that was started.
pub(crate) struct Guest<W: World> {
    pub(crate) store: Store<HostState>,
    pub(crate) exports: Exports,
    /// Calls that were made to its work function.
    pub(crate) batches: u32,
    world: PhantomData<fn() -> W>,
}

impl<W: World> Guest<W> {
    /// Instantiates a component, hands it its configuration and has it describe itself. With `cancel`, the start
    /// can be ended at any time; such an instance is good for this alone.
    pub(crate) fn start(
        engine: &Engine,
        pre: &InstancePre<HostState>,
        limits: &Limits,
        config: &str,
        cancel: Option<&Cancel>,
    ) -> Result<(Self, Manifest), LoadError> {
        let state = HostState::new(limits.memory_bytes_max, Arc::default());
        let mut store = Store::new(&engine.wasm, state);
        store.limiter(|state| &mut state.limiter);
        // The deadline of a call may have been moved on by the time that validation took. And its time is the
        // processor's: neither a process that was stopped nor a busy machine is the guest's fault.
        store.epoch_deadline_callback(|context| {
            let now = processor_time();
            match context.data().deadline {
                Some(deadline) if now < deadline => {
                    Ok(UpdateDeadline::Continue(ticks(deadline - now)))
                }
                _ => Err(Trap::Interrupt.into()),
            }
        });
        store.set_hostcall_fuel(limits.output_bytes_max);
        let _call = engine.call();
        store.data_mut().deadline = Some(processor_time() + limits.start_time);
        match cancel {
            None => store.set_epoch_deadline(ticks(limits.start_time)),
            Some(cancel) => watch(&mut store, cancel.clone()),
        }
        let failed = |error: wasmtime::Error, store: &Store<HostState>| {
            if cancel.is_some_and(Cancel::is_cancelled) {
                LoadError::Cancelled
            } else {
                LoadError::Start(describe_start(&error, store.data()))
            }
        };
        let instance = match pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(failed(error, &store)),
        };
        let exports = W::exports(&instance, &mut store).map_err(|error| LoadError::WrongWorld {
            world: W::KIND.as_str(),
            message: format!("{error:#}"),
        })?;
        match world::configure(&exports, &mut store, config) {
            Ok(Ok(())) => {}
            Ok(Err(message)) => {
                return Err(LoadError::Config(clip(message, MESSAGE_BYTES_MAX)));
            }
            Err(error) => return Err(failed(error, &store)),
        }
        let manifest = match W::describe(&exports, &mut store) {
            Ok(manifest) => manifest?,
            Err(error) => return Err(failed(error, &store)),
        };
        Ok((
            Self {
                store,
                exports,
                batches: 0,
                world: PhantomData,
            },
            manifest,
        ))
    }
}

/// Ends the guest at its deadline, or at the first tick after it was cancelled.
fn watch(store: &mut Store<HostState>, cancel: Cancel) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |context| {
        let deadline = context.data().deadline;
        let is_over = deadline.is_none_or(|deadline| processor_time() >= deadline);
        if is_over || cancel.is_cancelled() {
            return Err(Trap::Interrupt.into());
        }
        Ok(UpdateDeadline::Continue(1))
    });
}

fn describe_start(error: &wasmtime::Error, state: &HostState) -> String {
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return format!(
            "too many checks live at once ({error:#}); run fewer workers or fewer checks"
        );
    }
    let fault = Fault::of_call(error, state.limiter.refused());
    match fault.kind {
        FaultKind::Deadline => {
            "it did not start within its time; raise limits.start_time or make it start faster"
                .into()
        }
        FaultKind::Memory => format!(
            "it needs more memory than limits.memory allows ({})",
            fault.message
        ),
        _ => fault.message,
    }
}
