//! The naive model: what is configured, lists of who holds and who waits, and every count taken anew. Slow, and meant to be
//! obvious: it restates what `lib.rs` promises, and knows nothing of pools, loads and sums.

use std::collections::{BTreeMap, BTreeSet};

use super::{Timestamp, Tool, Want, asker};
use crate::{
    Decision, Refusal, Wait,
    capacity::{Mode, OnFull, Seats},
    rule::{Verdict, decisive},
};

/// A feature that one asks for, or several of which one will do.
pub(super) type Choice = Vec<Want>;

/// Who holds what.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) who: &'static str,
    pub(super) wants: Vec<Want>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    Away,
    PassedOver,
}

#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub(super) ticket: u64,
    pub(super) who: &'static str,
    /// What was asked for.
    pub(super) asked: Vec<Choice>,
    /// What of it could ever be had, when its place was given.
    pub(super) waits_for: Vec<Choice>,
    pub(super) presence: Presence,
}

/// What the rule says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Granted(Vec<Want>),
    Queued,
    Refused(Refusal, Vec<Want>),
}

pub(super) struct Model {
    pub(super) tools: Vec<(&'static str, Tool)>,
    pub(super) leases: BTreeMap<u64, Run>,
    /// In order of their turn.
    pub(super) waiters: Vec<Waiter>,
}

/// A seat in use: which of the seats set aside it could be.
type Seat = BTreeSet<usize>;

impl Model {
    pub(super) fn new(tools: Vec<(&'static str, Tool)>) -> Self {
        Self { tools, leases: BTreeMap::new(), waiters: Vec::new() }
    }

    pub(super) fn tool(&self, feature: &str) -> Option<&Tool> {
        self.tools.iter().find(|(name, _)| *name == feature).map(|(_, tool)| tool)
    }

    /// The seats to which a tool is held.
    pub(super) fn limit(&self, feature: &str) -> Option<u64> {
        match self.tool(feature) {
            Some(Tool { mode: Mode::Enforce, seats: Seats::Limited(seats), .. }) => {
                Some(u64::from(*seats))
            }
            _ => None,
        }
    }

    /// The seats set aside of a feature are numbered; these somebody may have.
    fn aside(&self, feature: &str, who: &str) -> Seat {
        let reserves = &self.tool(feature).unwrap().reserves;
        let of = reserves.iter().flat_map(|r| (0..r.seats).map(|_| r.who.matches(&asker(who))));
        of.enumerate().filter(|(_, is_for_him)| *is_for_him).map(|(number, _)| number).collect()
    }

    fn all_aside(&self, feature: &str) -> Seat {
        let reserves = &self.tool(feature).unwrap().reserves;
        (0..reserves.iter().map(|reserve| reserve.seats as usize).sum()).collect()
    }

    /// Every seat that these take: those who share one take it once, as large as the largest asks.
    pub(super) fn in_use<'a>(
        &self,
        runs: impl IntoIterator<Item = (&'static str, &'a Want)>,
        feature: &str,
    ) -> Vec<Seat> {
        let unit = self.tool(feature).unwrap().unit;
        let mut seats = Vec::new();
        let mut shared: BTreeMap<String, (u32, Seat)> = BTreeMap::new();
        for (who, want) in runs.into_iter().filter(|(_, want)| want.feature == feature) {
            let aside = self.aside(feature, who);
            let asker = asker(who);
            match unit.share(asker.uid, &asker.host) {
                None => seats.extend((0..want.count).map(|_| aside.clone())),
                Some(key) => {
                    let share = shared.entry(key).or_default();
                    share.0 = share.0.max(want.count);
                    share.1.extend(aside);
                }
            }
        }
        for (count, aside) in shared.into_values() {
            seats.extend((0..count).map(|_| aside.clone()));
        }
        seats
    }

    /// Seats in use beyond those set aside that could be theirs: every way to seat people is tried.
    fn common(seats: &[Seat], free: &Seat) -> u64 {
        // Who may have none set aside is not worth trying.
        let Some(at) = seats.iter().position(|seat| !seat.is_disjoint(free)) else {
            return seats.len() as u64;
        };
        let mut rest = seats.to_vec();
        let seat = rest.swap_remove(at);
        let ways = seat.intersection(free).map(|own| {
            let left: Seat = free.iter().copied().filter(|other| other != own).collect();
            Self::common(&rest, &left)
        });
        ways.min().unwrap().min(1 + Self::common(&rest, free))
    }

    pub(super) fn common_of(&self, seats: &[Seat], feature: &str) -> u64 {
        Self::common(seats, &self.all_aside(feature))
    }

    /// Seats for everybody.
    pub(super) fn room(&self, feature: &str) -> u64 {
        self.limit(feature).unwrap() - self.all_aside(feature).len() as u64
    }

    fn holders(&self) -> impl Iterator<Item = (&'static str, &Want)> {
        self.leases.values().flat_map(|run| run.wants.iter().map(|want| (run.who, want)))
    }

    pub(super) fn held(&self, feature: &str) -> Vec<Seat> {
        self.in_use(self.holders(), feature)
    }

    /// Why somebody never gets it, or not at this hour.
    pub(super) fn never(&self, who: &str, want: &Want, now: Timestamp) -> Option<Refusal> {
        let feature = want.feature.as_str();
        let Some(tool) = self.tool(feature) else { return Some(Refusal::Unknown) };
        if tool.mode != Mode::Enforce {
            return None;
        }
        Self::not_allowed(tool, who, now).or_else(|| {
            self.limit(feature)?;
            let alone = vec![self.aside(feature, who); want.count as usize];
            let fits = self.common_of(&alone, feature) <= self.room(feature);
            (!fits).then_some(Refusal::TooMany)
        })
    }

    fn not_allowed(tool: &Tool, who: &str, now: Timestamp) -> Option<Refusal> {
        if tool.expires.as_ref().is_some_and(|expiry| expiry.is_over(now)) {
            return Some(Refusal::Expired);
        }
        let rule = decisive(&tool.rules, &asker(who));
        let is_denied = rule.is_some_and(|rule| rule.verdict == Verdict::Deny);
        (is_denied || !tool.windows.is_open(now)).then_some(Refusal::Forbidden)
    }

    /// The rule as it is written down: a seat that is shared already is free; otherwise the seats taken, those that earlier
    /// waiters need and the ones asked for fit, or these are set aside for him and not for those; and none of those is away.
    fn has(&self, who: &'static str, want: &Want, earlier: &[Waiter]) -> bool {
        let feature = want.feature.as_str();
        if self.limit(feature).is_none() {
            return true;
        }
        let room = self.room(feature);
        let held = self.held(feature);
        let with = self.in_use(self.holders().chain([(who, want)]), feature);
        let more = with.len() - held.len();
        if more == 0 {
            return true;
        }
        let earlier: Vec<&Waiter> =
            earlier.iter().filter(|w| w.presence != Presence::PassedOver).collect();
        let wants =
            |waiter: &Waiter| waiter.waits_for.iter().flatten().any(|w| w.feature == feature);
        if earlier.iter().any(|waiter| waiter.presence == Presence::Away && wants(waiter)) {
            return false;
        }
        let asked = (0..more).map(|_| self.aside(feature, who));
        let now: Vec<Seat> = held.into_iter().chain(asked.clone()).collect();
        let waiting = earlier.iter().flat_map(|w| w.waits_for.iter().flatten().map(|x| (w.who, x)));
        let before = self.in_use(self.holders().chain(waiting), feature);
        let then: Vec<Seat> = before.iter().cloned().chain(asked).collect();
        let behind = self.common_of(&then, feature);
        self.common_of(&now, feature) <= room
            && (behind <= room || behind <= self.common_of(&before, feature))
    }

    /// Of each choice the first that can be had, where every choice has one.
    fn to_take(
        &self,
        who: &'static str,
        choices: &[Choice],
        earlier: &[Waiter],
        now: Timestamp,
    ) -> Option<Vec<Want>> {
        let is_open = |want: &Want| {
            let tool = self.tool(&want.feature).unwrap();
            let is_over = tool.expires.as_ref().is_some_and(|expiry| expiry.is_over(now));
            tool.mode != Mode::Enforce || (tool.windows.is_open(now) && !is_over)
        };
        let first = |choice: &Choice| {
            choice.iter().find(|want| is_open(want) && self.has(who, want, earlier)).cloned()
        };
        choices.iter().map(first).collect()
    }

    /// What of the choices could ever be had; why not, where of one nothing can.
    pub(super) fn possible(
        &self,
        who: &str,
        choices: &[Choice],
        now: Timestamp,
    ) -> Result<Vec<Choice>, Refusal> {
        let of_choice = |choice: &Choice| {
            let possible: Choice =
                choice.iter().filter(|w| self.never(who, w, now).is_none()).cloned().collect();
            let why = choice.iter().filter_map(|want| self.never(who, want, now));
            let why: Vec<Refusal> = why.collect();
            let told = why.iter().find(|why| **why != Refusal::Unknown).or(why.first());
            if possible.is_empty() { Err(*told.unwrap()) } else { Ok(possible) }
        };
        choices.iter().map(of_choice).collect()
    }

    /// When it came, less what its class is worth on the feature where it is worth least.
    fn rank(&self, ticket: u64, who: &str, choices: &[Choice]) -> (i128, u64) {
        let worth = |want: &Want| self.tool(&want.feature).unwrap().priority.credit_us(&asker(who));
        let worth = choices.iter().flatten().map(worth).min().unwrap();
        (i128::from(ticket) - i128::from(worth), ticket)
    }

    pub(super) fn rank_of(&self, waiter: &Waiter) -> (i128, u64) {
        self.rank(waiter.ticket, waiter.who, &waiter.waits_for)
    }

    /// What is to be decided about somebody who would get this ticket.
    pub(super) fn expected(
        &self,
        who: &'static str,
        asked: &[Choice],
        wait: Wait,
        ticket: u64,
        now: Timestamp,
    ) -> Expected {
        let possible = match self.possible(who, asked, now) {
            Ok(possible) => possible,
            Err(refusal) => return Expected::Refused(refusal, Vec::new()),
        };
        let rank = self.rank(ticket, who, &possible);
        let ahead = self.waiters.iter().filter(|waiter| self.rank_of(waiter) < rank).count();
        let earlier = &self.waiters[..ahead];
        if let Some(wants) = self.to_take(who, &possible, earlier, now) {
            return Expected::Granted(wants);
        }
        let has = |want: &Want| self.has(who, want, earlier);
        let lacking: Vec<&Choice> =
            possible.iter().filter(|choice| !choice.iter().any(has)).collect();
        let denies = |want: &Want| self.tool(&want.feature).unwrap().on_full == OnFull::Deny;
        let by_configuration = lacking.iter().any(|choice| choice.iter().all(denies));
        if wait == Wait::No || (wait == Wait::AsConfigured && by_configuration) {
            return Expected::Refused(
                Refusal::Busy,
                lacking.into_iter().flatten().cloned().collect(),
            );
        }
        Expected::Queued
    }

    /// Features of which it would be told that they are only observed: those whose choice could not be had at once if they
    /// were not.
    pub(super) fn observed(
        &self,
        who: &'static str,
        asked: &[Choice],
        now: Timestamp,
    ) -> Vec<String> {
        let mut enforced = Self::new(self.tools.clone());
        for (_, tool) in &mut enforced.tools {
            tool.mode = if tool.mode == Mode::Observe { Mode::Enforce } else { tool.mode };
        }
        enforced.leases.clone_from(&self.leases);
        enforced.waiters.clone_from(&self.waiters);
        let is_blocked = |want: &&Want| {
            enforced.never(who, want, now).is_some() || !enforced.has(who, want, &enforced.waiters)
        };
        let is_observed =
            |want: &&Want| self.tool(&want.feature).is_some_and(|tool| tool.mode == Mode::Observe);
        let blocked = asked.iter().filter(|choice| choice.iter().all(|want| is_blocked(&want)));
        blocked.flatten().filter(is_observed).map(|want| want.feature.clone()).collect()
    }

    pub(super) fn join(&mut self, waiter: Waiter) {
        self.waiters.push(waiter);
        self.sort();
    }

    pub(super) fn sort(&mut self) {
        let mut waiters = std::mem::take(&mut self.waiters);
        waiters.sort_by_key(|waiter| self.rank_of(waiter));
        self.waiters = waiters;
    }

    /// What the waiter at this place would start with now.
    pub(super) fn may_start(&self, at: usize, now: Timestamp) -> Option<Vec<Want>> {
        let waiter = &self.waiters[at];
        (waiter.presence == Presence::Here).then_some(())?;
        self.to_take(waiter.who, &waiter.waits_for, &self.waiters[..at], now)
    }

    pub(super) fn place_at(&self, rank: (i128, u64), choices: &[Choice]) -> u32 {
        let shares = |other: &Waiter| {
            let others: Vec<&str> =
                other.waits_for.iter().flatten().map(|want| want.feature.as_str()).collect();
            choices.iter().flatten().any(|want| others.contains(&want.feature.as_str()))
        };
        let ahead = self.waiters.iter().filter(|other| self.rank_of(other) < rank && shares(other));
        u32::try_from(ahead.count()).unwrap() + 1
    }

    pub(super) fn place(&self, ticket: u64) -> u32 {
        let waiter = self.waiters.iter().find(|waiter| waiter.ticket == ticket).unwrap();
        self.place_at(self.rank_of(waiter), &waiter.waits_for)
    }
}

/// The kind of a decision, to be compared.
pub(super) fn kind(decision: &Decision, taken: Vec<Want>) -> Expected {
    match decision {
        Decision::Granted(_) => Expected::Granted(taken),
        Decision::Queued { .. } => Expected::Queued,
        Decision::Refused(denied) if denied.refusal == Refusal::Busy => {
            Expected::Refused(denied.refusal, denied.lacking.clone())
        }
        Decision::Refused(denied) => Expected::Refused(denied.refusal, Vec::new()),
    }
}
