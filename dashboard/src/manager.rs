//! The service manager: what it is told. Without one nothing is said.

use sd_notify::{NotifyState, notify};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// Of the time after which the manager thinks that we hang, the part between two signs of life.
const SIGNS_PER_LIMIT: u32 = 3;

/// Tells that pages are served.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// Tells that the last answers are being given.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Tells again and again that the runtime turns, if the manager wants to hear it.
pub async fn tell_alive() {
    let every = sd_notify::watchdog_enabled().map(|limit| limit / SIGNS_PER_LIMIT);
    let Some(every) = every.filter(|every| !every.is_zero()) else { return };
    let mut every = interval(every);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        tell(NotifyState::Watchdog);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        warn!("tell the service manager: {error}");
    }
}
