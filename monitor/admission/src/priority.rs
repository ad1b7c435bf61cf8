//! Who goes before whom: a class is worth so much time of waiting, and whoever has waited that much longer goes first all
//! the same. So nobody is passed for ever.

use std::time::Duration;

use crate::asker::{Asker, Who};

/// The class of those whom it means; others have class 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Higher goes first.
    pub class: u32,
    /// Of whom.
    pub who: Who,
}

/// The classes of a tool, the first that means the asker counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Priority {
    /// In order.
    pub classes: Vec<Class>,
    /// What one class is worth.
    pub ageing: Duration,
}

impl Priority {
    /// By how much the asker goes before those who came when he did and have no class, in microseconds.
    #[must_use]
    pub fn credit_us(&self, asker: &Asker) -> u64 {
        let class = self.classes.iter().find(|class| class.who.matches(asker));
        let ageing_us = u64::try_from(self.ageing.as_micros()).unwrap_or(u64::MAX);
        class.map_or(0, |class| ageing_us.saturating_mul(u64::from(class.class)))
    }
}
