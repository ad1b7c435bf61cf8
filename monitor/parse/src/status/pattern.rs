//! A status of any license system, read by the regular expressions of whoever knows it. The expressions are searched once a
//! line, which is linear in the line; nothing iterates.

use lic_protocol::snapshot::{Expiry, FeatureStatus, Holder, Snapshot};
use regex::{Captures, Regex};

use super::{
    Answer, StatusFormat, expiry,
    index::Index,
    lines::{self, Said},
    local,
    verdict::judge,
};
use crate::{
    pattern::{ExpressionError, NAME, compiled, wrong},
    text::number,
};

/// Groups that each expression may have.
const OF_FEATURE: [&str; 9] =
    ["feature", "issued", "in_use", "reserved", "queued", "version", "vendor", "pool", "expires"];
const OF_HOLDER: [&str; 8] =
    ["feature", "user", "host", "display", "version", "count", "handle", "started"];

/// The expressions, as a configuration has them. Each matches somewhere in a line and names its parts by groups.
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    /// A feature with its counts.
    pub feature: Option<String>,
    /// Who holds seats: of the feature it names, or else of the one before.
    pub holder: Option<String>,
    /// The same of who waits.
    pub waiter: Option<String>,
    /// What the program says when the license server is down.
    pub down: Option<String>,
    /// Lines that mean nothing.
    pub noise: Option<String>,
}

/// The format.
#[derive(Clone)]
pub struct Pattern {
    feature: Regex,
    holder: Option<Regex>,
    waiter: Option<Regex>,
    down: Option<Regex>,
    noise: Option<Regex>,
}

impl Pattern {
    /// Compiles the expressions.
    ///
    /// # Errors
    /// At the first that is none, or does not name what it is of.
    pub fn new(expressions: &Expressions) -> Result<Self, ExpressionError> {
        let Some(feature) = compiled("feature", expressions.feature.as_deref())? else {
            return Err(wrong(
                "feature",
                "is missing: it is the line that tells the counts of a feature",
            ));
        };
        let holder = compiled("holder", expressions.holder.as_deref())?;
        let waiter = compiled("waiter", expressions.waiter.as_deref())?;
        check_groups("feature", &feature, &OF_FEATURE, "feature")?;
        for (key, regex) in [("holder", &holder), ("waiter", &waiter)] {
            if let Some(regex) = regex {
                check_groups(key, regex, &OF_HOLDER, "user")?;
            }
        }
        Ok(Self {
            feature,
            holder,
            waiter,
            down: compiled("down", expressions.down.as_deref())?,
            noise: compiled("noise", expressions.noise.as_deref())?,
        })
    }
}

fn check_groups(
    key: &'static str,
    regex: &Regex,
    known: &[&str],
    needed: &str,
) -> Result<(), ExpressionError> {
    let named: Vec<&str> = regex.capture_names().flatten().collect();
    if let Some(strange) = named.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(wrong(key, &format!("has the group `{strange}`; known: {known}")));
    }
    if named.contains(&needed) {
        return Ok(());
    }
    Err(wrong(key, &format!("has no group (?<{needed}>...)")))
}

impl StatusFormat for Pattern {
    fn name(&self) -> &'static str {
        NAME
    }

    fn system(&self) -> &'static str {
        NAME
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::default();
        let coverage = lines::read(answer.text, |line| report.line(self, line, answer));
        let Report { mut snapshot, told, .. } = report;
        judge(&mut snapshot, Vec::new(), told, "the expressions know");
        Snapshot { coverage, ..snapshot }
    }
}

#[derive(Default)]
struct Report {
    snapshot: Snapshot,
    index: Index,
    told: Option<String>,
}

impl Report {
    fn line(&mut self, pattern: &Pattern, line: &str, answer: &Answer<'_>) -> Said {
        let is = |regex: &Option<Regex>| regex.as_ref().is_some_and(|regex| regex.is_match(line));
        if is(&pattern.down) {
            self.told.get_or_insert_with(|| line.to_owned());
            return Said::Known;
        }
        if let Some(parts) = pattern.feature.captures(line) {
            let feature = feature(&parts, answer);
            return Said::known_if(
                feature.map(|it| self.index.push(&mut self.snapshot, it)),
                "a count that is none",
            );
        }
        if let Some(parts) = pattern.holder.as_ref().and_then(|holder| holder.captures(line)) {
            return Said::known_if(self.hold(&parts, answer), "a holder of no feature");
        }
        if let Some(parts) = pattern.waiter.as_ref().and_then(|waiter| waiter.captures(line)) {
            return Said::known_if(self.wait(&parts, answer), "a waiter of no feature");
        }
        if is(&pattern.noise) { Said::Noise } else { Said::Unknown("no expression matches") }
    }

    fn hold(&mut self, parts: &Captures<'_>, answer: &Answer<'_>) -> Option<()> {
        let holder = holder(parts, answer)?;
        self.feature(parts)?.holders.push(holder);
        Some(())
    }

    fn wait(&mut self, parts: &Captures<'_>, answer: &Answer<'_>) -> Option<()> {
        let holder = Holder { queued: true, ..holder(parts, answer)? };
        self.feature(parts)?.holders.push(holder);
        Some(())
    }

    fn feature(&mut self, parts: &Captures<'_>) -> Option<&mut FeatureStatus> {
        let at = match part(parts, "feature") {
            Some(name) => self.index.find(&self.snapshot, name, |_| true)?,
            None => self.snapshot.features.len().checked_sub(1)?,
        };
        self.snapshot.features.get_mut(at)
    }
}

fn part<'a>(parts: &Captures<'a>, name: &str) -> Option<&'a str> {
    parts.name(name).map(|found| found.as_str().trim()).filter(|text| !text.is_empty())
}

/// `None` where a count is no number; where there is none, it is not told.
fn feature(parts: &Captures<'_>, answer: &Answer<'_>) -> Option<FeatureStatus> {
    let text = |name: &str| part(parts, name).map(str::to_owned);
    let mut feature = FeatureStatus::named(part(parts, "feature")?);
    let counts = [
        ("issued", &mut feature.issued),
        ("in_use", &mut feature.in_use),
        ("reserved", &mut feature.reserved),
        ("queued", &mut feature.queued),
    ];
    for (name, count) in counts {
        if let Some(text) = part(parts, name) {
            *count = Some(number(text)?);
        }
    }
    (feature.version, feature.pool) = (text("version"), text("pool"));
    feature.vendor = part(parts, "vendor").map(Into::into);
    feature.expires = part(parts, "expires").and_then(|date| ends(date, answer));
    Some(feature)
}

/// `None` where the count is no number.
fn holder(parts: &Captures<'_>, answer: &Answer<'_>) -> Option<Holder> {
    let text = |name: &str| part(parts, name).map(str::to_owned);
    let started = part(parts, "started").and_then(local::iso);
    Some(Holder {
        user: part(parts, "user").map(Into::into),
        host: part(parts, "host").map(Into::into),
        display: text("display"),
        version: text("version"),
        count: part(parts, "count").map_or(Some(1), number)?,
        started: started.and_then(|at| local::instant(at, answer.zone)),
        handle: text("handle"),
        ..Holder::default()
    })
}

fn ends(text: &str, answer: &Answer<'_>) -> Option<Expiry> {
    let at = local::iso(text).and_then(|local| expiry::at(local, answer.zone));
    at.or_else(|| expiry::iso(text, answer.zone)).or_else(|| expiry::dashed(text, answer.zone))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    /// An expression of features in, what is wrong with it out.
    #[track_caller]
    fn check(feature: Option<&str>, expected: Option<&str>) {
        let expressions =
            Expressions { feature: feature.map(str::to_owned), ..Expressions::default() };
        let told = Pattern::new(&expressions).err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn what_a_feature_needs_is_asked_for() {
        check(Some(r"^(?<feature>\S+)"), None);
        check(
            None,
            Some("`feature` is missing: it is the line that tells the counts of a feature"),
        );
        check(Some(r"(?<issued>\d+)"), Some("`feature` has no group (?<feature>...)"));
        check(
            Some(r"(?<feature>\S+) (?<seats>\d+)"),
            Some(
                "`feature` has the group `seats`; known: feature, issued, in_use, reserved, queued, version, vendor, pool, expires",
            ),
        );
    }

    #[test]
    fn holders_are_of_the_feature_they_name_or_stand_below() {
        let some = |text: &str| Some(text.to_owned());
        let pattern = Pattern::new(&Expressions {
            feature: some(
                r"^(?<feature>\w+): (?<in_use>\d+) of (?<issued>\d+) until (?<expires>\S+)",
            ),
            holder: some(r"^ *(?<user>\w+)@(?<host>\w+)(?: of (?<feature>\w+))?$"),
            waiter: some(r"waits: (?<user>\w+)"),
            down: some("no answer"),
            noise: None,
        });
        let pattern = pattern.unwrap();
        let text = b"cad: 1 of 2 until permanent\n ann@pine\nmesh: 0 of 1 until 2030-01-01\nwaits: bo\ncy@elm of cad\nhm\n";
        let answer = Answer { text, zone: &TimeZone::UTC, asked: None };
        let read = pattern.read(&answer);
        let users = |at: usize| -> Vec<String> {
            read.features[at]
                .holders
                .iter()
                .filter_map(|holder| holder.user.as_ref())
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(
            (users(0), users(1)),
            (vec!["ann".to_owned(), "cy".to_owned()], vec!["bo".to_owned()])
        );
        assert_eq!((read.features[0].in_use, read.features[0].reserved), (Some(1), None));
        assert!(read.features[1].holders[0].queued);
        assert_eq!(read.features[0].expires, Some(Expiry::Permanent));
        assert_eq!((read.coverage.events, read.coverage.unknown), (5, 1));
        let down = pattern.read(&Answer { text: b"no answer from elm", ..answer });
        assert_eq!(down.error.as_deref(), Some("no answer from elm"));
    }
}
