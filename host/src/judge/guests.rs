//! Checks as judges see them: the calls of each kind of check, and what an instance reports about
//! itself.
//!
//! In a run, checks are the runtime's guests. A simulation has native checks, because the wall
//! clock ends calls into WebAssembly, and a simulated clock could not do that.

use std::sync::Arc;

use landfall_runtime::{
    CallInput, CheckInstance, Codec, Counters, Decoded, Difference, EventCheck, Fault,
    InstanceFault, Judged, JudgedWindows, LoadedCheck, LogLine, Manifest, PackedRef, ParityCheck,
    Projected, Suspension, Tally, WindowCheck, World,
};

/// The code of a check, of which instances can be made. `G` is the trait with the calls of its
/// kind.
pub trait GuestCode<G: ?Sized>: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    fn manifest(&self) -> &Manifest;

    /// An instance for one thread.
    fn instance(self: Arc<Self>) -> Box<G>;
}

/// What every instance reports. Each call gives what happened since the last call.
pub trait Guest: Send {
    fn take_counters(&mut self) -> Counters;
    fn take_log(&mut self) -> Vec<LogLine>;
    fn take_faults(&mut self) -> Vec<InstanceFault>;
    fn take_suspensions(&mut self) -> Vec<Suspension>;
}

/// Turns frames into documents.
pub trait CodecGuest: Guest {
    /// See [`CheckInstance::decode`].
    fn decode(&mut self, frames: PackedRef<'_>, out: &mut Decoded);
}

/// Judges documents.
pub trait EventGuest: Guest {
    /// See [`CheckInstance::judge`].
    fn judge(
        &mut self,
        input: &mut CallInput<'_>,
        stream: &str,
        rows: usize,
        columns: &[PackedRef<'_>],
        out: &mut Judged,
    );
}

/// Projects documents to normal forms, and names what differs between two.
pub trait ParityGuest: Guest {
    /// See [`CheckInstance::project`].
    fn project(
        &mut self,
        stream: &str,
        rows: usize,
        columns: &[PackedRef<'_>],
        out: &mut Projected,
    );

    /// See [`CheckInstance::explain`].
    ///
    /// # Errors
    /// The check failed, or is suspended.
    fn explain(&mut self, raw: &[u8], written: &[u8]) -> Result<Vec<Difference>, Fault>;
}

/// Judges the tallies of closed windows.
pub trait WindowGuest: Guest {
    /// See [`CheckInstance::judge_windows`].
    fn judge_windows(&mut self, tallies: &[Tally]) -> JudgedWindows;
}

/// An instance, with the code that it was made from. A reload keeps the instance if the code is the
/// same.
pub struct GuestInstance<G: ?Sized> {
    pub code: Arc<dyn GuestCode<G>>,
    pub guest: Box<G>,
}

impl<G: ?Sized> GuestInstance<G> {
    /// A new instance of the check.
    pub fn new(code: &Arc<dyn GuestCode<G>>) -> Self {
        Self {
            code: Arc::clone(code),
            guest: Arc::clone(code).instance(),
        }
    }

    /// The instance of `code` among `old`, still warm; otherwise a new one.
    pub fn kept_or_new(old: &mut Vec<Self>, code: &Arc<dyn GuestCode<G>>) -> Self {
        match old.iter().position(|one| is_same(&one.code, code)) {
            Some(index) => old.swap_remove(index),
            None => Self::new(code),
        }
    }
}

/// Whether both are the same check, loaded from the same file.
pub fn is_same<G: ?Sized>(one: &Arc<dyn GuestCode<G>>, other: &Arc<dyn GuestCode<G>>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

impl<W: World> Guest for CheckInstance<W> {
    fn take_counters(&mut self) -> Counters {
        CheckInstance::take_counters(self)
    }

    fn take_log(&mut self) -> Vec<LogLine> {
        CheckInstance::take_log(self)
    }

    fn take_faults(&mut self) -> Vec<InstanceFault> {
        CheckInstance::take_faults(self)
    }

    fn take_suspensions(&mut self) -> Vec<Suspension> {
        CheckInstance::take_suspensions(self)
    }
}

/// The runtime's checks of one kind.
macro_rules! loaded {
    ($world:ty, $guest:ty) => {
        impl GuestCode<$guest> for LoadedCheck<$world> {
            fn name(&self) -> &str {
                &self.name
            }

            fn manifest(&self) -> &Manifest {
                &self.manifest
            }

            fn instance(self: Arc<Self>) -> Box<$guest> {
                Box::new(CheckInstance::new(self))
            }
        }
    };
}

loaded!(Codec, dyn CodecGuest);
loaded!(EventCheck, dyn EventGuest);
loaded!(ParityCheck, dyn ParityGuest);
loaded!(WindowCheck, dyn WindowGuest);

impl CodecGuest for CheckInstance<Codec> {
    fn decode(&mut self, frames: PackedRef<'_>, out: &mut Decoded) {
        CheckInstance::decode(self, frames, out);
    }
}

impl EventGuest for CheckInstance<EventCheck> {
    fn judge(
        &mut self,
        input: &mut CallInput<'_>,
        stream: &str,
        rows: usize,
        columns: &[PackedRef<'_>],
        out: &mut Judged,
    ) {
        CheckInstance::judge(self, input, stream, rows, columns, out);
    }
}

impl ParityGuest for CheckInstance<ParityCheck> {
    fn project(
        &mut self,
        stream: &str,
        rows: usize,
        columns: &[PackedRef<'_>],
        out: &mut Projected,
    ) {
        CheckInstance::project(self, stream, rows, columns, out);
    }

    fn explain(&mut self, raw: &[u8], written: &[u8]) -> Result<Vec<Difference>, Fault> {
        CheckInstance::explain(self, raw, written)
    }
}

impl WindowGuest for CheckInstance<WindowCheck> {
    fn judge_windows(&mut self, tallies: &[Tally]) -> JudgedWindows {
        CheckInstance::judge_windows(self, tallies)
    }
}
