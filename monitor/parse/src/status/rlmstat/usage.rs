//! A line of a holder, read from the right: `nuke v2024.0331: ann@pine 1/0 at 03/28 21:44  (handle: 36a5)`. Of old versions:
//! `cad v1.000: tom@sun1(v1.0) (809f418) 1/0 at 02/06 09:59`.

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use lic_protocol::snapshot::{FeatureStatus, Holder, Snapshot};

use super::super::{
    index::Index,
    local::{self, YearlessDay},
};
use crate::text::number;

/// Who holds what.
pub(super) struct Usage {
    pub(super) product: String,
    /// The version asked for.
    pub(super) version: String,
    user: String,
    host: String,
    count: u32,
    handle: Option<String>,
    day: YearlessDay,
    time: Time,
}

impl Usage {
    /// `None` where the line is none of a holder.
    pub(super) fn of(line: &str) -> Option<Self> {
        let (line, mut handle) = match line.rsplit_once("(handle:") {
            Some((line, handle)) => (line, Some(handle.trim().trim_end_matches(')').to_owned())),
            None => (line, None),
        };
        let (left, when) = line.rsplit_once(" at ")?;
        let mut when = when.split_ascii_whitespace();
        let (day, time) = (YearlessDay::of(when.next()?)?, local::time(when.next()?)?);
        let (left, counts) = left.trim().rsplit_once(char::is_whitespace)?;
        let (count, reserved) = counts.split_once('/')?;
        // A seat of a reservation is told beside the others.
        let count = number(count)?.checked_add(number(reserved)?)?;
        let (product, left) = left
            .match_indices(": ")
            .find_map(|(at, _)| Some((super::named(&left[..at])?, left[at + 2..].trim())))?;
        let mut who = left;
        if handle.is_none()
            && let Some((before, inside)) = last_parentheses(who)
        {
            (who, handle) = (before, Some(inside.to_owned()));
        }
        if let Some((before, version)) = last_parentheses(who)
            && version.starts_with('v')
        {
            who = before;
        }
        let (user, host) = who.rsplit_once('@')?;
        Some(Self {
            product: product.0.to_owned(),
            version: product.1.to_owned(),
            user: user.to_owned(),
            host: host.to_owned(),
            count,
            handle,
            day,
            time,
        })
    }

    /// The holder, seen at `now`. Only that tells the year.
    pub(super) fn holder(&self, now: Option<Timestamp>, zone: &TimeZone) -> Holder {
        let day = now.and_then(|now| self.day.before(now, zone));
        Holder {
            user: Some(self.user.as_str().into()),
            host: Some(self.host.as_str().into()),
            version: Some(self.version.clone()),
            count: self.count,
            started: day.and_then(|day| local::instant(day.to_datetime(self.time), zone)),
            handle: self.handle.clone(),
            ..Holder::default()
        }
    }

    /// The pool of it. A line does not say which of several of one name: it is the first of that version with seats in use that
    /// nobody was found for yet, or else of any version.
    pub(super) fn feature(&self, snapshot: &Snapshot, index: &Index) -> Option<usize> {
        let of_version =
            |feature: &FeatureStatus| feature.version.as_deref() == Some(self.version.as_str());
        let wants =
            |feature: &FeatureStatus| u32::try_from(feature.holders.len()).ok() < feature.in_use;
        let find =
            |is_it: &dyn Fn(&FeatureStatus) -> bool| index.find(snapshot, &self.product, is_it);
        find(&|feature| of_version(feature) && wants(feature))
            .or_else(|| find(&|feature| wants(feature)))
            .or_else(|| find(&of_version))
            .or_else(|| find(&|_| true))
    }
}

/// What stands before parentheses at the end of a text, and in them.
fn last_parentheses(text: &str) -> Option<(&str, &str)> {
    let (before, inside) = text.trim().strip_suffix(')')?.rsplit_once('(')?;
    Some((before.trim_end(), inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line seen on 2021-11-03 in; user, host, count, start, handle out.
    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        let now = "2021-11-03T12:48:38Z".parse().ok();
        let told = Usage::of(line).map(|usage| {
            let holder = usage.holder(now, &TimeZone::UTC);
            let handle = holder.handle.unwrap_or_default();
            let (user, host) = (usage.user.as_str(), usage.host.as_str());
            let started = holder.started.unwrap();
            format!(
                "{} {} {user} {host} {} {started} {handle}",
                usage.product, usage.version, usage.count
            )
        });
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn new_and_old_lines_are_read() {
        check(
            "mesh v3.0: ann@pine.site 29/0 at 11/01 09:01  (handle: 15a)",
            Some("mesh 3.0 ann pine.site 29 2021-11-01T09:01:00Z 15a"),
        );
        check(
            "cad v1.000: tom@sun1(v1.0) (809f418) 1/0 at 12/06 09:59",
            Some("cad 1.000 tom sun1 1 2020-12-06T09:59:00Z 809f418"),
        );
        check(
            "cad v1: ann bo@x@pine 0/1 at 11/03 12:00 (handle: 41)",
            Some("cad 1 ann bo@x pine 1 2021-11-03T12:00:00Z 41"),
        );
    }

    #[test]
    fn other_lines_are_of_no_holder() {
        check("mesh v3.0", None);
        check("count: 1000, # reservations: 0, inuse: 93, exp: 31-jan-2022", None);
        check("rlm status on oak (port 35015), up 99d 11:08:25", None);
    }
}
