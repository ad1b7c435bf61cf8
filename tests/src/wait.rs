//! Waiting by asking: the one place that lets time pass, always up to a deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for anything that should happen at once, on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Pause between two questions: short beside what we wait for, long beside what a question costs.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is an answer, or `limit` has passed.
pub fn answer<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > deadline {
            return None;
        }
        pause();
    }
}

/// Asks until there is an answer, at most for [`SOON`].
///
/// # Panics
/// When there is none, saying that `what` did not happen.
#[track_caller]
pub fn soon<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    let Some(answer) = answer(SOON, ask) else { panic!("within {SOON:?} not seen: {what}") };
    answer
}

/// Asks until it is so, at most for [`SOON`].
///
/// # Panics
/// When it is not, saying that `what` did not happen.
#[track_caller]
pub fn until(what: &str, mut ask: impl FnMut() -> bool) {
    soon(what, || ask().then_some(()));
}

#[expect(clippy::disallowed_methods, reason = "the pause between two questions, in every wait")]
fn pause() {
    thread::sleep(PAUSE);
}
