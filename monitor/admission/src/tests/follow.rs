//! Random requests, followed step by step beside the [model](super::model): what is decided, who starts, with what, and when.

use jiff::SignedDuration;
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

use super::{
    Admission, Decision, Grant, LeaseId, Outlook, Ticket, Timestamp, Wait, Want, asker,
    busy::{FEATURES, PEOPLE, after_reload, before_reload},
    model::{Choice, Expected, Model, Presence, Run, Waiter, kind},
    site_of,
};
use crate::load::Load;

/// What a test may do; small numbers choose among the leases and waiters there are.
#[derive(Clone, Debug)]
enum Step {
    Ask(usize, Vec<Vec<(usize, u32)>>, u8),
    /// Whoever starts by it cannot take its seats, and is passed over, where the number is 0.
    Release(usize, u8),
    Leave(usize),
    Adopt(usize, Vec<Vec<(usize, u32)>>),
    Restore(usize, Vec<Vec<(usize, u32)>>),
    Welcome(usize),
    Wait(u32),
    Reload,
}

/// Few, so that requests meet.
const FEATURES_PER_CASE: usize = 4;

/// Of up to four features, each once, as choices of one or of several alternatives.
fn some_choices() -> impl Strategy<Value = Vec<Vec<(usize, u32)>>> {
    let features = prop::sample::subsequence(
        (0..FEATURES_PER_CASE).collect::<Vec<_>>(),
        1..=FEATURES_PER_CASE,
    );
    let counts = prop::collection::vec(1..=3_u32, FEATURES_PER_CASE);
    let joins = prop::collection::vec(0..3_u8, FEATURES_PER_CASE);
    (features.prop_shuffle(), counts, joins).prop_map(|(features, counts, joins)| {
        let mut choices: Vec<Vec<(usize, u32)>> = Vec::new();
        for ((feature, count), join) in features.into_iter().zip(counts).zip(joins) {
            match choices.last_mut().filter(|_| join == 0) {
                Some(choice) => choice.push((feature, count)),
                None => choices.push(vec![(feature, count)]),
            }
        }
        choices
    })
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE.len();
    prop_oneof![
        12 => (who.clone(), some_choices(), 0..5_u8).prop_map(|(w, c, wait)| Step::Ask(w, c, wait)),
        8 => (any::<usize>(), 0..4_u8).prop_map(|(lease, passes)| Step::Release(lease, passes)),
        2 => any::<usize>().prop_map(Step::Leave),
        1 => (who.clone(), some_choices()).prop_map(|(who, choices)| Step::Adopt(who, choices)),
        2 => (who, some_choices()).prop_map(|(who, choices)| Step::Restore(who, choices)),
        3 => any::<usize>().prop_map(Step::Welcome),
        3 => (1..240_u32).prop_map(Step::Wait),
        1 => proptest::strategy::Just(Step::Reload),
    ]
}

/// Whether those whose turn comes can take their seats.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hands {
    Free,
    Full,
}

/// Both, side by side.
struct Both {
    features: Vec<&'static str>,
    site: Admission,
    model: Model,
    now: Timestamp,
    is_reloaded: bool,
    /// Whether more may be held than there is.
    is_over: bool,
}

impl Both {
    fn new(features: Vec<&'static str>) -> Self {
        Self {
            features,
            site: site_of(before_reload()),
            model: Model::new(before_reload()),
            now: "2026-01-01T07:30Z".parse().unwrap(),
            is_reloaded: false,
            is_over: false,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Ask(who, choices, wait) => {
                let wait = [Wait::Yes, Wait::Yes, Wait::Yes, Wait::No, Wait::AsConfigured]
                    [usize::from(wait)];
                self.ask(PEOPLE[who], self.choices(&choices), wait);
            }
            Step::Release(number, passes) => {
                let lease = nth(self.model.leases.keys().copied(), number);
                let grants = self.site.release(LeaseId(lease), self.now);
                self.model.leases.remove(&lease);
                self.settle(grants, if passes == 0 { Hands::Full } else { Hands::Free });
                assert_eq!(self.site.release(LeaseId(lease), self.now), [], "released twice");
            }
            Step::Leave(number) => {
                let ticket = nth(self.model.waiters.iter().map(|w| w.ticket), number);
                self.leave(ticket);
                assert_eq!(self.site.leave(Ticket(ticket), self.now), [], "it left twice");
            }
            Step::Adopt(who, choices) => {
                let lease = self.site.next_id(self.now);
                let mut wants = self.choices(&choices).concat();
                wants.retain(|want| self.model.tool(&want.feature).is_some());
                self.site.adopt(LeaseId(lease), &asker(PEOPLE[who]), &wants);
                self.model.leases.insert(lease, Run { who: PEOPLE[who], wants });
                self.is_over = true;
                let grants = self.site.wake(self.now);
                self.settle(grants, Hands::Free);
            }
            Step::Restore(who, choices) => {
                let ticket = self.site.next_id(self.now);
                self.restore(ticket, PEOPLE[who], self.choices(&choices));
            }
            Step::Welcome(number) => {
                let out = self.model.waiters.iter().filter(|w| w.presence != Presence::Here);
                let ticket = nth(out.map(|waiter| waiter.ticket), number);
                self.welcome(ticket);
            }
            Step::Wait(minutes) => self.wait(minutes),
            Step::Reload => self.reload(),
        }
        self.compare();
    }

    fn choices(&self, numbers: &[Vec<(usize, u32)>]) -> Vec<Choice> {
        let want = |(feature, count): &(usize, u32)| Want {
            feature: self.features[*feature].to_owned(),
            count: *count,
        };
        numbers.iter().map(|choice| choice.iter().map(want).collect()).collect()
    }

    fn ask(&mut self, who: &'static str, asked: Vec<Choice>, wait: Wait) {
        let (person, now) = (asker(who), self.now);
        let mut observed: Vec<String> = Vec::new();
        for denied in self.site.observed(&person, &asked, now) {
            observed.extend(denied.lacking.into_iter().map(|want| want.feature));
        }
        assert_eq!(observed, self.model.observed(who, &asked, now));
        let clock = u64::try_from(now.as_microsecond()).unwrap();
        let next = clock.max(self.site.last_id + 1);
        let expected = self.model.expected(who, &asked, wait, next, now);
        self.look(who, &asked, next);
        let decision = self.site.ask(&person, &asked, wait, now);
        let taken = match &decision {
            Decision::Granted(lease) => self.site.held_by(*lease),
            _ => Vec::new(),
        };
        assert_eq!(kind(&decision, taken.clone()), expected);
        match decision {
            Decision::Granted(lease) => {
                self.model.leases.insert(lease.0, Run { who, wants: taken });
            }
            Decision::Queued { ticket, place } => {
                self.join(ticket.0, who, asked, Presence::Here);
                assert_eq!(place, self.model.place(ticket.0));
            }
            Decision::Refused(_) => {}
        }
        let grants = self.site.wake(now);
        self.settle(grants, Hands::Free);
    }

    fn look(&self, who: &'static str, asked: &[Choice], next: u64) {
        let expected = self.model.expected(who, asked, Wait::Yes, next, self.now);
        match self.site.outlook(&asker(who), asked, self.now) {
            Outlook::Free(wants) => assert_eq!(expected, Expected::Granted(wants)),
            Outlook::Waits { place } => {
                assert_eq!(expected, Expected::Queued);
                let waits_for = self.model.possible(who, asked, self.now).unwrap();
                let asked = asked.to_vec();
                let presence = Presence::Here;
                let waiter = Waiter { ticket: next, who, asked, waits_for, presence };
                let rank = self.model.rank_of(&waiter);
                assert_eq!(place, self.model.place_at(rank, &waiter.waits_for));
            }
            Outlook::Refused(denied) => {
                assert_eq!(expected, Expected::Refused(denied.refusal, Vec::new()));
            }
        }
    }

    fn join(&mut self, ticket: u64, who: &'static str, asked: Vec<Choice>, presence: Presence) {
        let waits_for = self.model.possible(who, &asked, self.now).unwrap();
        self.model.join(Waiter { ticket, who, asked, waits_for, presence });
    }

    /// Each could start at its turn; whoever cannot take its seats keeps its place; and then nobody may.
    fn settle(&mut self, mut grants: Vec<Grant>, mut hands: Hands) {
        while !grants.is_empty() {
            let waiters: Vec<Waiter> = grants.iter().map(|grant| self.start(*grant)).collect();
            let started = std::mem::take(&mut grants).into_iter().zip(waiters);
            for (grant, waiter) in started.filter(|_| hands == Hands::Full) {
                grants.extend(self.pass_over(grant, waiter));
            }
            hands = Hands::Free;
        }
        self.nobody_may_start();
    }

    fn start(&mut self, grant: Grant) -> Waiter {
        let waiters = &self.model.waiters;
        let at = waiters.iter().position(|waiter| waiter.ticket == grant.ticket.0);
        let at = at.expect("who starts had waited");
        let wants = self.model.may_start(at, self.now).expect("it was started too soon");
        let waiter = self.model.waiters.remove(at);
        assert_eq!(self.site.held_by(grant.lease), wants);
        let before = self.model.leases.insert(grant.lease.0, Run { who: waiter.who, wants });
        assert!(before.is_none(), "a lease was given twice");
        waiter
    }

    fn pass_over(&mut self, grant: Grant, waiter: Waiter) -> Vec<Grant> {
        let asked = waiter.asked.clone();
        self.model.leases.remove(&grant.lease.0);
        let grants = self.site.pass_over(grant, &asker(waiter.who), &asked, self.now);
        self.join(waiter.ticket, waiter.who, waiter.asked, Presence::PassedOver);
        grants
    }

    fn nobody_may_start(&self) {
        for at in 0..self.model.waiters.len() {
            let ticket = self.model.waiters[at].ticket;
            assert_eq!(self.model.may_start(at, self.now), None, "ticket {ticket} was forgotten");
        }
    }

    fn leave(&mut self, ticket: u64) {
        let grants = self.site.leave(Ticket(ticket), self.now);
        self.model.waiters.retain(|waiter| waiter.ticket != ticket);
        self.settle(grants, Hands::Free);
    }

    fn restore(&mut self, ticket: u64, who: &'static str, asked: Vec<Choice>) {
        let restored = self.site.restore(Ticket(ticket), &asker(who), &asked, self.now);
        let possible = self.model.possible(who, &asked, self.now);
        assert_eq!(restored.map_err(|denied| denied.refusal).err(), possible.err());
        if self.site.place(Ticket(ticket)).is_some() {
            self.join(ticket, who, asked, Presence::Away);
        }
    }

    fn welcome(&mut self, ticket: u64) {
        let mut waiters = self.model.waiters.iter_mut();
        let waits = waiters.find(|waiter| waiter.ticket == ticket);
        match (self.site.welcome(Ticket(ticket), self.now), waits) {
            (Some(grants), Some(waiter)) => {
                waiter.presence = Presence::Here;
                self.settle(grants, Hands::Free);
            }
            (None, None) => {}
            (grants, _) => panic!("ticket {ticket}: {grants:?}"),
        }
    }

    /// Time passes; then those who wait are looked at, as the server does it by the clock.
    fn wait(&mut self, minutes: u32) {
        self.now += SignedDuration::from_mins(i64::from(minutes));
        let waiters = self.model.waiters.clone();
        for waiter in waiters {
            let never = self.site.never(&asker(waiter.who), &waiter.asked, self.now);
            let possible = self.model.possible(waiter.who, &waiter.asked, self.now);
            assert_eq!(never.map(|denied| denied.refusal), possible.as_ref().err().copied());
            if possible.is_err() {
                let grants = self.site.leave(Ticket(waiter.ticket), self.now);
                self.model.waiters.retain(|other| other.ticket != waiter.ticket);
                for grant in grants {
                    self.start(grant);
                }
            }
        }
        let grants = self.site.wake(self.now);
        self.settle(grants, Hands::Free);
    }

    /// As the server does it: leases are adopted, places restored, and those who are connected welcomed back.
    fn reload(&mut self) {
        self.is_reloaded = !self.is_reloaded;
        self.is_over = true;
        let tools = || if self.is_reloaded { after_reload() } else { before_reload() };
        let last = self.site.next_id(self.now);
        self.site = site_of(tools());
        self.model.tools = tools();
        self.site.remember_id(last);
        for (lease, run) in &self.model.leases {
            self.site.adopt(LeaseId(*lease), &asker(run.who), &run.wants);
        }
        let mut waiters = std::mem::take(&mut self.model.waiters);
        waiters.sort_by_key(|waiter| waiter.ticket);
        for waiter in &waiters {
            self.restore(waiter.ticket, waiter.who, waiter.asked.clone());
        }
        for waiter in waiters.iter().filter(|waiter| waiter.presence != Presence::Away) {
            if self.model.waiters.iter().any(|other| other.ticket == waiter.ticket) {
                self.welcome(waiter.ticket);
            }
        }
    }

    fn compare(&self) {
        for waiter in &self.model.waiters {
            let place = self.model.place(waiter.ticket);
            assert_eq!(self.site.place(Ticket(waiter.ticket)), Some(place));
        }
        for (feature, _) in &self.model.tools {
            let held = self.model.held(feature);
            assert_eq!(self.site.in_use(&(*feature).into()), Some(held.len() as u64));
            let is_within = self
                .model
                .limit(feature)
                .is_none_or(|_| self.model.common_of(&held, feature) <= self.model.room(feature));
            assert!(self.is_over || is_within, "more of {feature} than there is");
        }
        assert!(sums_are_derived(&self.site), "a sum drifted from what it repeats");
    }
}

fn nth(ids: impl Iterator<Item = u64>, number: usize) -> u64 {
    let ids: Vec<u64> = ids.collect();
    if ids.is_empty() { 999_999 } else { ids[number % ids.len()] }
}

/// Whether the sums of each pool are what the lease table and the queue say.
fn sums_are_derived(site: &Admission) -> bool {
    use crate::{capacity::Need, queue};
    site.pools.iter().enumerate().all(|(at, pool)| {
        let of_pool = |need: &&Need| need.pool == at;
        let mut held = Load::default();
        site.leases.values().flatten().filter(of_pool).for_each(|need| held.add(need));
        let mut spoken = held.clone();
        let waiters = || site.queue.waiters();
        let speaking = waiters().filter(|w| w.presence != queue::Presence::PassedOver);
        speaking.flat_map(queue::Waiter::needs).filter(of_pool).for_each(|need| spoken.add(need));
        let away = waiters().filter(|waiter| waiter.presence == queue::Presence::Away);
        let away = away.flat_map(queue::Waiter::needs).filter(of_pool).count();
        (&pool.held, &pool.spoken, pool.away) == (&held, &spoken, away)
    })
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    #[test]
    fn decisions_are_those_of_the_naive_model(
        features in prop::sample::subsequence(FEATURES.to_vec(), FEATURES_PER_CASE),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut both = Both::new(features);
        for step in steps {
            both.take(step);
        }
    }
}
