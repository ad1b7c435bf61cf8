//! The debug log of an ISV server: minutes without seconds, no handles, and the reason of a denial on a line of its own.

use std::collections::HashMap;

use lic_protocol::{
    event::{
        Checkin, Checkout, Denial, EndReason, Fact, HandleOf, ReasonClass, ServerChange,
        ServerEvent,
    },
    name::{FeatureName, HostName, UserName, VendorName},
    outcome::Outcome,
};

use super::Stamp;
use crate::{Late, Line, Meaning, text::number};

/// ISV servers of one log whose denials wait for their reasons.
const PENDING_MAX: usize = 64;
/// What begins the message of a denial.
const DENIED: &str = "DENIED: ";

/// A line taken apart: `05/11 15:17 (demo) OUT: analytics v2.09 by ann@pine`.
pub(super) struct Frame<'a> {
    pub(super) stamp: Stamp,
    isv: &'a str,
    message: &'a str,
}

impl<'a> Frame<'a> {
    pub(super) fn of(line: &'a str) -> Option<Self> {
        let (day, rest) = line.split_once(' ')?;
        let (time, rest) = rest.trim_start_matches(' ').split_once(' ')?;
        let (isv, message) = rest.strip_prefix('(')?.split_once(')')?;
        let message = message.strip_prefix(' ').unwrap_or(message);
        Some(Self { stamp: Stamp::of(day, time)?, isv, message })
    }

    pub(super) fn is_denial(&self) -> bool {
        self.message.starts_with(DENIED)
    }

    /// What it says if it goes on with the line before.
    fn reason(&self) -> Option<&'a str> {
        self.message.starts_with([' ', '\t']).then(|| self.message.trim())
    }
}

/// Denials whose reason is to come, by ISV server.
#[derive(Default)]
pub(super) struct Pending(HashMap<String, Late>);

impl Pending {
    /// What a line means, and the denial before it if that has no reason. A reason is the denial it is of.
    pub(super) fn meaning(&mut self, frame: &Frame<'_>) -> (Meaning, Option<Late>) {
        match (self.0.remove(frame.isv), frame.reason()) {
            (Some(denied), Some(reason)) => (because(denied.line.meaning, reason), None),
            (denied, _) => (meaning(frame), denied),
        }
    }

    /// A denial waits for its reason; where too many do, it is told without.
    pub(super) fn add(&mut self, frame: &Frame<'_>, denied: Late) -> Line {
        if self.0.len() >= PENDING_MAX {
            return denied.line;
        }
        let Line { at, ambiguous, day, .. } = denied.line;
        self.0.insert(frame.isv.to_owned(), denied);
        Line { at, ambiguous, day, meaning: Meaning::Noise }
    }

    /// All that wait, in the order of their times.
    pub(super) fn take(&mut self) -> Vec<Late> {
        let mut denied: Vec<Late> = self.0.drain().map(|(_, denied)| denied).collect();
        denied.sort_unstable_by(|a, b| (a.line.at, &a.bytes).cmp(&(b.line.at, &b.bytes)));
        denied
    }
}

fn because(denied: Meaning, reason: &str) -> Meaning {
    match denied {
        Meaning::Event(Fact::Denial(denial)) => Meaning::Event(Fact::Denial(Denial {
            reason: reason.to_owned(),
            class: class(reason),
            ..denial
        })),
        other => other,
    }
}

/// `(1) simulator v2.1 to ann@pine`; its reason is not known yet.
fn denial(message: &str) -> Option<Denial> {
    let (count, rest) = message.strip_prefix('(')?.split_once(") ")?;
    let Usage { feature, user, host, .. } = Usage::of(rest, " to ")?;
    Some(Denial {
        feature: FeatureName::from(feature),
        user: UserName::from(user),
        host: HostName::from(host),
        count: number(count)?,
        tries: 1,
        reason: String::new(),
        class: ReasonClass::Other,
        process: None,
    })
}

fn meaning(frame: &Frame<'_>) -> Meaning {
    let fact = if let Some(out) = frame.message.strip_prefix("OUT: ") {
        Usage::of(out, " by ").map(|usage| Fact::Checkout(usage.checkout(frame.isv)))
    } else if let Some(back) = frame.message.strip_prefix("IN: ") {
        checkin(frame.isv, back).map(Fact::Checkin)
    } else if let Some(denied) = frame.message.strip_prefix(DENIED) {
        denial(denied).map(Fact::Denial)
    } else {
        return server_change(frame)
            .map_or(Meaning::Noise, |change| Meaning::Event(Fact::Server(change)));
    };
    fact.map_or_else(|| Meaning::unknown("malformed line of activity"), Meaning::Event)
}

fn server_change(frame: &Frame<'_>) -> Option<ServerEvent> {
    let change = if frame.message.starts_with("Server started on ") {
        ServerChange::Started
    } else if frame.message.starts_with("Shutdown request by ") {
        ServerChange::Stopped
    } else {
        return None;
    };
    let text = frame.message.trim_end().to_owned();
    Some(ServerEvent { change, text, ends: Some(frame.isv.to_owned()) })
}

/// `(client exit) analytics v3.03 by ann@pine`; without the parentheses the client gave it back.
fn checkin(isv: &str, message: &str) -> Option<Checkin> {
    let (how, rest) = match message.strip_prefix('(') {
        Some(how) => how.split_once(") ")?,
        None => ("", message),
    };
    let usage = Usage::of(rest, " by ")?;
    Some(Checkin {
        feature: FeatureName::from(usage.feature),
        handle: usage.handle(isv),
        handle_of: HandleOf::Holder,
        count: Some(usage.count),
        user: UserName::from(usage.user),
        host: HostName::from(usage.host),
        reason: match how {
            "" => EndReason::Checkin,
            "client exit" => EndReason::ToolExited,
            "timed out" => EndReason::Inactive,
            "lmremove" | "rlmremove" => EndReason::Released,
            _ => EndReason::Unknown,
        },
        ended_before: None,
        outcome: Outcome::default(),
    })
}

/// `FEATURE vVERSION by USER@HOST [ISV_DEF] [(N licenses)]`; features may hold blanks.
struct Usage<'a> {
    feature: &'a str,
    version: &'a str,
    user: &'a str,
    host: &'a str,
    /// 1 where the line does not say.
    count: u32,
}

impl<'a> Usage<'a> {
    fn of(text: &'a str, before_user: &str) -> Option<Self> {
        let (what, who) = text.trim_end().split_once(before_user)?;
        let (feature, version) = what.rsplit_once(" v")?;
        let (user, rest) = who.split_once('@')?;
        let (host, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_named = !feature.is_empty() && !user.is_empty() && !host.is_empty();
        is_named.then_some(Self { feature, version, user, host, count: count(rest) })
    }

    fn handle(&self, isv: &str) -> String {
        format!("{isv} {}@{}", self.user, self.host)
    }

    fn checkout(&self, isv: &str) -> Checkout {
        Checkout {
            feature: FeatureName::from(self.feature),
            user: UserName::from(self.user),
            host: HostName::from(self.host),
            count: self.count,
            handle: self.handle(isv),
            handle_of: HandleOf::Holder,
            seat: None,
            version: Some(self.version.to_owned()),
            vendor: Some(VendorName::from(isv)),
            unit: None,
            display: None,
            process: None,
            project: None,
        }
    }
}

/// N of `… (N licenses)`.
fn count(rest: &str) -> u32 {
    let group = rest.strip_suffix(" licenses)").or_else(|| rest.strip_suffix(" license)"));
    let digits = group.and_then(|group| group.rsplit_once('(')).map(|(_, digits)| digits);
    digits.and_then(number).unwrap_or(1)
}

fn class(reason: &str) -> ReasonClass {
    let reason = reason.to_ascii_lowercase();
    let says = |words: &str| reason.contains(words);
    if says("in use") {
        ReasonClass::Exhausted
    } else if says("no license") || says("no authorization") {
        ReasonClass::NotLicensed
    } else if says("expired") {
        ReasonClass::Expired
    } else if says("version") {
        ReasonClass::Version
    } else if says("exclude") {
        ReasonClass::NotAuthorised
    } else {
        ReasonClass::Other
    }
}
