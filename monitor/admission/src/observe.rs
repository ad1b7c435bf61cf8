//! What would be decided if the tools that are only observed were enforced.

use jiff::Timestamp;
use lic_protocol::want::Want;

use crate::{
    Admission, Denied,
    asker::Asker,
    capacity::{Mode, Seats},
    refusal::forbidden,
};

impl Admission {
    /// What would have been refused or kept waiting if the tools that are only observed were enforced.
    #[must_use]
    pub fn observed(&self, asker: &Asker, choices: &[Vec<Want>], now: Timestamp) -> Vec<Denied> {
        let mut observed = Vec::new();
        for choice in choices {
            let of_each = choice.iter().map(|want| self.hindrance(asker, want, now));
            // An alternative that nothing stands in the way of would have been taken.
            let hindrances: Option<Vec<Denied>> = of_each.collect();
            let named = choice.iter().zip(hindrances.into_iter().flatten());
            let of_observed = |(want, denied): (&Want, Denied)| {
                let mode = self.tool(&want.feature).map(|tool| tool.mode);
                (mode == Some(Mode::Observe)).then_some(denied)
            };
            observed.extend(named.filter_map(of_observed));
        }
        observed
    }

    /// What would keep somebody from having it now, if a tool that is only observed were enforced.
    fn hindrance(&self, asker: &Asker, want: &Want, now: Timestamp) -> Option<Denied> {
        if let Some(denied) = self.never_one(asker, want, now) {
            return Some(denied);
        }
        let need = self.pools.need(asker, want)?;
        let pool = self.pools.get(need.pool);
        (pool.tool.mode != Mode::Off).then_some(())?;
        if let Some(denied) = forbidden(&pool.tool, asker, want, now) {
            return Some(denied);
        }
        let Seats::Limited(seats) = pool.tool.seats else { return None };
        let is_free = pool.tool.has(seats, pool.before(), &need);
        (!is_free).then(|| self.busy(asker, &[&[need]]))
    }
}
