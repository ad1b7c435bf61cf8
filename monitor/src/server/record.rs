//! Record: what is kept of a lease or of a place in the queue, as `key=value` lines that outlive the monitor.

use jiff::Timestamp;
use lic_protocol::{
    name::{HostName, UserName},
    outcome::Outcome,
    pairs::{Malformed, Pairs},
    want::{OR, Want},
};

/// Which of the two a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Seats held.
    Lease,
    /// A place in the queue.
    Ticket,
}

/// A lease, or a place in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Lease id or ticket.
    pub id: u64,
    /// Whose it is.
    pub holder: Holder,
    /// The host's boot in which it was given.
    pub boot_id: String,
    /// The host.
    pub host: HostName,
    /// The tool as licwrap calls it, for people.
    pub tool: String,
    /// The seats: of a lease what it holds, each alone; of a place what it waits for, with every alternative.
    pub choices: Vec<Vec<Want>>,
    /// The project the user named.
    pub project: Option<String>,
    /// The ticket of the place a lease was granted from.
    pub ticket: Option<u64>,
    /// Since when, to the millisecond.
    pub since: Timestamp,
    /// The process that stays as parent of the tool and tells its outcome.
    pub supervisor: Option<u32>,
    /// What it told.
    pub outcome: Outcome,
}

/// A process, as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its user.
    pub uid: u32,
    /// The user's name.
    pub user: UserName,
    /// Its number.
    pub pid: u32,
    /// When it started, in ticks since boot; with `pid`, it names one process. `None` where /proc hides it.
    pub start_time: Option<u64>,
}

impl Holder {
    /// Whether it is one process of one user, by whatever name he is known now.
    #[must_use]
    pub fn is_same_process(&self, other: &Self) -> bool {
        (self.uid, self.pid, self.start_time) == (other.uid, other.pid, other.start_time)
    }
}

/// How a record ended. It is added to the record before the event goes out, so that a crash in between tells the same end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When, or the earliest it can have been.
    pub at: Timestamp,
    /// The latest it can have been, where only bounds are known.
    pub before: Option<Timestamp>,
    /// The word of an `EndReason` or a `WaitOutcome`.
    pub how: String,
    /// Who ended it, where somebody did.
    pub by: Option<String>,
}

impl Kind {
    /// What its files end in.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Ticket => "ticket",
        }
    }

    fn since_key(self) -> &'static str {
        match self {
            Self::Lease => "granted_at_ms",
            Self::Ticket => "queued_at_ms",
        }
    }
}

impl Record {
    /// The record as lines.
    #[must_use]
    pub fn encode(&self, kind: Kind) -> String {
        let mut pairs = Pairs::new();
        pairs.put_number("id", self.id);
        pairs.put_number("uid", u64::from(self.holder.uid));
        pairs.put("user", self.holder.user.as_str());
        pairs.put_number("pid", u64::from(self.holder.pid));
        if let Some(start_time) = self.holder.start_time {
            pairs.put_number("start_time", start_time);
        }
        pairs.put("boot_id", &self.boot_id);
        pairs.put("host", self.host.as_str());
        pairs.put("tool", &self.tool);
        for choice in &self.choices {
            let alternatives: Vec<String> = choice.iter().map(Want::shown).collect();
            pairs.put("feature", &alternatives.join(OR));
        }
        if let Some(project) = &self.project {
            pairs.put("project", project);
        }
        if let Some(ticket) = self.ticket {
            pairs.put_number("ticket", ticket);
        }
        if let Some(supervisor) = self.supervisor {
            pairs.put_number("supervisor", u64::from(supervisor));
        }
        self.outcome.put_into(&mut pairs);
        pairs.put_number(kind.since_key(), ms(self.since));
        pairs.as_str().to_owned()
    }

    /// Reads what [`Record::encode`] and [`Ending::encode`] wrote.
    ///
    /// # Errors
    /// [`Malformed`] when a key is missing or wrong, or the text was cut off.
    pub fn decode(kind: Kind, text: &str) -> Result<(Self, Option<Ending>), Malformed> {
        if !text.ends_with('\n') {
            return Err(Malformed("it was not written to its end"));
        }
        let pairs = Pairs::of(text);
        let features = pairs.all("feature");
        let record = Self {
            id: pairs.need_number("id")?,
            holder: Holder {
                uid: small(pairs.need_number("uid")?)?,
                user: UserName::new(pairs.need("user")?),
                pid: small(pairs.need_number("pid")?)?,
                start_time: pairs.need_number("start_time").ok(),
            },
            boot_id: pairs.need("boot_id")?,
            host: HostName::new(pairs.need("host")?),
            tool: pairs.need("tool")?,
            choices: features.iter().map(|choice| wants(choice)).collect::<Result<_, _>>()?,
            project: pairs.get("project"),
            ticket: pairs.need_number("ticket").ok(),
            since: time(pairs.need_number(kind.since_key())?)?,
            supervisor: pairs.need_number("supervisor").ok().map(small).transpose()?,
            outcome: Outcome::of(&pairs),
        };
        Ok((record, Ending::decode(&pairs)?))
    }

    /// Every feature it is about.
    pub fn wants(&self) -> impl Iterator<Item = &Want> {
        self.choices.iter().flatten()
    }

    /// Whether it is a lease of this holder and of what he chooses from.
    #[must_use]
    pub fn is_of(&self, holder: &Holder, choices: &[Vec<Want>]) -> bool {
        let is_chosen = |(held, choice): (&Vec<Want>, &Vec<Want>)| {
            held.iter().all(|want| choice.contains(want))
        };
        self.holder.is_same_process(holder)
            && self.choices.len() == choices.len()
            && self.choices.iter().zip(choices).all(is_chosen)
    }
}

impl Ending {
    /// The lines to add to a record.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut pairs = Pairs::new();
        if let Some(before) = self.before {
            pairs.put_number("ended_before_ms", ms(before));
        }
        if let Some(by) = &self.by {
            pairs.put("ended_by", by);
        }
        pairs.put("ended_how", &self.how);
        pairs.put_number("ended_at_ms", ms(self.at));
        pairs.as_str().to_owned()
    }

    fn decode(pairs: &Pairs) -> Result<Option<Self>, Malformed> {
        let Some(how) = pairs.get("ended_how") else { return Ok(None) };
        let before = pairs.need_number("ended_before_ms").ok().map(time).transpose()?;
        let at = time(pairs.need_number("ended_at_ms")?)?;
        Ok(Some(Self { at, before, how, by: pairs.get("ended_by") }))
    }
}

fn wants(choice: &str) -> Result<Vec<Want>, Malformed> {
    choice.split(OR).map(Want::parse).collect()
}

fn ms(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

fn time(ms: u64) -> Result<Timestamp, Malformed> {
    let ms = i64::try_from(ms).map_err(|_| Malformed("not a time"))?;
    Timestamp::from_millisecond(ms).map_err(|_| Malformed("not a time"))
}

fn small(number: u64) -> Result<u32, Malformed> {
    u32::try_from(number).map_err(|_| Malformed("a number is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            id: 1_763_990_400_000_001,
            holder: Holder { uid: 1000, user: "ann".into(), pid: 42, start_time: Some(7_700) },
            boot_id: "b".into(),
            host: "node7".into(),
            tool: "a\nb=%".into(),
            choices: ["render:gpu:2", "base || light:3"].map(|text| wants(text).unwrap()).into(),
            project: Some("Å".into()),
            ticket: Some(9),
            since: Timestamp::from_millisecond(1_763_990_400_123).unwrap(),
            supervisor: Some(41),
            outcome: Outcome { exit_signal: Some(9), ..Outcome::default() },
        }
    }

    #[test]
    fn there_and_back() {
        for kind in [Kind::Lease, Kind::Ticket] {
            let text = record().encode(kind);
            assert_eq!(Record::decode(kind, &text), Ok((record(), None)));
            let end = Ending {
                at: record().since,
                before: Some(record().since),
                how: "left".into(),
                by: Some("ann (uid 1000)".into()),
            };
            let text = text + &end.encode();
            assert_eq!(Record::decode(kind, &text), Ok((record(), Some(end))));
        }
    }

    #[test]
    fn what_was_cut_off_is_not_believed() {
        let text = record().encode(Kind::Lease);
        for length in 0..text.len() {
            assert!(Record::decode(Kind::Lease, &text[..length]).is_err(), "{length} bytes");
        }
    }
}
