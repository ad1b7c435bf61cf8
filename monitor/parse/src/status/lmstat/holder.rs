//! A line of a holder, read from the right: `ann pine /dev/pts/1 (v44) (oak/1713 104), start Mon 3/16 8:13, 2 licenses`.

use jiff::{Timestamp, tz::TimeZone};
use lic_protocol::snapshot::Holder;

use super::{super::lines::Said, super::local, who::Hosts};
use crate::text::number;

/// Closing parentheses from the right that are tried: behind the version stand the handle and what is kept.
const PARENTHESES_MAX: usize = 8;

/// The line, taken apart as far as it can be alone.
pub(super) struct HolderLine {
    /// User, host and display, each of which may hold blanks or be missing.
    pub(super) who: String,
    version: String,
    handle: String,
    tail: Tail,
}

/// What stands behind the handle.
#[derive(Default)]
struct Tail {
    start: Option<Start>,
    count: Option<u32>,
    pid: Option<u32>,
    linger: Option<Linger>,
    is_queued: bool,
    strange: bool,
}

struct Start {
    day: local::YearlessDay,
    time: jiff::civil::Time,
}

/// How long a seat is kept: `(linger: 2597820)`, or `(linger: 885098 / 1340160)`, what is left of it and all.
struct Linger {
    left_s: Option<u64>,
    all_s: u64,
}

impl HolderLine {
    /// `None` where the line is none of a holder.
    pub(super) fn of(line: &str) -> Option<Self> {
        line.rmatch_indices(')').take(PARENTHESES_MAX).find_map(|(at, _)| {
            let (left, right) = (&line[..at], line[at + 1..].trim_start());
            let (inside, tail) = right.strip_prefix('(')?.split_once(')')?;
            let (server, handle) = inside.trim().rsplit_once(char::is_whitespace)?;
            let (who, version) = left.rsplit_once("(v")?;
            let is_holder = server.contains('/') && number(handle).is_some() && !who.is_empty();
            is_holder.then(|| Self {
                who: who.trim().to_owned(),
                version: version.trim().to_owned(),
                handle: handle.to_owned(),
                tail: Tail::of(tail),
            })
        })
    }

    /// What the line is to the coverage: a strange end of it hides nothing of who it is.
    pub(super) fn said(&self) -> Said {
        if self.tail.strange {
            Said::Unknown("strange end of a holder's line")
        } else {
            Said::Known
        }
    }

    /// The holder. `now` is when the report was written.
    pub(super) fn holder(&self, hosts: &Hosts, now: Option<Timestamp>, zone: &TimeZone) -> Holder {
        let who = hosts.split(&self.who);
        let started = self.tail.start.as_ref().and_then(|start| {
            let day = start.day.before(now?, zone)?;
            local::instant(day.to_datetime(start.time), zone)
        });
        let linger = self.tail.linger.as_ref();
        let linger_until = linger.and_then(|linger| match linger.left_s {
            Some(left_s) => later(now?, left_s),
            None => later(started?, linger.all_s),
        });
        Holder {
            user: Some(who.user.into()),
            host: who.host.map(Into::into),
            display: who.display.map(str::to_owned),
            version: Some(self.version.clone()),
            count: self.tail.count.unwrap_or(1),
            started,
            handle: Some(self.handle.clone()),
            pid: self.tail.pid,
            linger_s: linger.map(|linger| linger.all_s),
            linger_until,
            queued: self.tail.is_queued,
            ..Holder::default()
        }
    }
}

fn later(at: Timestamp, seconds: u64) -> Option<Timestamp> {
    let span = jiff::SignedDuration::from_secs(i64::try_from(seconds).ok()?);
    at.checked_add(span).ok()
}

impl Tail {
    fn of(text: &str) -> Self {
        let mut tail = Self::default();
        let (text, linger) = match text.split_once("(linger:") {
            Some((before, linger)) => {
                let (linger, after) = linger.split_once(')').unwrap_or((linger, ""));
                tail.linger = Linger::of(linger);
                tail.strange |= tail.linger.is_none();
                (before, after)
            }
            None => (text, ""),
        };
        for piece in text.split(',').chain(linger.split(',')).map(str::trim) {
            tail.strange |= tail.piece(piece).is_none();
        }
        tail
    }

    fn piece(&mut self, piece: &str) -> Option<()> {
        let mut words = piece.split_ascii_whitespace();
        let Some(first) = words.next() else { return Some(()) };
        match (first, words.next(), words.next()) {
            ("start", Some(weekday), Some(day)) => {
                let day = local::YearlessDay::of(day)?.on(local::weekday(weekday)?);
                self.start = Some(Start { day, time: local::time(words.next()?)? });
            }
            ("queued", Some("for"), Some(count)) => {
                (self.is_queued, self.count) = (true, Some(number(count)?));
            }
            ("PID:", Some(pid), None) => self.pid = Some(number(pid)?),
            (count, Some("license" | "licenses"), None) => self.count = Some(number(count)?),
            _ => return None,
        }
        Some(())
    }
}

impl Linger {
    fn of(text: &str) -> Option<Self> {
        let seconds = |text: &str| number(text.trim()).map(u64::from);
        match text.split_once('/') {
            Some((left, all)) => Some(Self { left_s: Some(seconds(left)?), all_s: seconds(all)? }),
            None => Some(Self { left_s: None, all_s: seconds(text)? }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// A line seen on Friday 2017-10-20 at 17:02 in; count, start, end of linger, pid out.
    #[track_caller]
    fn check(tail: &str, expected: &str) {
        let line = format!("ann pine /dev/pts/1 (v44) (oak/1713 104){tail}");
        let read = HolderLine::of(&line).unwrap();
        let now = "2017-10-20T17:02:00Z".parse().ok();
        let holder = read.holder(&Hosts::default(), now, &TimeZone::UTC);
        assert_eq!(
            (holder.handle.as_deref(), holder.version.as_deref()),
            (Some("104"), Some("44"))
        );
        let mut told = format!("{}", holder.count);
        for (name, at) in [("since", holder.started), ("until", holder.linger_until)] {
            if let Some(at) = at {
                write!(told, " {name} {at}").unwrap();
            }
        }
        if let Some(pid) = holder.pid {
            write!(told, " pid {pid}").unwrap();
        }
        if holder.queued {
            told += " queued";
        }
        if read.said() != Said::Known {
            told += " strange";
        }
        assert_eq!(told, expected, "{line}");
    }

    #[test]
    fn every_tail_is_read() {
        check(", start Fri 10/20 16:44", "1 since 2017-10-20T16:44:00Z");
        check(", start Fri 10/20 16:44:09", "1 since 2017-10-20T16:44:09Z");
        check(", start Wed 10/18 11:36, 31 licenses", "31 since 2017-10-18T11:36:00Z");
        check(", start Fri 10/20 0:10, PID: 2924522 ", "1 since 2017-10-20T00:10:00Z pid 2924522");
        check(", start Fri 10/20 0:10, 2 licenses, PID: 7", "2 since 2017-10-20T00:10:00Z pid 7");
        check(" queued for 1 license", "1 queued");
        check(" queued for 3 licenses", "3 queued");
        check("", "1");
    }

    #[test]
    fn borrowed_seat_comes_back() {
        check(
            ", start Fri 10/20 16:00, 50 licenses (linger: 3600)",
            "50 since 2017-10-20T16:00:00Z until 2017-10-20T17:00:00Z",
        );
        check(
            ", start Wed 5/24 5:59  (linger: 120 / 1340160)",
            "1 since 2017-05-24T05:59:00Z until 2017-10-20T17:04:00Z",
        );
        check(
            ", start Fri 10/20 16:00 (linger: 3600), PID: 7",
            "1 since 2017-10-20T16:00:00Z until 2017-10-20T17:00:00Z pid 7",
        );
    }

    #[test]
    fn strange_end_is_told_and_hides_nobody() {
        check(", start Fri 10/20 16:44, on loan", "1 since 2017-10-20T16:44:00Z strange");
        check(", start Xxx 10/20 16:44", "1 strange");
    }

    #[test]
    fn other_lines_are_of_no_holder() {
        for line in [
            "",
            "1 RESERVATION for HOST pc1 (oak/27002)",
            "(v1) (oak/1 1)",
            "ann (v1) (oak 1)",
            "MLM: UP v11",
        ] {
            assert!(HolderLine::of(line).is_none(), "{line}");
        }
    }
}
