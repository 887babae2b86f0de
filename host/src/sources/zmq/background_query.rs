//! Runs one slow question at a time on its own thread, so that a source's thread never waits for
//! it. A thread that never returns is left behind; there is at most one.

use std::thread;

use crossbeam_channel::{Receiver, TryRecvError, bounded};

#[derive(Debug)]
pub(super) struct BackgroundQuery<T> {
    answer: Option<Receiver<T>>,
}

impl<T> Default for BackgroundQuery<T> {
    fn default() -> Self {
        Self { answer: None }
    }
}

impl<T: Send + 'static> BackgroundQuery<T> {
    /// Whether a question has no answer yet.
    pub fn is_under_way(&self) -> bool {
        self.answer.is_some()
    }

    /// Starts a question. False if no thread can be started, or one is still running.
    pub fn start(&mut self, name: &str, ask: impl FnOnce() -> T + Send + 'static) -> bool {
        if self.is_under_way() {
            return false;
        }
        let (sender, receiver) = bounded(1);
        let started = thread::Builder::new().name(name.into()).spawn(move || {
            // If this fails, nobody waits for the answer any more.
            let _ = sender.send(ask());
        });
        if started.is_ok() {
            self.answer = Some(receiver);
        }
        started.is_ok()
    }

    /// The answer, once; None while there is none. If the thread died, the answer is `died`.
    pub fn poll(&mut self, died: impl FnOnce() -> T) -> Option<T> {
        let answer = match self.answer.as_ref()?.try_recv() {
            Ok(answer) => answer,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => died(),
        };
        self.answer = None;
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn answer(errand: &mut BackgroundQuery<u32>) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(answer) = errand.poll(|| 0) {
                return answer;
            }
            assert!(began.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
    }

    #[test]
    fn an_answer_comes_once_and_until_then_nothing_else_is_asked() {
        let mut errand = BackgroundQuery::default();
        assert_eq!(errand.poll(|| 0), None);
        let (go_on, waits) = bounded::<()>(0);
        assert!(errand.start("ask", move || {
            let _ = waits.recv();
            7
        }));
        assert!(!errand.start("ask", || 8) && errand.poll(|| 0).is_none());
        drop(go_on);
        assert_eq!(answer(&mut errand), 7);
        assert!(!errand.is_under_way());
        assert!(errand.start("ask", || panic!("on purpose")));
        assert_eq!(answer(&mut errand), 0);
    }
}
