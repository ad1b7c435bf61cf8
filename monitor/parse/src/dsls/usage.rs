//! USGTRACING: who took a license and gave it back. The lines are there only if usage tracing is switched on.

use lic_protocol::{
    event::{Checkin, Checkout, EndReason, Fact, HandleOf},
    name::{FeatureName, HostName, UserName, VendorName},
    outcome::Outcome,
};

use crate::{
    Meaning,
    text::{number, shortened},
};

/// How many fields from the session to the commercial type stand right before the host, whatever stands before those.
const BEFORE_HOST: usize = 5;

/// What a message of the category means.
///
/// `Action!!feature!session!product!model!count!commercial!host (target)!ip!user!internal!process!version!pricing`; in
/// the cloud the customer stands after the feature. The place of the host field tells which it is.
pub(super) fn meaning(message: &str) -> Meaning {
    let Some((action, rest)) = cut(message) else { return malformed() };
    match action {
        "Grant" => fact(rest, |usage| usage.checkout().map(Fact::Checkout)),
        "Detachment" => fact(rest, |usage| Some(Fact::Checkin(usage.checkin(EndReason::Checkin)))),
        "TimeOut" => fact(rest, |usage| Some(Fact::Checkin(usage.checkin(EndReason::Timeout)))),
        "" => malformed(),
        other => Meaning::unknown(&format!("unknown usage action {}", shortened(other))),
    }
}

fn fact(rest: &str, of: impl Fn(&Usage) -> Option<Fact>) -> Meaning {
    Usage::of(rest).as_ref().and_then(of).map_or_else(malformed, Meaning::Event)
}

fn malformed() -> Meaning {
    Meaning::unknown("malformed usage line")
}

/// The fields of a line that we keep.
struct Usage<'a> {
    feature: &'a str,
    session: &'a str,
    product: &'a str,
    model: &'a str,
    count: &'a str,
    host: &'a str,
    user: &'a str,
    internal: &'a str,
    process: &'a str,
    version: &'a str,
}

impl<'a> Usage<'a> {
    /// `rest` is what follows the first `!`. The path of the process may hold a `!`, so the last fields count from the end.
    fn of(rest: &'a str) -> Option<Self> {
        let (_reserved, fields) = cut(rest)?;
        let (fields, _pricing) = fields.rsplit_once('!')?;
        let (fields, version) = fields.rsplit_once('!')?;
        let (feature, _) = cut(fields)?;
        let (before, host, rest) = around_host(fields)?;
        let [session, product, model, count, _commercial] = before;
        let (_ip, rest) = cut(rest)?;
        let (user, rest) = cut(rest)?;
        let (internal, process) = cut(rest)?;
        let is_named = !feature.is_empty() && !session.is_empty();
        is_named.then_some(Self {
            feature,
            session,
            product,
            model,
            count,
            host,
            user,
            internal,
            process,
            version,
        })
    }

    /// `None` if the count is no number.
    fn checkout(&self) -> Option<Checkout> {
        Some(Checkout {
            feature: FeatureName::from(self.feature),
            user: UserName::from(self.user),
            host: HostName::from(self.host),
            count: number(self.count)?,
            handle: self.session.to_owned(),
            handle_of: HandleOf::Session,
            seat: self.seat(),
            version: said(self.version),
            vendor: said(self.product).map(VendorName::new),
            unit: said(self.model),
            display: None,
            process: said(self.process),
            project: None,
        })
    }

    fn checkin(&self, reason: EndReason) -> Checkin {
        Checkin {
            feature: FeatureName::from(self.feature),
            handle: self.session.to_owned(),
            handle_of: HandleOf::Session,
            count: None,
            user: UserName::from(self.user),
            host: HostName::from(self.host),
            reason,
            ended_before: None,
            outcome: Outcome::default(),
        }
    }

    /// What sessions must have in common to share a seat. Clients differ in how they write the case of a user.
    fn seat(&self) -> Option<String> {
        match self.model {
            "ConcurrentUser" => said(self.internal),
            "NamedUser" => said(&self.user.to_lowercase()),
            _ => None,
        }
    }
}

/// The fields right before the host field, the host, and what follows. The host field is the first that looks like one
/// and has a feature and all of those fields before it.
fn around_host(fields: &str) -> Option<([&str; BEFORE_HOST], &str, &str)> {
    let (_feature, mut rest) = cut(fields)?;
    let mut before = [""; BEFORE_HOST];
    for place in 0.. {
        let (field, after) = cut(rest)?;
        rest = after;
        if place >= BEFORE_HOST
            && let Some(host) = host_name(field)
        {
            return Some((before, host, rest));
        }
        before.rotate_left(1);
        before[BEFORE_HOST - 1] = field;
    }
    None
}

/// The first field, and what follows it. Fields are short: to look at each byte is faster than any search that makes ready first.
fn cut(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| byte == b'!')?;
    Some((&text[..end], &text[end + 1..]))
}

/// `NAME` of `NAME (TARGET)`.
fn host_name(field: &str) -> Option<&str> {
    let (name, target) = field.strip_suffix(')')?.rsplit_once('(')?;
    if target.contains(')') { None } else { name.strip_suffix(' ') }
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
