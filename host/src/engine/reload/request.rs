//! Requests for a reload, and the callers that wait for its result.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use crate::control::{CONNECTIONS_MAX, Reloaded};

/// Asks for a reload. A clone asks the same reloader.
#[derive(Clone)]
pub struct ReloadRequest {
    sender: Sender<()>,
    again: Arc<AtomicBool>,
    waiting: Arc<Mutex<WaitingCallers>>,
}

/// The callers that wait for the result.
#[derive(Default)]
struct WaitingCallers {
    callers: Vec<oneshot::Sender<Reloaded>>,
    /// The reloader has ended, and answers nobody any more.
    has_ended: bool,
}

/// The number of callers that can wait for a reload at once. Other commands have connections left.
const CALLERS_MAX: usize = CONNECTIONS_MAX / 2;

impl ReloadRequest {
    /// Requests a reload, because something may have changed.
    pub fn send(&self) {
        // One waiting request is enough, and a reloader that has ended needs none.
        let _ = self.sender.try_send(());
    }

    /// Requests a reload that also tries again what was refused, although it did not change:
    /// SIGHUP.
    pub fn send_again(&self) {
        self.again.store(true, Ordering::Release);
        self.send();
    }

    /// Like [`ReloadRequest::send_again`], and gives the result. None if too many callers wait
    /// already. The receiver fails if the reloader ends before.
    pub fn ask(&self) -> Option<oneshot::Receiver<Reloaded>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock_waiting();
        waiting.callers.retain(|caller| !caller.is_closed());
        if waiting.callers.len() >= CALLERS_MAX {
            return None;
        }
        if !waiting.has_ended {
            // Before the reloader can see the caller: its reload tries again what was refused.
            self.again.store(true, Ordering::Release);
            waiting.callers.push(sender);
        }
        drop(waiting);
        self.send();
        Some(receiver)
    }

    pub(super) fn take_callers(&self) -> Vec<oneshot::Sender<Reloaded>> {
        std::mem::take(&mut self.lock_waiting().callers)
    }

    /// The reloader ends: the receivers of all callers fail, now and later.
    pub(super) fn end(&self) {
        let mut waiting = self.lock_waiting();
        waiting.has_ended = true;
        waiting.callers.clear();
    }

    fn lock_waiting(&self) -> MutexGuard<'_, WaitingCallers> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_again(&self) -> bool {
        self.again.swap(false, Ordering::AcqRel)
    }
}

/// Both ends of the channel for requests.
pub fn requests() -> (ReloadRequest, Receiver<()>) {
    let (sender, receiver) = bounded(1);
    let request = ReloadRequest {
        sender,
        again: Arc::default(),
        waiting: Arc::default(),
    };
    (request, receiver)
}

/// Ends the requests when the reloader ends, in whatever way.
pub(super) struct EndRequests(pub ReloadRequest);

impl Drop for EndRequests {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_gets_the_result_or_hears_that_the_reloader_has_ended() {
        let (request, wake) = requests();
        let mut early = request.ask().expect("few wait");
        assert!(wake.try_recv().is_ok() && request.take_again());
        for caller in request.take_callers() {
            caller.send(Reloaded::default()).expect("it waits");
        }
        assert_eq!(early.try_recv(), Ok(Reloaded::default()));
        let mut waiting = request.ask().expect("few wait");
        drop(EndRequests(request.clone()));
        let mut late = request.ask().expect("few wait");
        for receiver in [&mut waiting, &mut late] {
            let closed = oneshot::error::TryRecvError::Closed;
            assert_eq!(receiver.try_recv(), Err(closed));
        }
    }

    #[test]
    fn no_more_callers_wait_than_a_bound() {
        let (request, _wake) = requests();
        let receivers: Vec<_> = (0..=CALLERS_MAX).map(|_| request.ask()).collect();
        assert!(receivers[CALLERS_MAX - 1].is_some() && receivers[CALLERS_MAX].is_none());
        drop(receivers);
        assert!(request.ask().is_some(), "who waits no more takes no place");
    }
}
