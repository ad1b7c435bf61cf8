//! Why one would wait, in words: who holds the seats and since when, which rule decides, the place, and how long it may take.

use std::time::Duration;

use jiff::Timestamp;
use lic_admission::{
    Outlook,
    asker::Asker,
    capacity::{Mode, Seats, Tokens},
    rule::decisive,
};
use lic_analytics::wait::{Held, Runs, expected_waits};
use lic_protocol::{
    name::FeatureName,
    pairs::Pairs,
    want::Want,
    wire::{Acquire, MESSAGE_BYTES_MAX, Refusal, Reply},
};
use tracing::debug;

use super::{SeatServer, connection::Connection, cores::cores_of, record::Record};
use crate::table::{shown, span, time};

/// Most holders of one feature that are named.
const HOLDERS_MAX: usize = 10;
/// What a message holds besides its text.
const ENVELOPE_BYTES: usize = 128;

impl SeatServer {
    /// Answers with words: done where the seats are free, refused where they are not.
    pub(super) fn explain(&mut self, connection: &Connection, acquire: &Acquire, now: Timestamp) {
        let record = self.record(connection, acquire, now);
        let asker = self.asker(&record);
        let outlook = self.admission.outlook(&asker, &record.choices, now);
        let mut lines = Vec::new();
        for want in record.wants() {
            lines.extend(self.told(want, &asker, now));
            lines.extend(self.told_of_tokens(want, connection.peer.pid));
        }
        lines.push(match &outlook {
            Outlook::Free(_) if record.choices.iter().all(|choice| choice.len() == 1) => {
                "a run of yours would start now".to_owned()
            }
            Outlook::Free(taken) => {
                let taken: Vec<String> = taken.iter().map(Want::shown).collect();
                format!("a run of yours would start now, with {}", taken.join(", "))
            }
            Outlook::Waits { place } => self.prospect(&record.choices, *place, now),
            Outlook::Refused(denied) => format!("a run of yours would be refused: {}", denied.text),
        });
        let text = fitting(&lines);
        let reply = match outlook {
            Outlook::Free(_) => Reply::Done { text },
            Outlook::Waits { .. } => Reply::Refused { refusal: Refusal::Busy, text },
            Outlook::Refused(denied) => Reply::Refused { refusal: denied.refusal, text },
        };
        if let Err(errno) = connection.send(&reply) {
            debug!("an explanation was not read: {errno}");
        }
    }

    /// A feature: its seats, who holds them, and the rule about the asker.
    fn told(&self, want: &Want, asker: &Asker, now: Timestamp) -> Vec<String> {
        let feature = want.feature.as_str();
        let Some(tool) = self.admission.tool(feature) else { return Vec::new() };
        let in_use = self.admission.in_use(&FeatureName::from(feature)).unwrap_or(0);
        let waits = self.waiters.values().filter(|w| seats(&w.record, feature).is_some()).count();
        let limit = match tool.seats {
            Seats::Limited(seats) => format!("{in_use} of {seats} seats in use"),
            Seats::Unlimited => format!("{in_use} seats in use, no limit"),
        };
        let mode = match tool.mode {
            Mode::Enforce => "",
            Mode::Observe => ", observed only: nobody is refused",
            Mode::Off => ", not limited now",
        };
        let mut lines = vec![format!("{feature}: {limit}, {waits} waiting{mode}")];
        let holders: Vec<&Record> = self.holders(feature).collect();
        for record in holders.iter().take(HOLDERS_MAX) {
            lines.push(format!(
                "  {} on {} holds {} since {} ({}): {}, lease {}",
                record.holder.user,
                record.host,
                seats(record, feature).unwrap_or(0),
                time(record.since),
                span(age(record, now).as_secs_f64()),
                shown(&record.tool),
                record.id
            ));
        }
        if holders.len() > HOLDERS_MAX {
            lines.push(format!("  and {} more", holders.len() - HOLDERS_MAX));
        }
        if let Some(expiry) = &tool.expires {
            let is = if expiry.is_over(now) { "was" } else { "is" };
            lines.push(format!("  its license {is} valid until {expiry}"));
        }
        if let Some(rule) = decisive(&tool.rules, asker) {
            lines.push(format!("  decided by: {rule}"));
        }
        lines
    }

    /// How many seats a run takes, where that is not one.
    fn told_of_tokens(&self, want: &Want, pid: u32) -> Option<String> {
        match self.admission.tool(&want.feature)?.tokens {
            Tokens::PerRun(1) => None,
            Tokens::PerRun(seats) => {
                Some(format!("  a run takes {seats} seats, if it does not say"))
            }
            Tokens::PerCore(seats) => Some(format!(
                "  a run takes {seats} for each core it may run on, if it does not say: {} here",
                seats.saturating_mul(cores_of(pid))
            )),
        }
    }

    /// The place, and how long that may take by the runs before: of alternatives the one that is sooner.
    fn prospect(&mut self, choices: &[Vec<Want>], place: u32, now: Timestamp) -> String {
        let mut expected_of = |want: &Want| {
            let runs = (self.past)(&FeatureName::from(want.feature.as_str()));
            let wait = self.expected_wait(&runs, want, place, now)?;
            Some((wait, runs.typical()?))
        };
        let expected: Vec<_> = choices
            .iter()
            .filter_map(|choice| choice.iter().filter_map(&mut expected_of).min())
            .collect();
        match expected.into_iter().max() {
            Some((wait, typical)) => format!(
                "a run of yours would wait at place {place}, about {} if runs last as long as those before ({})",
                span(wait.as_secs_f64()),
                span(typical.as_secs_f64())
            ),
            None => format!("a run of yours would wait at place {place}"),
        }
    }

    /// How long somebody may wait for seats of one feature behind those who came before him.
    fn expected_wait(
        &self,
        runs: &Runs,
        want: &Want,
        place: u32,
        now: Timestamp,
    ) -> Option<Duration> {
        let feature = want.feature.as_str();
        let tool = self.admission.tool(feature)?;
        let in_use = self.admission.in_use(&FeatureName::from(feature)).unwrap_or(0);
        let free = i64::from(tool.limit()?) - i64::from(tool.set_aside());
        let free = free.saturating_sub_unsigned(in_use);
        let held: Vec<_> = self
            .holders(feature)
            .map(|record| {
                let share = self.admission.share(feature, record.holder.uid, &record.host);
                (share, seats(record, feature).unwrap_or(0), age(record, now))
            })
            .collect();
        let held = held.iter().map(|(share, seats, age)| Held {
            share: share.as_deref(),
            seats: *seats,
            age: *age,
        });
        let ahead = self.admission.queued().filter_map(|ticket| self.waiters.get(&ticket));
        let ahead = ahead.filter_map(|waiter| seats(&waiter.record, feature));
        let ahead = ahead.take(place.saturating_sub(1) as usize);
        let asked: Vec<u32> = ahead.chain([want.count]).collect();
        expected_waits(runs, held, free, &asked).pop().flatten()
    }

    /// The oldest first.
    fn holders<'a>(&'a self, feature: &'a str) -> impl Iterator<Item = &'a Record> {
        let records = self.leases.values().map(|lease| &lease.record);
        records.filter(move |record| seats(record, feature).is_some())
    }
}

/// Seats of a feature that a record is about.
fn seats(record: &Record, feature: &str) -> Option<u32> {
    record.wants().find(|want| want.feature == feature).map(|want| want.count)
}

/// For how long a record has been; no time where the clock was set back since.
fn age(record: &Record, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(record.since)).unwrap_or_default()
}

/// The lines, less those in the middle that do not fit into a message.
fn fitting(lines: &[String]) -> String {
    let mut kept = lines.to_vec();
    loop {
        let text = kept.join("\n");
        let mut pairs = Pairs::new();
        pairs.put("text", &text);
        if pairs.as_str().len() + ENVELOPE_BYTES <= MESSAGE_BYTES_MAX || kept.len() < 2 {
            return text;
        }
        kept.remove(kept.len() - 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_before_the_last_line() {
        let mut lines = vec!["Å".repeat(100); 50];
        lines.push("last".to_owned());
        let text = fitting(&lines);
        assert!(text.ends_with("\nlast") && text.len() > 1000, "{text}");
        let reply = Reply::Refused { refusal: Refusal::Busy, text }.encode();
        assert!(reply.len() <= MESSAGE_BYTES_MAX, "{}", reply.len());
    }
}
