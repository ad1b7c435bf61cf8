//! Why not: every refusal, and its sentence.

use jiff::Timestamp;
use lic_protocol::wire::{Refusal, Wait, Want};

use crate::{
    Admission, Denied, WAITERS_MAX,
    asker::Asker,
    capacity::{Mode, OnFull, Pool, Seats, Tool},
    reserve::{Membership, membership},
    rule::{Verdict, decisive},
};

impl Admission {
    /// What is not granted however long one waits: a feature that is not configured, more than it has, or what the asker may
    /// not have, or not now.
    #[must_use]
    pub fn never(&self, asker: &Asker, wants: &[Want], now: Timestamp) -> Option<Denied> {
        wants.iter().find_map(|want| self.never_one(asker, want, now))
    }

    fn never_one(&self, asker: &Asker, want: &Want, now: Timestamp) -> Option<Denied> {
        let Some(pool) = self.pools.find(&want.feature).map(|pool| self.pools.get(pool)) else {
            let text = format!("no tool named {} is configured", want.feature.escape_debug());
            return Some(Denied { refusal: Refusal::Unknown, text, lacking: vec![want.clone()] });
        };
        (pool.tool.mode == Mode::Enforce).then_some(())?;
        forbidden(&pool.tool, asker, want, now).or_else(|| self.too_many(asker, want))
    }

    fn too_many(&self, asker: &Asker, want: &Want) -> Option<Denied> {
        let tool = &self.pool(want).tool;
        let own = membership(&tool.reserves, asker);
        if tool.is_possible(want.count, own) {
            return None;
        }
        let (count, feature, seats) = (want.count, &want.feature, self.seats(want));
        let text = if tool.is_possible(want.count, Membership::MAX) {
            format!(
                "{count} seats of {feature} asked for, it has {seats}, some set aside for others"
            )
        } else {
            format!("{count} seats of {feature} asked for, it has {seats}")
        };
        Some(Denied { refusal: Refusal::TooMany, text, lacking: vec![want.clone()] })
    }

    pub(super) fn reason_not_to_queue(
        &self,
        asker: &Asker,
        lacking: Vec<Want>,
        wait: Wait,
    ) -> Option<Denied> {
        let denies = |want: &Want| self.pool(want).tool.on_full == OnFull::Deny;
        let queues = match wait {
            Wait::Yes => true,
            Wait::No => false,
            Wait::AsConfigured => !lacking.iter().any(denies),
        };
        if !queues {
            return Some(self.busy(asker, lacking));
        }
        (self.queue.len() >= WAITERS_MAX).then(|| Denied {
            refusal: Refusal::QueueFull,
            text: format!("{WAITERS_MAX} requests wait already"),
            lacking,
        })
    }

    pub(super) fn busy(&self, asker: &Asker, lacking: Vec<Want>) -> Denied {
        let text = lacking.first().map_or_else(String::new, |want| self.use_of(asker, want));
        Denied { refusal: Refusal::Busy, text, lacking }
    }

    /// In how far the seats of a feature are in use, when none is free for the asker.
    fn use_of(&self, asker: &Asker, want: &Want) -> String {
        let pool = self.pool(want);
        let (feature, held, seats) = (&want.feature, pool.held.seats(), self.seats(want));
        let mut parts = vec![format!("{held} of {seats} in use")];
        let for_others = set_aside_for_others(pool, asker);
        if for_others > 0 {
            parts.push(format!("{for_others} set aside for others"));
        }
        let wanted = pool.spoken.seats() - held;
        if wanted > 0 {
            parts.push(format!("{wanted} waited for"));
        }
        format!("no seat of {feature} is free: {}", parts.join(", "))
    }

    fn seats(&self, want: &Want) -> String {
        match self.pool(want).tool.seats {
            Seats::Limited(seats) => seats.to_string(),
            Seats::Unlimited => "unlimited".to_owned(),
        }
    }

    /// The pool of a want whose feature is known.
    pub(super) fn pool(&self, want: &Want) -> &Pool {
        let pool = self.pools.find(&want.feature).expect("unknown features were refused before");
        self.pools.get(pool)
    }
}

/// Why the asker may not have it, or not now.
pub(super) fn forbidden(tool: &Tool, asker: &Asker, want: &Want, now: Timestamp) -> Option<Denied> {
    let feature = &want.feature;
    let text = match decisive(&tool.rules, asker) {
        Some(rule) if rule.verdict == Verdict::Deny => {
            format!("{} may not have {feature}: {rule}", asker.user)
        }
        _ if tool.windows.is_open(now) => return None,
        _ => format!("{feature} may be started at {} only", tool.windows),
    };
    Some(Denied { refusal: Refusal::Forbidden, text, lacking: vec![want.clone()] })
}

/// Seats that are free, and that the asker cannot have even if he took all he may.
fn set_aside_for_others(pool: &Pool, asker: &Asker) -> u64 {
    let Seats::Limited(seats) = pool.tool.seats else { return 0 };
    let reserves = &pool.tool.reserves;
    let free = u64::from(seats).saturating_sub(pool.held.seats());
    let own = membership(reserves, asker);
    let taken = pool.held.common_with(free, own, reserves);
    taken.saturating_sub(pool.tool.room(seats)).min(free)
}
