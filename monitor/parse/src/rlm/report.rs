//! The report log of an ISV server, of standard or detailed form: blank-separated records with the server's own handles.
//!
//! START stands at the beginning of every file. Where `SWITCH from` stands before it, the ISV server goes on from another file;
//! RLM before 14 leaves that line out, and its START waits for the records behind it.
//! INUSE records repeat at both ends of each file what is held. They would open again what an OUT opened before, so they are noise,
//! and what was taken before the first file that is read is first seen when it ends.

use std::time::Duration;

use lic_protocol::{
    event::{
        Checkin, Checkout, Denial, Dequeue, EndReason, Fact, HandleOf, Queue, ReasonClass,
        ServerChange, ServerEvent, WaitOutcome,
    },
    name::{FeatureName, HostName, UserName, VendorName},
    outcome::Outcome,
};

use super::{Stamp, StampDay};
use crate::{
    Late, Line, Meaning,
    text::{number, shortened},
};

/// Fields of a record that are looked at; the longest kept one has 18.
const FIELDS_MAX: usize = 18;

/// The first version that writes `SWITCH from`.
const SWITCH_VERSION: u32 = 14;

/// What the header of the records said.
pub(super) struct Header {
    isv: String,
    is_small: bool,
    /// Between `RLM Report Log Format` and START stand some lines of text: those are read.
    is_text: bool,
    /// The file goes on from another: its START is none of the ISV server.
    is_switched: bool,
    /// The first number of the version of the ISV server.
    version: Option<u32>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            isv: "rlm".to_owned(),
            is_small: false,
            is_text: false,
            is_switched: false,
            version: None,
        }
    }
}

impl Header {
    /// When a line was written, and what it means.
    pub(super) fn record(&mut self, line: &str) -> (Option<Stamp>, Meaning) {
        if let Some(format) = line.strip_prefix("RLM Report Log Format ") {
            self.is_text = true;
            self.is_small = format.starts_with('1');
            return (None, Meaning::Noise);
        }
        if let Some(isv) = line.strip_prefix("ISV: ") {
            let (name, rest) = isv.split_once(',').unwrap_or((isv, ""));
            name.clone_into(&mut self.isv);
            self.version = version(rest);
            return (None, Meaning::Noise);
        }
        let fields: Vec<&str> = Fields(line).take(FIELDS_MAX).collect();
        match fields.as_slice() {
            ["SWITCH", "from", ..] => {
                self.is_switched = true;
                (None, Meaning::Noise)
            }
            ["START", _, day, time, ..] => {
                self.is_text = false;
                let meaning = if std::mem::take(&mut self.is_switched) {
                    Meaning::Noise
                } else {
                    self.server(ServerChange::Started, line)
                };
                (Stamp::of(day, time), meaning)
            }
            ["OUT" | "IN" | "DENY" | "QUE" | "DEQUE", ..] if self.is_small => {
                let why = "a small report log leaves out who and when: REPORTLOG FILE std";
                (None, Meaning::unknown(why))
            }
            ["OUT", .., day, time] if fields.len() == FIELDS_MAX => {
                known(day, time, self.checkout(&fields))
            }
            ["IN", .., day, time] if fields.len() == 13 => known(day, time, self.checkin(&fields)),
            ["DENY", rest @ ..] => self::denial(rest),
            ["QUE", .., day, time] if fields.len() == 13 => known(day, time, self.queue(&fields)),
            ["DEQUE", .., day, time] if fields.len() == 11 => {
                known(day, time, Some(self.dequeue(&fields)))
            }
            ["SHUTDOWN", _, _, day, time] => {
                (Stamp::of(day, time), self.server(ServerChange::Stopped, line))
            }
            ["OUT" | "IN" | "QUE" | "DEQUE" | "SHUTDOWN", ..] => malformed(),
            ["END", day, time] | [day, time] => match StampDay::of(day) {
                Some(StampDay::Whole(_)) => (Stamp::of(day, time), Meaning::Noise),
                _ => (None, self.rest(&fields)),
            },
            _ => (None, self.rest(&fields)),
        }
    }

    /// Whether files that go on from another do not say so.
    pub(super) fn tells_no_switch(&self) -> bool {
        self.version.is_some_and(|version| version < SWITCH_VERSION)
    }

    fn rest(&self, fields: &[&str]) -> Meaning {
        const NOISE: [&str; 15] = [
            "PRODUCT",
            "INUSE",
            "REREAD",
            "SWITCH",
            "AUTH:",
            "AUTH",
            "TIMEZONE",
            "LICENSE",
            "REPROCESSED",
            "ROAM_EXTEND",
            "METER_DEC",
            "DYNRES",
            "TEMP",
            "TIMEJUMP",
            "log",
        ];
        match fields.first() {
            None => Meaning::Noise,
            Some(word) if self.is_text || NOISE.contains(word) => Meaning::Noise,
            Some(word) => Meaning::unknown(&format!("unknown record {}", shortened(word))),
        }
    }

    fn server(&self, change: ServerChange, line: &str) -> Meaning {
        let (text, ends) = (line.to_owned(), Some(self.isv.clone()));
        Meaning::Event(Fact::Server(ServerEvent { change, text, ends }))
    }

    fn handle(&self, handle: &str) -> String {
        format!("{} {handle}", self.isv)
    }

    /// `OUT product ver pool user host isv_def count cur_use cur_resuse handle share_handle pid project req_product
    /// req_version mm/dd hh:mm:ss`
    fn checkout(&self, fields: &[&str]) -> Option<Fact> {
        Some(Fact::Checkout(Checkout {
            feature: FeatureName::from(fields[1]),
            user: UserName::from(fields[4]),
            host: HostName::from(fields[5]),
            count: number(fields[7])?,
            handle: self.handle(fields[10]),
            handle_of: HandleOf::Session,
            seat: Some(self.handle(fields[11])),
            version: Some(fields[2].to_owned()),
            vendor: Some(VendorName::from(self.isv.as_str())),
            unit: None,
            display: None,
            process: None,
            project: (!fields[13].is_empty()).then(|| fields[13].to_owned()),
        }))
    }

    /// `IN why product ver user host isv_def count cur_use cur_resuse handle mm/dd hh:mm:ss`
    fn checkin(&self, fields: &[&str]) -> Option<Fact> {
        Some(Fact::Checkin(Checkin {
            feature: FeatureName::from(fields[2]),
            handle: self.handle(fields[10]),
            handle_of: HandleOf::Session,
            count: Some(number(fields[7])?),
            user: UserName::from(fields[4]),
            host: HostName::from(fields[5]),
            reason: match number(fields[1])? {
                1 => EndReason::Checkin,
                2 => EndReason::ToolExited,
                3 => EndReason::Released,
                4 => EndReason::Inactive,
                _ => EndReason::Unknown,
            },
            ended_before: None,
            outcome: Outcome::default(),
        }))
    }

    /// `QUE product ver user host isv_def count handle project req_product req_version mm/dd hh:mm:ss`
    fn queue(&self, fields: &[&str]) -> Option<Fact> {
        Some(Fact::Queue(Queue {
            feature: FeatureName::from(fields[1]),
            user: UserName::from(fields[3]),
            host: HostName::from(fields[4]),
            count: number(fields[6])?,
            ticket: self.handle(fields[7]),
            credit: Duration::ZERO,
        }))
    }

    /// `DEQUE why product ver user host isv_def count handle mm/dd hh:mm:ss`
    fn dequeue(&self, fields: &[&str]) -> Fact {
        Fact::Dequeue(Dequeue {
            feature: FeatureName::from(fields[2]),
            ticket: self.handle(fields[8]),
            outcome: WaitOutcome::Left,
        })
    }
}

/// 14 of ` RLM version 14.1 BL2`.
fn version(text: &str) -> Option<u32> {
    let (first, _) = text.trim_start().strip_prefix("RLM version ")?.split_once('.')?;
    number(first)
}

/// A START that may be of a file that goes on from another: INUSE behind it tells so, for who has just started serves nobody.
#[derive(Default)]
pub(super) struct Start(Option<Late>);

impl Start {
    /// The START that stands before a record, where that shows that it is one.
    pub(super) fn before(&mut self, record: &str) -> Option<Late> {
        match record.split_ascii_whitespace().next() {
            None | Some("PRODUCT" | "TIMEZONE" | "LICENSE") => None,
            Some("INUSE") => {
                self.0 = None;
                None
            }
            Some(_) => self.0.take(),
        }
    }

    pub(super) fn wait(&mut self, start: Late) -> Line {
        if !matches!(start.line.meaning, Meaning::Event(_)) {
            return start.line;
        }
        let Line { at, ambiguous, day, .. } = start.line;
        self.0 = Some(start);
        Line { at, ambiguous, day, meaning: Meaning::Noise }
    }

    pub(super) fn take(&mut self) -> Option<Late> {
        self.0.take()
    }
}

/// `DENY product ver user host isv_def count why last_attempt [pid] mm/dd hh:mm`, without the word. One that is not the last
/// attempt was followed by another of the same client, and is no denial to anybody.
fn denial(fields: &[&str]) -> (Option<Stamp>, Meaning) {
    let (day, time) = match fields {
        [_, _, _, _, _, _, _, _, day, time, ..] if day.contains('/') => (day, time),
        [_, _, _, _, _, _, _, _, _, day, time, ..] => (day, time),
        _ => return malformed(),
    };
    if fields[7] == "0" {
        return (Stamp::of(day, time), Meaning::Noise);
    }
    let why = fields[6];
    let denial = number(fields[5]).map(|count| {
        Fact::Denial(Denial {
            feature: FeatureName::from(fields[0]),
            user: UserName::from(fields[2]),
            host: HostName::from(fields[3]),
            count,
            tries: 1,
            reason: format!("error {why}"),
            class: class(why),
            process: None,
        })
    });
    known(day, time, denial)
}

fn class(why: &str) -> ReasonClass {
    match why {
        "-1" => ReasonClass::NotLicensed,
        "-3" => ReasonClass::Expired,
        "-6" => ReasonClass::Version,
        "-22" => ReasonClass::Exhausted,
        _ => ReasonClass::Other,
    }
}

fn known(day: &str, time: &str, fact: Option<Fact>) -> (Option<Stamp>, Meaning) {
    match (Stamp::of(day, time), fact) {
        (Some(stamp), Some(fact)) => (Some(stamp), Meaning::Event(fact)),
        _ => malformed(),
    }
}

fn malformed() -> (Option<Stamp>, Meaning) {
    (None, Meaning::unknown("malformed record"))
}

/// Fields between blanks; one in quotes may hold blanks, or nothing.
struct Fields<'a>(&'a str);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start();
        if rest.is_empty() {
            return None;
        }
        let (field, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        self.0 = rest;
        Some(field)
    }
}
