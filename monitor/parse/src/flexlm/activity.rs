//! Lines of activity: who took, gave back, was refused, or waits.

use std::time::Duration;

use lic_protocol::{
    event::{
        Checkin, Checkout, Denial, Dequeue, EndReason, Fact, HandleOf, Queue, ReasonClass,
        WaitOutcome,
    },
    name::{FeatureName, HostName, UserName, VendorName},
    outcome::Outcome,
};

use crate::{
    Meaning,
    text::{number, shortened},
};

/// What `ACTION: rest` of a vendor daemon means.
pub(super) fn meaning(daemon: &str, action: &str, rest: &str) -> Meaning {
    let of: fn(&str, &Activity<'_>) -> Option<Fact> = match action {
        "OUT" => |daemon, activity| Some(Fact::Checkout(activity.checkout(daemon))),
        "IN" => |daemon, activity| Some(Fact::Checkin(activity.checkin(daemon))),
        "DENIED" | "UNSUPPORTED" => |_, activity| Some(Fact::Denial(activity.denial())),
        "QUEUED" => |daemon, activity| Some(Fact::Queue(activity.queue(daemon))),
        "DEQUEUED" => |daemon, activity| Some(Fact::Dequeue(activity.dequeue(daemon))),
        // What a vendor daemon finds in its license file, statistics, and failures to send.
        "EXPIRED" | "SLOG" | "SERVER-OUT" | "RESERVE" | "INFO" | "WARNING" | "NOTE" | "ERROR" => {
            return Meaning::Noise;
        }
        other => return Meaning::unknown(&format!("unknown kind of line {}", shortened(other))),
    };
    let fact = Activity::of(rest).and_then(|activity| of(daemon, &activity));
    fact.map_or_else(|| Meaning::unknown("malformed line of activity"), Meaning::Event)
}

/// `"FEATURE" USER@HOST  [CDSTRING] (N licenses) (REASON)`, and the other forms it has.
struct Activity<'a> {
    feature: &'a str,
    user: &'a str,
    host: &'a str,
    /// 1 where the line does not say.
    count: u32,
    /// What stands in parentheses behind it, or empty.
    reason: &'a str,
    /// What a verbose line says.
    more: Option<More<'a>>,
}

/// What a vendor daemon with `ls_enable_verbose_dlog` writes between `^^^` and `^^^`.
struct More<'a> {
    version: &'a str,
    user: &'a str,
    handle: &'a str,
    project: &'a str,
}

impl<'a> Activity<'a> {
    fn of(rest: &'a str) -> Option<Self> {
        let (rest, verbose) = match rest.split_once(" ^^^ ") {
            Some((rest, verbose)) => (rest, Some(verbose)),
            None => (rest, None),
        };
        if let Some(documented) = documented_denial(rest) {
            return documented.is_complete().then_some(documented);
        }
        let (feature, rest) = feature(rest)?;
        let (user, host, tail) = holder(without_keys(rest.trim_start()))?;
        let (count, reason) = tail_of(tail)?;
        let more = match verbose {
            Some(verbose) => Some(More::of(verbose, user)?),
            None => None,
        };
        let user = if user.is_empty() { more.as_ref().map_or("", |more| more.user) } else { user };
        let activity = Self { feature, user, host, count, reason, more };
        activity.is_complete().then_some(activity)
    }

    fn is_complete(&self) -> bool {
        let Self { feature, user, host, count, .. } = self;
        !feature.is_empty() && !user.is_empty() && !host.is_empty() && *count > 0
    }

    /// The log numbers no checkouts, unless it is verbose: then a holder's checkins end his checkouts in their order.
    fn handle(&self, daemon: &str) -> (String, HandleOf) {
        match &self.more {
            Some(more) => (format!("{daemon} {}", more.handle), HandleOf::Session),
            None => (format!("{daemon} {}@{}", self.user, self.host), HandleOf::Holder),
        }
    }

    fn checkout(&self, daemon: &str) -> Checkout {
        let (handle, handle_of) = self.handle(daemon);
        Checkout {
            feature: FeatureName::from(self.feature),
            user: UserName::from(self.user),
            host: HostName::from(self.host),
            count: self.count,
            handle,
            handle_of,
            seat: None,
            version: self.more.as_ref().map(|more| more.version.to_owned()),
            vendor: Some(VendorName::from(daemon)),
            unit: None,
            display: None,
            process: None,
            project: self.more.as_ref().and_then(|more| said(more.project)),
        }
    }

    /// At a shutdown one line stands for all sessions of a holder, of any counts.
    fn checkin(&self, daemon: &str) -> Checkin {
        let (handle, handle_of) = self.handle(daemon);
        let reason = end_reason(self.reason);
        Checkin {
            feature: FeatureName::from(self.feature),
            handle,
            handle_of,
            count: (reason != EndReason::Shutdown).then_some(self.count),
            user: UserName::from(self.user),
            host: HostName::from(self.host),
            reason,
            ended_before: None,
            outcome: Outcome::default(),
        }
    }

    fn denial(&self) -> Denial {
        Denial {
            feature: FeatureName::from(self.feature),
            user: UserName::from(self.user),
            host: HostName::from(self.host),
            count: self.count,
            tries: 1,
            reason: self.reason.to_owned(),
            class: class(self.reason),
            process: None,
        }
    }

    fn queue(&self, daemon: &str) -> Queue {
        Queue {
            feature: FeatureName::from(self.feature),
            user: UserName::from(self.user),
            host: HostName::from(self.host),
            count: self.count,
            ticket: self.handle(daemon).0,
            credit: Duration::ZERO,
        }
    }

    /// Who gets the seats has a checkout after it; who waits no more without one went away.
    fn dequeue(&self, daemon: &str) -> Dequeue {
        Dequeue {
            feature: FeatureName::from(self.feature),
            ticket: self.handle(daemon).0,
            outcome: WaitOutcome::Left,
        }
    }
}

impl<'a> More<'a> {
    /// `VERSION USER IP PID HANDLE IN_USE OUT_OF PROJECT FLEX_VERSION FLEX_REVISION DATE TIME IS_DUP_GROUP ^^^`. The project
    /// may hold blanks or be missing; the user may hold blanks too, where it is known from what stands before.
    fn of(text: &'a str, user: &str) -> Option<Self> {
        const BEFORE_PROJECT: usize = 5;
        const AFTER_PROJECT: usize = 5;
        let text = text.trim_end().strip_suffix("^^^")?.trim();
        let (version, rest) = text.split_once(' ')?;
        let (user, mut rest) = first_field(rest, user)?;
        let mut before = [""; BEFORE_PROJECT];
        for field in &mut before {
            (*field, rest) = rest.split_once(' ')?;
        }
        for _ in 0..AFTER_PROJECT {
            rest = rest.rsplit_once(' ').map_or("", |(rest, _)| rest);
        }
        let [_ip, _pid, handle, _in_use, _out_of] = before;
        Some(Self { version, user, handle, project: rest.trim() })
    }
}

/// The first field of `text`, which may hold blanks if it is `known`, and what follows it.
fn first_field<'a>(text: &'a str, known: &str) -> Option<(&'a str, &'a str)> {
    let after = text.strip_prefix(known).and_then(|after| after.strip_prefix(' '));
    match after {
        Some(after) if !known.is_empty() => Some((&text[..known.len()], after)),
        _ => text.split_once(' '),
    }
}

/// `N FEATURE to USER[@HOST]`, as the guide has it.
fn documented_denial(rest: &str) -> Option<Activity<'_>> {
    let (count, rest) = rest.split_once(' ')?;
    let count = number(count)?;
    let (feature, who) = rest.trim_end().split_once(" to ")?;
    let (user, host) = who.rsplit_once('@').unwrap_or((who, "-"));
    Some(Activity { feature, user, host, count, reason: "", more: None })
}

/// The feature, in quotes or not, and what follows.
fn feature(rest: &str) -> Option<(&str, &str)> {
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\" "),
        None => rest.split_once(' '),
    }
}

/// An UNSUPPORTED line tells the keys of the client before who it is: `(00B0 EF6E ) ann@pine`.
fn without_keys(rest: &str) -> &str {
    match rest.strip_prefix('(').and_then(|keys| keys.split_once(')')) {
        Some((_, rest)) => rest.trim_start(),
        None => rest,
    }
}

/// User, host, and what follows. The user may hold blanks and `@`, the host neither.
fn holder(rest: &str) -> Option<(&str, &str, &str)> {
    let first_at = rest.find('@')?;
    let end = rest[first_at..].find(char::is_whitespace).map_or(rest.len(), |end| first_at + end);
    let (who, tail) = rest.split_at(end);
    let (user, host) = who.rsplit_once('@')?;
    Some((user, host, tail))
}

/// Count and reason of `[CDSTRING] (N licenses) (REASON)`, each of which may be missing.
fn tail_of(tail: &str) -> Option<(u32, &str)> {
    let mut rest = tail.trim();
    if let Some(cd_string) = rest.strip_prefix('[') {
        rest = cd_string.split_once(']')?.1.trim_start();
    }
    let mut count = 1;
    if let Some((group, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        && let Some(seats) = seats(group)
    {
        (count, rest) = (seats, after.trim_start());
    }
    if rest.is_empty() {
        return Some((count, ""));
    }
    Some((count, rest.strip_prefix('(')?.strip_suffix(')')?))
}

/// `4 licenses`, `1 license` or `4`.
fn seats(group: &str) -> Option<u32> {
    let digits = group.strip_suffix(" licenses").or_else(|| group.strip_suffix(" license"));
    let digits = digits.unwrap_or(group);
    if digits.is_empty() { None } else { number(digits) }
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn end_reason(reason: &str) -> EndReason {
    match reason {
        "" => EndReason::Checkin,
        "INACTIVE" => EndReason::Inactive,
        "SHUTDOWN" => EndReason::Shutdown,
        "USER_DIED" => EndReason::Timeout,
        _ => EndReason::Unknown,
    }
}

/// What the error number `-4` of `Licensed number of users already reached. (-4,342:10054 "")` means.
///
/// Source: "FlexNet Publisher Error Codes" in the vendor's "License Administration Guide".
fn class(reason: &str) -> ReasonClass {
    let number = reason.rsplit_once("(-").and_then(|(_, number)| number.split(',').next());
    match number.and_then(self::number) {
        // The licensed number of users is reached.
        Some(4) => ReasonClass::Exhausted,
        // Of the options file: excluded, not included, above MAX.
        Some(38 | 39 | 87) => ReasonClass::NotAuthorised,
        // No such feature; not served.
        Some(5 | 18) => ReasonClass::NotLicensed,
        Some(10) => ReasonClass::Expired,
        Some(21 | 25) => ReasonClass::Version,
        _ => ReasonClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reason in, its class out.
    #[track_caller]
    fn check(reason: &str, expected: ReasonClass) {
        assert_eq!(class(reason), expected, "{reason}");
    }

    #[test]
    fn error_numbers_have_classes() {
        check("Licensed number of users already reached. (-4,342)", ReasonClass::Exhausted);
        check(
            "Licensed number of users already reached. (-4,342:10054 \"\")",
            ReasonClass::Exhausted,
        );
        check("No such feature exists. (-5,346)", ReasonClass::NotLicensed);
        check(
            "License server system does not support this feature. (-18,327)",
            ReasonClass::NotLicensed,
        );
        check("Feature has expired. (-10,32)", ReasonClass::Expired);
        check("User/host on EXCLUDE list for feature. (-38,348)", ReasonClass::NotAuthorised);
        check("(a text without a number)", ReasonClass::Other);
        check("", ReasonClass::Other);
    }
}
