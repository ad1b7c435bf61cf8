//! LICENSESERV: refused checkouts. They are logged whether or not usage tracing is switched on.

use lic_protocol::{
    event::{Denial, Fact, ReasonClass},
    name::{FeatureName, HostName, UserName},
};

use crate::Meaning;

const FROM: &str = " ( from client ";

/// What a message of the category means.
pub(super) fn meaning(message: &str) -> Meaning {
    if !message.contains("not granted") {
        return Meaning::Noise;
    }
    denial(message).map_or_else(
        || Meaning::unknown("malformed denial"),
        |denial| Meaning::Event(Fact::Denial(denial)),
    )
}

/// `FEATURE[(CUSTOMER)] not granted, REASON ( from client HOST (TARGET)/IP|USER|INTERNAL|PROCESS )`
fn denial(message: &str) -> Option<Denial> {
    let (feature, rest) = feature(message)?;
    let rest = rest.strip_prefix(" not granted, ")?;
    let (reason, client) = rest
        .match_indices(FROM)
        .find_map(|(at, _)| Some((&rest[..at], Client::of(&rest[at + FROM.len()..])?)))?;
    Some(Denial {
        feature: FeatureName::from(feature),
        user: UserName::from(client.user),
        host: HostName::from(client.host),
        count: 1,
        reason: reason.to_owned(),
        class: class(reason),
        process: (!client.process.is_empty()).then(|| client.process.to_owned()),
        tries: 1,
    })
}

/// The feature, and what follows it and the customer.
fn feature(message: &str) -> Option<(&str, &str)> {
    let end = message.find(|letter: char| letter == '(' || letter.is_whitespace())?;
    let (feature, rest) = message.split_at(end);
    let rest = match rest.strip_prefix('(') {
        Some(customer) => customer.split_once(')')?.1,
        None => rest,
    };
    (!feature.is_empty()).then_some((feature, rest))
}

struct Client<'a> {
    host: &'a str,
    user: &'a str,
    process: &'a str,
}

impl<'a> Client<'a> {
    /// `HOST (TARGET)/IP|USER|INTERNAL|PROCESS )`
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim_end().strip_suffix(')')?;
        let text = text.strip_suffix(' ').unwrap_or(text);
        let (host, rest) = text
            .match_indices(" (")
            .find_map(|(at, _)| Some((&text[..at], after_target(&text[at + 2..])?)))?;
        let mut fields = rest.splitn(4, '|');
        let (_ip, user) = (fields.next()?, fields.next()?);
        let (_internal, process) = (fields.next()?, fields.next()?);
        Some(Self { host, user, process })
    }
}

/// What follows `TARGET)/`.
fn after_target(text: &str) -> Option<&str> {
    text[text.find(['(', ')'])?..].strip_prefix(")/")
}

fn class(reason: &str) -> ReasonClass {
    let reason = reason.to_ascii_lowercase();
    let says = |words: &str| reason.contains(words);
    if says("no more available") {
        ReasonClass::Exhausted
    } else if says("not authorized") || says("not authorised") {
        ReasonClass::NotAuthorised
    } else if says("no license enrolled") || says("not enrolled") {
        ReasonClass::NotLicensed
    } else if says("expired") {
        ReasonClass::Expired
    } else {
        ReasonClass::Other
    }
}
