//! The events of runs that went around the wrapper.

use lic_protocol::{
    event::{Checkin, Checkout, Event, Fact, HandleOf, Identity},
    name::{FeatureName, HostName, ServerName, UserName},
    outcome::Outcome,
    time::to_millisecond,
};

use super::ledger::{Change, Who};
use crate::identity::identity_hash;

/// What a change is for history; `None` when it is not.
pub(super) fn event(
    change: Change,
    own_host: &HostName,
    user: impl FnOnce(u32) -> UserName,
) -> Option<Event> {
    match change {
        Change::Began { feature, handle, uid, unit, process, at } => {
            let at = to_millisecond(at);
            // A process may begin more than one run: between them it had a lease, which was then taken away.
            let text = format!("{handle} {}", at.as_millisecond());
            let identity = identity("checkout", &text, &feature);
            let fact = Fact::Checkout(Checkout {
                seat: unit.share(uid, own_host),
                unit: Some(unit.word().to_owned()),
                feature,
                user: user(uid),
                host: own_host.clone(),
                count: 1,
                handle,
                handle_of: HandleOf::Session,
                version: None,
                vendor: None,
                display: None,
                process: Some(process),
                project: None,
            });
            Some(Event { at, fact, identity, raw: None })
        }
        Change::Ended { feature, handle, who, reason, at, before } => {
            let at = to_millisecond(at);
            let text = format!("{handle} {}", at.as_millisecond());
            let identity = identity("checkin", &text, &feature);
            let (user, host) = match who {
                Who::Uid(uid) => (user(uid), own_host.clone()),
                Who::Named(user, host) => (user, host),
            };
            let fact = Fact::Checkin(Checkin {
                feature,
                handle,
                handle_of: HandleOf::Session,
                count: None,
                user,
                host,
                reason,
                ended_before: Some(to_millisecond(before)),
                outcome: Outcome::default(),
            });
            Some(Event { at, fact, identity, raw: None })
        }
        Change::TooMany { .. } => None,
    }
}

fn identity(kind: &str, text: &str, feature: &FeatureName) -> Identity {
    let line = format!("process {kind} {text} {feature}");
    Identity { hash: identity_hash(&ServerName::local(), line.as_bytes()), ordinal: 0 }
}
