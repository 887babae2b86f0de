//! Runs work whose recursion the author of a document or of a schema can make deep: with enough stack, and so
//! that a panic in it ends neither the thread nor the batch. Knows nothing of what the work is.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Stack for deep work. A recursive schema takes several frames per level; this leaves 4 KiB for each schema
/// that may apply to each level that a document may have. Pages that are not touched cost nothing.
pub(crate) const LARGE_STACK_BYTES: usize = 256 * 1024 * 1024;

/// Runs `work` on this thread, or, if `is_deep`, on a new one with a large stack. `None` if the system gives no
/// such thread, or if `work` panics: both are failures of the host, and say nothing about the work's input.
pub(crate) fn guarded<T: Send>(is_deep: bool, work: impl FnOnce() -> T + Send) -> Option<T> {
    // What `work` shares is read-only, so nothing half-done is seen after a panic.
    let work = || catch_unwind(AssertUnwindSafe(work)).ok();
    if !is_deep {
        return work();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(LARGE_STACK_BYTES)
            .spawn_scoped(scope, work);
        thread.ok()?.join().ok()?
    })
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_panic_is_no_answer_and_ends_nothing() {
        for is_deep in [false, true] {
            assert_eq!(guarded(is_deep, || 1), Some(1));
            assert_eq!(guarded(is_deep, || -> u8 { panic!("on purpose") }), None);
        }
    }
}
