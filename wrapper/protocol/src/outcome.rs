//! Outcome: how a wrapped tool ended and what it used, as far as somebody saw it.

use crate::pairs::Pairs;

/// How a tool ended and what it used. `None` is what nobody saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status, where it exited.
    pub exit_status: Option<u32>,
    /// The signal that killed it, where one did.
    pub exit_signal: Option<u32>,
    /// The processor time it used, its children included.
    pub cpu_ms: Option<u64>,
    /// The most memory that one of its processes had at once.
    pub memory_peak_bytes: Option<u64>,
}

impl Outcome {
    /// Whether nobody saw anything.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what was seen to a message or a record.
    pub fn put_into(&self, pairs: &mut Pairs) {
        for (key, value) in [
            ("exit_status", self.exit_status.map(u64::from)),
            ("exit_signal", self.exit_signal.map(u64::from)),
            ("cpu_ms", self.cpu_ms),
            ("memory_peak_bytes", self.memory_peak_bytes),
        ] {
            if let Some(value) = value {
                pairs.put_number(key, value);
            }
        }
    }

    /// Reads what [`Outcome::put_into`] wrote. What is no such number was not seen.
    #[must_use]
    pub fn of(pairs: &Pairs) -> Self {
        // What SQLite can hold.
        let number =
            |key| pairs.need_number(key).ok().filter(|value| i64::try_from(*value).is_ok());
        let small = |key| number(key).and_then(|value| u32::try_from(value).ok());
        Self {
            exit_status: small("exit_status").filter(|status| *status <= 255),
            exit_signal: small("exit_signal").filter(|signal| (1..=64).contains(signal)),
            cpu_ms: number("cpu_ms"),
            memory_peak_bytes: number("memory_peak_bytes"),
        }
    }
}
