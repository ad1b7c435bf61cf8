//! The events of wrapped tools: one for each feature of a record, with an identity that a restart makes again.

use std::time::Duration;

use jiff::Timestamp;
use lic_protocol::{
    event::{
        Checkin, Checkout, Denial, Dequeue, EndReason, Event, Fact, HandleOf, Identity, Queue,
        ReasonClass, WaitOutcome,
    },
    name::{FeatureName, ServerName},
    outcome::Outcome,
    want::Want,
    wire::Refusal,
};

use super::{
    config::{BelievedSession, BelievedWaiter},
    record::{Ending, Record},
};
use crate::identity::identity_hash;

/// How a feature's seats are counted, and what these runs of it share.
pub(super) struct Counted {
    pub(super) unit: Option<String>,
    pub(super) seat: Option<String>,
}

/// The seats of a lease were taken.
pub(super) fn checkouts(
    lease: &Record,
    counted: impl Fn(&Want) -> Counted,
) -> impl Iterator<Item = Event> {
    lease.wants().map(move |want| {
        let Counted { unit, seat } = counted(want);
        let fact = Fact::Checkout(Checkout {
            feature: feature(want),
            user: lease.holder.user.clone(),
            host: lease.host.clone(),
            count: want.count,
            handle: lease.id.to_string(),
            handle_of: HandleOf::Session,
            seat,
            version: None,
            vendor: None,
            unit,
            display: None,
            process: process(&lease.tool),
            project: lease.project.clone(),
        });
        event("checkout", lease.id, want, lease.since, fact)
    })
}

/// They were given back.
pub(super) fn checkins(lease: &Record, ending: &Ending) -> impl Iterator<Item = Event> {
    let reason = EndReason::from_word(&ending.how).unwrap_or(EndReason::Unknown);
    lease.wants().map(move |want| {
        let fact = Fact::Checkin(Checkin {
            feature: feature(want),
            handle: lease.id.to_string(),
            handle_of: HandleOf::Session,
            count: None,
            user: lease.holder.user.clone(),
            host: lease.host.clone(),
            reason,
            ended_before: ending.before,
            outcome: lease.outcome,
        });
        let raw = ending.by.as_ref().map(|by| format!("{} by {by}", ending.how));
        Event { raw, ..event("checkin", lease.id, want, ending.at, fact) }
    })
}

/// Somebody began to wait: for each of the alternatives.
pub(super) fn queues(place: &Record, credit: Duration) -> impl Iterator<Item = Event> {
    place.wants().map(move |want| {
        let fact = Fact::Queue(Queue {
            feature: feature(want),
            user: place.holder.user.clone(),
            host: place.host.clone(),
            count: want.count,
            ticket: place.id.to_string(),
            credit,
        });
        event("queue", place.id, want, place.since, fact)
    })
}

/// Somebody waits no more, for any of the alternatives. What was granted is told by the checkout.
pub(super) fn dequeues(place: &Record, ending: &Ending) -> impl Iterator<Item = Event> {
    let outcome = WaitOutcome::from_word(&ending.how).unwrap_or(WaitOutcome::Left);
    place.wants().map(move |want| {
        let fact = Fact::Dequeue(Dequeue {
            feature: feature(want),
            ticket: place.id.to_string(),
            outcome,
        });
        event("dequeue", place.id, want, ending.at, fact)
    })
}

/// Seats were refused; `request` was never granted, its id is a number of its own.
pub(super) fn denials(
    request: &Record,
    lacking: &[Want],
    class: ReasonClass,
    reason: &str,
) -> impl Iterator<Item = Event> {
    lacking.iter().map(move |want| {
        let fact = Fact::Denial(Denial {
            feature: feature(want),
            user: request.holder.user.clone(),
            host: request.host.clone(),
            count: want.count,
            reason: reason.to_owned(),
            class,
            process: process(&request.tool),
            tries: 1,
        });
        event("denial", request.id, want, request.since, fact)
    })
}

/// A session of the live database whose lease is nowhere to be found.
pub(super) fn unknown_session_ended(session: &BelievedSession, ending: &Ending) -> Event {
    let fact = Fact::Checkin(Checkin {
        feature: session.feature.clone(),
        handle: session.handle.clone(),
        handle_of: HandleOf::Session,
        count: None,
        user: session.user.clone(),
        host: session.host.clone(),
        reason: EndReason::from_word(&ending.how).unwrap_or(EndReason::Lost),
        ended_before: ending.before,
        outcome: Outcome::default(),
    });
    let identity = identity("checkin", &session.handle, &session.feature);
    Event { at: ending.at, fact, identity, raw: None }
}

/// A waiter of the live database whose place is nowhere to be found.
pub(super) fn unknown_waiter_left(waiter: &BelievedWaiter, at: Timestamp) -> Event {
    let fact = Fact::Dequeue(Dequeue {
        feature: waiter.feature.clone(),
        ticket: waiter.ticket.clone(),
        outcome: WaitOutcome::Left,
    });
    let identity = identity("dequeue", &waiter.ticket, &waiter.feature);
    Event { at, fact, identity, raw: None }
}

fn event(kind: &str, id: u64, want: &Want, at: Timestamp, fact: Fact) -> Event {
    Event { at, fact, identity: identity(kind, &id.to_string(), &feature(want)), raw: None }
}

fn identity(kind: &str, id: &str, feature: &FeatureName) -> Identity {
    let line = format!("{kind} {id} {feature}");
    Identity { hash: identity_hash(&ServerName::local(), line.as_bytes()), ordinal: 0 }
}

/// Why a refusal was, in the words of every license system.
pub(super) fn class(refusal: Refusal) -> ReasonClass {
    match refusal {
        Refusal::Busy => ReasonClass::Exhausted,
        Refusal::Unknown => ReasonClass::NotLicensed,
        Refusal::Forbidden => ReasonClass::NotAuthorised,
        Refusal::Expired => ReasonClass::Expired,
        Refusal::TooMany | Refusal::Malformed | Refusal::QueueFull => ReasonClass::Other,
    }
}

fn feature(want: &Want) -> FeatureName {
    FeatureName::new(want.feature.as_str())
}

fn process(tool: &str) -> Option<String> {
    (!tool.is_empty()).then(|| tool.to_owned())
}
