//! Why not: every refusal, and its sentence.

use jiff::Timestamp;
use lic_protocol::{
    want::Want,
    wire::{Refusal, Wait},
};

use crate::{
    Admission, Denied, WAITERS_MAX,
    asker::Asker,
    capacity::{Choices, Mode, Need, OnFull, Pool, Seats, Tool},
    reserve::{Membership, membership},
    rule::{Verdict, decisive},
};

impl Admission {
    /// What is not granted however long one waits: a feature that is not configured, more than it has, or what the asker may
    /// not have, or not now.
    ///
    /// An alternative that is not granted is no hindrance as long as another of its choice is.
    #[must_use]
    pub fn never(&self, asker: &Asker, choices: &[Vec<Want>], now: Timestamp) -> Option<Denied> {
        self.possible(asker, choices, now).err()
    }

    /// What of the choices can be had some time.
    ///
    /// # Errors
    /// When of one of them nothing can.
    pub(super) fn possible(
        &self,
        asker: &Asker,
        choices: &[Vec<Want>],
        now: Timestamp,
    ) -> Result<Choices, Denied> {
        choices.iter().map(|choice| self.possible_of(asker, choice, now)).collect()
    }

    fn possible_of(
        &self,
        asker: &Asker,
        choice: &[Want],
        now: Timestamp,
    ) -> Result<Box<[Need]>, Denied> {
        let mut possible = Vec::new();
        let mut denials = Vec::new();
        for want in choice {
            match self.never_one(asker, want, now) {
                None => possible.extend(self.pools.need(asker, want)),
                Some(denied) => denials.push(denied),
            }
        }
        if possible.is_empty() { Err(together(denials)) } else { Ok(possible.into()) }
    }

    pub(super) fn never_one(&self, asker: &Asker, want: &Want, now: Timestamp) -> Option<Denied> {
        let Some(pool) = self.pools.find(&want.feature).map(|pool| self.pools.get(pool)) else {
            let text = format!("no tool named {} is configured", want.feature.escape_debug());
            return Some(Denied { refusal: Refusal::Unknown, text, lacking: vec![want.clone()] });
        };
        (pool.tool.mode == Mode::Enforce).then_some(())?;
        forbidden(&pool.tool, asker, want, now).or_else(|| too_many(&pool.tool, asker, want))
    }

    /// Whether there is such a feature, with so many seats in all.
    #[must_use]
    pub fn is_possible(&self, want: &Want) -> bool {
        let pool = self.pools.find(&want.feature);
        pool.is_some_and(|pool| self.pools.get(pool).tool.is_possible(want.count, Membership::MAX))
    }

    pub(super) fn reason_not_to_queue(
        &self,
        asker: &Asker,
        lacking: &[&[Need]],
        wait: Wait,
    ) -> Option<Denied> {
        let denies = |need: &Need| self.pools.get(need.pool).tool.on_full == OnFull::Deny;
        let queues = match wait {
            Wait::Yes => true,
            Wait::No => false,
            // One alternative that may be waited for is enough.
            Wait::AsConfigured => !lacking.iter().any(|choice| choice.iter().all(denies)),
        };
        if !queues {
            return Some(self.busy(asker, lacking));
        }
        (self.queue.len() >= WAITERS_MAX).then(|| Denied {
            refusal: Refusal::QueueFull,
            text: format!("{WAITERS_MAX} requests wait already"),
            lacking: self.pools.wants(lacking.iter().copied().flatten()),
        })
    }

    /// The choices of which nothing is free, and a sentence about the first of them.
    pub(super) fn busy(&self, asker: &Asker, lacking: &[&[Need]]) -> Denied {
        let first = lacking.first().copied().unwrap_or_default();
        let texts: Vec<String> = first.iter().map(|need| self.use_of(asker, need)).collect();
        Denied {
            refusal: Refusal::Busy,
            text: texts.join("; "),
            lacking: self.pools.wants(lacking.iter().copied().flatten()),
        }
    }

    /// In how far the seats of a feature are in use, when none is free for the asker.
    fn use_of(&self, asker: &Asker, need: &Need) -> String {
        let pool = self.pools.get(need.pool);
        let (feature, held, seats) = (&pool.name, pool.held.seats(), shown(pool.tool.seats));
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
}

fn shown(seats: Seats) -> String {
    match seats {
        Seats::Limited(seats) => seats.to_string(),
        Seats::Unlimited => "unlimited".to_owned(),
    }
}

/// Why none of the alternatives: a feature that is not configured is the least of the reasons, and nobody's denial.
fn together(denials: Vec<Denied>) -> Denied {
    let texts: Vec<&str> = denials.iter().map(|denied| denied.text.as_str()).collect();
    let text = texts.join("; ");
    let refusals = || denials.iter().map(|denied| denied.refusal);
    let refusal = refusals().find(|refusal| *refusal != Refusal::Unknown);
    let refusal = refusal.unwrap_or(Refusal::Unknown);
    let is_told =
        |denied: &Denied| refusal == Refusal::Unknown || denied.refusal != Refusal::Unknown;
    let lacking = denials.into_iter().filter(is_told).flat_map(|denied| denied.lacking).collect();
    Denied { refusal, text, lacking }
}

/// Why the asker may not have it, or not now.
pub(super) fn forbidden(tool: &Tool, asker: &Asker, want: &Want, now: Timestamp) -> Option<Denied> {
    let feature = &want.feature;
    if let Some(expiry) = tool.expires.as_ref().filter(|expiry| expiry.is_over(now)) {
        let text = format!("the license of {feature} has expired: it was valid until {expiry}");
        return Some(Denied { refusal: Refusal::Expired, text, lacking: vec![want.clone()] });
    }
    let text = match decisive(&tool.rules, asker) {
        Some(rule) if rule.verdict == Verdict::Deny => {
            format!("{} may not have {feature}: {rule}", asker.user)
        }
        _ if tool.windows.is_open(now) => return None,
        _ => format!("{feature} may be started at {} only", tool.windows),
    };
    Some(Denied { refusal: Refusal::Forbidden, text, lacking: vec![want.clone()] })
}

fn too_many(tool: &Tool, asker: &Asker, want: &Want) -> Option<Denied> {
    let own = membership(&tool.reserves, asker);
    if tool.is_possible(want.count, own) {
        return None;
    }
    let (count, feature, seats) = (want.count, &want.feature, shown(tool.seats));
    let text = if tool.is_possible(want.count, Membership::MAX) {
        format!("{count} seats of {feature} asked for, it has {seats}, some set aside for others")
    } else {
        format!("{count} seats of {feature} asked for, it has {seats}")
    };
    Some(Denied { refusal: Refusal::TooMany, text, lacking: vec![want.clone()] })
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
