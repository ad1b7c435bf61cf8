//! What to do when the monitor is silent or says no, and the exit status that tells it. Pure; no other room decides.

use std::time::Duration;

use lic_protocol::wire::Refusal;

use crate::cli::Waiting;

/// How long a waiter whose connection broke tries to get its place back: as long as the monitor keeps it.
pub const RECONNECT_S_MAX: u64 = 30;
/// How long `on_down = wait` tries when its file does not say.
pub const ON_DOWN_WAIT_S: u64 = 60;
/// The longest it may say.
pub const ON_DOWN_WAIT_S_MAX: u64 = 7 * 86_400;

/// The tool is not there.
pub const EXIT_NOT_FOUND: u8 = 127;
/// The tool is there and cannot be run.
pub const EXIT_NOT_EXECUTABLE: u8 = 126;
/// Refused for good, or licwrap itself failed.
pub const EXIT_FAILED: u8 = 125;
/// Waited in vain.
pub const EXIT_WAITED_OUT: u8 = 124;
/// No seat is free now.
pub const EXIT_BUSY: u8 = 75;

/// What a tool does while the monitor is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnDown {
    /// It runs, uncounted.
    Run,
    /// It waits for the monitor, then is refused.
    Wait,
    /// It is refused.
    Deny,
}

/// Why there are no seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSeat {
    /// The monitor refused.
    Refused(Refusal),
    /// The time of `-w` is over.
    WaitedOut,
    /// The monitor is away.
    Silent,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Become the tool all the same.
    RunUncounted,
    /// Leave with this status.
    Exit(u8),
}

/// How long a silent monitor is asked again before [`verdict`] is asked. A waiter who had a place tries to keep it.
#[must_use]
pub fn patience(
    had_place: bool,
    waiting: Waiting,
    on_down: OnDown,
    on_down_wait: Duration,
) -> Duration {
    let for_place =
        if had_place { Duration::from_secs(RECONNECT_S_MAX) } else { Duration::default() };
    match (on_down, waiting) {
        (OnDown::Wait, Waiting::AsConfigured | Waiting::Yes | Waiting::For(_)) => {
            for_place.saturating_add(on_down_wait)
        }
        _ => for_place,
    }
}

/// How long to pause before a silent monitor is asked once more.
#[must_use]
pub fn pause(attempts: u32) -> Duration {
    Duration::from_millis(match attempts {
        0 => 20,
        1 => 40,
        2 => 80,
        _ => 100,
    })
}

/// What follows when there are no seats. `chosen` is the code of `-E`.
#[must_use]
pub fn verdict(reason: NoSeat, on_down: OnDown, waiting: Waiting, chosen: Option<u8>) -> Verdict {
    let code = match (reason, on_down) {
        (NoSeat::Silent, OnDown::Run) => return Verdict::RunUncounted,
        (NoSeat::Silent, OnDown::Wait) if waiting == Waiting::No => EXIT_BUSY,
        (NoSeat::Refused(Refusal::Busy | Refusal::QueueFull), _) => EXIT_BUSY,
        (NoSeat::WaitedOut, _) => EXIT_WAITED_OUT,
        _ => EXIT_FAILED,
    };
    Verdict::Exit(chosen.unwrap_or(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let refused = NoSeat::Refused;
        for (reason, on_down, waiting, chosen, expected) in [
            (NoSeat::Silent, OnDown::Run, Waiting::No, Some(7), Verdict::RunUncounted),
            (NoSeat::Silent, OnDown::Deny, Waiting::Yes, None, Verdict::Exit(125)),
            (NoSeat::Silent, OnDown::Deny, Waiting::Yes, Some(7), Verdict::Exit(7)),
            (NoSeat::Silent, OnDown::Wait, Waiting::Yes, None, Verdict::Exit(125)),
            (NoSeat::Silent, OnDown::Wait, Waiting::No, None, Verdict::Exit(75)),
            (NoSeat::WaitedOut, OnDown::Run, Waiting::Yes, None, Verdict::Exit(124)),
            (NoSeat::WaitedOut, OnDown::Run, Waiting::Yes, Some(0), Verdict::Exit(0)),
            (refused(Refusal::Busy), OnDown::Run, Waiting::No, None, Verdict::Exit(75)),
            (refused(Refusal::QueueFull), OnDown::Run, Waiting::Yes, None, Verdict::Exit(75)),
            (refused(Refusal::Unknown), OnDown::Run, Waiting::Yes, None, Verdict::Exit(125)),
            (refused(Refusal::TooMany), OnDown::Run, Waiting::Yes, None, Verdict::Exit(125)),
            (refused(Refusal::Forbidden), OnDown::Run, Waiting::Yes, None, Verdict::Exit(125)),
            (refused(Refusal::Malformed), OnDown::Run, Waiting::Yes, Some(9), Verdict::Exit(9)),
        ] {
            assert_eq!(
                verdict(reason, on_down, waiting, chosen),
                expected,
                "{reason:?} {on_down:?} {waiting:?} {chosen:?}"
            );
        }
    }

    #[test]
    fn patience_is_for_waiters_and_for_on_down_wait() {
        let five = Duration::from_secs(5);
        for (had_place, waiting, on_down, expected_s) in [
            (false, Waiting::Yes, OnDown::Run, 0),
            (false, Waiting::Yes, OnDown::Deny, 0),
            (false, Waiting::AsConfigured, OnDown::Wait, 5),
            (false, Waiting::No, OnDown::Wait, 0),
            (true, Waiting::Yes, OnDown::Run, 30),
            (true, Waiting::Yes, OnDown::Deny, 30),
            (true, Waiting::For(five), OnDown::Wait, 35),
        ] {
            let expected = Duration::from_secs(expected_s);
            let found = patience(had_place, waiting, on_down, five);
            assert_eq!(found, expected, "{had_place} {waiting:?} {on_down:?}");
        }
    }
}
