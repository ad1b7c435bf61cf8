//! `rlmutil rlmstat -a` (RLM of Reprise Software): the server, its ISV servers, their pools, and who holds what. Pool and handle
//! are told; waiting requests are not.
//!
//! Source: "rlmstat" in the vendor's "License Administration Manual"; answers in `fixtures/status/rlmstat`, in the shape of real
//! ones.

mod usage;

use jiff::{SignedDuration, Timestamp};
use lic_protocol::{
    snapshot::{Daemon, Entitlement, FeatureStatus, Member, Snapshot},
    view::ServerState,
};

use self::usage::Usage;
use super::{
    Answer, StatusFormat, expiry,
    index::Index,
    lines::{self, Said},
    local,
    verdict::{Block, judge},
};
use crate::text::number;

/// Lines of the program about itself, and statistics.
const NOISE: [&str; 19] = [
    "Setting license file path",
    "rlmutil v",
    "rlmstat v",
    "Copyright",
    "rlm comm version",
    "Startup time:",
    "Recent ",
    "Messages:",
    "Connections:",
    "Checkouts:",
    "Denials:",
    "Removed:",
    "Name ",
    "-----",
    "obsolete:",
    "Token-based license",
    "No license usage",
    "rlm comm ",
    "No error",
];
/// Endings of lines of an ISV server about itself: `acme Debug log filename: F:\acme.dlog`.
const NOISE_OF_ISV: [&str; 4] =
    [" log filename:", " software version ", " comm version", " options filename:"];

/// The format.
pub struct Rlmstat;

impl StatusFormat for Rlmstat {
    fn name(&self) -> &'static str {
        "rlmstat"
    }

    fn system(&self) -> &'static str {
        "rlm"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::default();
        let coverage = lines::read(answer.text, |line| report.line(line, answer));
        Snapshot { coverage, ..report.end(answer) }
    }
}

#[derive(Default)]
struct Report {
    snapshot: Snapshot,
    index: Index,
    block: Block,
    told: Option<String>,
    isv: Option<String>,
    usages: Vec<Usage>,
    /// Whether the table of ISV servers is being read.
    is_table: bool,
    /// The pool whose counts come next.
    pool: Option<usize>,
}

impl Report {
    fn line(&mut self, line: &str, answer: &Answer<'_>) -> Said {
        if line.contains("ISV servers -----") {
            self.is_table = true;
            return Said::Noise;
        }
        if let Some(said) = self.heading(line, answer) {
            return said;
        }
        if self.is_table
            && let Some(daemon) = isv_server(line)
        {
            self.block.daemons.push(daemon);
            return Said::Known;
        }
        if let Some(usage) = Usage::of(line) {
            self.usages.push(usage);
            return Said::Known;
        }
        if let Some(said) = self.counts(line, answer) {
            return said;
        }
        if is_noise(line) {
            return Said::Noise;
        }
        self.pool(line)
    }

    fn heading(&mut self, line: &str, answer: &Answer<'_>) -> Option<Said> {
        if let Some(rest) = line.strip_prefix("rlm status on ") {
            let host = rest.split([' ', '(', ',']).next()?.into();
            let (state, version, error) = (ServerState::Up, None, None);
            self.block.members.push(Member { host, state, master: false, version, error });
        } else if let Some(version) = line.strip_prefix("rlm software version v") {
            let version = version.split_ascii_whitespace().next()?;
            self.block.members.last_mut()?.version = Some(version.to_owned());
        } else if let Some(rest) = line.strip_prefix("Todays Statistics ") {
            let now = now(rest, answer);
            self.snapshot.as_of = self.snapshot.as_of.max(now);
        } else if let Some(what) = line.strip_prefix("Error connecting to ") {
            self.told = Some(format!("error connecting to {what}"));
        } else if line.starts_with("Connection attempted to host") {
            let told = self.told.take().unwrap_or_default();
            self.told = Some(format!("{told}: {}{}", line[..1].to_lowercase(), &line[1..]));
        } else {
            return self.of_isv(line);
        }
        Some(Said::Known)
    }

    /// `acme license pool status on oak (port 63133)`
    fn of_isv(&mut self, line: &str) -> Option<Said> {
        let kinds =
            [" ISV server status on ", " license pool status on ", " license usage status on "];
        let isv = kinds.iter().find_map(|kind| Some(line.split_once(kind)?.0.trim()))?;
        self.is_table = false;
        self.pool = None;
        self.isv = Some(isv.to_owned());
        Some(Said::Known)
    }

    /// `nuke v2024.0701, pool: 12`
    fn pool(&mut self, line: &str) -> Said {
        let (line, pool) = match line.split_once(", pool:") {
            Some((line, pool)) => (line, number(pool.trim()).map(|pool| pool.to_string())),
            None => (line, None),
        };
        let Some((name, version)) = named(line).filter(|_| self.isv.is_some()) else {
            return Said::Unknown("no line of rlmstat");
        };
        let mut feature = FeatureStatus::named(name);
        feature.version = Some(version.to_owned());
        feature.vendor = self.isv.as_deref().map(Into::into);
        feature.pool = pool;
        self.pool = Some(self.index.push(&mut self.snapshot, feature));
        Said::Known
    }

    /// `count: 1000, # reservations: 0, inuse: 93, exp: 31-jan-2022`, and its other forms.
    fn counts(&mut self, line: &str, answer: &Answer<'_>) -> Option<Said> {
        let is_uncounted = line.starts_with("UNCOUNTED");
        if !is_uncounted && !line.starts_with("count:") {
            return None;
        }
        let Some(feature) = self.pool.and_then(|at| self.snapshot.features.get_mut(at)) else {
            return Some(Said::Unknown("counts of no pool"));
        };
        feature.uncounted = is_uncounted;
        let mut is_strange = false;
        for (key, value) in line.split(',').filter_map(|field| field.split_once(':')) {
            let value = value.trim();
            match key.trim() {
                "count" if matches!(value, "unlimited" | "uncounted" | "UNCOUNTED") => {
                    feature.uncounted = true;
                }
                "count" => feature.issued = number(value),
                "# reservations" => feature.reserved = number(value),
                "inuse" => feature.in_use = number(value),
                "exp" => feature.expires = expiry::dashed(value, answer.zone),
                _ => is_strange = true,
            }
        }
        // The count of a pool leaves out what is set aside.
        feature.issued =
            feature.issued.and_then(|count| count.checked_add(feature.reserved.unwrap_or(0)));
        let (version, expires) = (feature.version.clone(), feature.expires);
        let count = feature.issued;
        feature.entitlements.push(Entitlement {
            version,
            count,
            expires,
            kind: None,
            locked_to: None,
        });
        let is_read = feature.uncounted || feature.issued.is_some();
        is_strange |= !is_read;
        Some(if is_strange {
            Said::Unknown("counts that rlmstat does not print")
        } else {
            Said::Known
        })
    }

    fn end(mut self, answer: &Answer<'_>) -> Snapshot {
        let now = self.snapshot.as_of.or(answer.asked);
        for usage in &self.usages {
            let holder = usage.holder(now, answer.zone);
            let at = usage.feature(&self.snapshot, &self.index);
            let at = at.unwrap_or_else(|| {
                let mut feature = FeatureStatus::named(&usage.product);
                feature.version = Some(usage.version.clone());
                self.index.push(&mut self.snapshot, feature)
            });
            self.snapshot.features[at].holders.push(holder);
        }
        let blocks = if self.block.members.is_empty() && self.block.daemons.is_empty() {
            Vec::new()
        } else {
            vec![self.block]
        };
        judge(&mut self.snapshot, blocks, self.told, "rlmstat");
        self.snapshot
    }
}

/// `nuke v2024.0701`: a product and a version.
pub(super) fn named(line: &str) -> Option<(&str, &str)> {
    let (name, version) = line.trim().rsplit_once(char::is_whitespace)?;
    let version = version.strip_prefix('v')?;
    let is_version = version.starts_with(|first: char| first.is_ascii_digit());
    (is_version && !name.trim().is_empty()).then_some((name.trim(), version))
}

/// `acme             63133   Yes      0`
fn isv_server(line: &str) -> Option<Daemon> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [name, port, running, restarts] = words[..] else { return None };
    number(port).and(number(restarts))?;
    let (state, error) = match running {
        "Yes" => (ServerState::Up, None),
        "No" => (ServerState::Down, Some("the ISV server does not run".to_owned())),
        _ => return None,
    };
    Some(Daemon { name: name.to_owned(), state, version: None, error })
}

/// When the answer was made: `(13:48:32), init time: Tue Nov  2 23:00:06 2021` is a span, and its beginning.
fn now(text: &str, answer: &Answer<'_>) -> Option<Timestamp> {
    let (span, rest) = text.trim().strip_prefix('(')?.split_once(')')?;
    let init = local::spelled(rest.split_once("init time:")?.1)?;
    local::instant(init, answer.zone)?.checked_add(elapsed(span)?).ok()
}

/// `13:48:32`, `15d 11:08:25`
fn elapsed(text: &str) -> Option<SignedDuration> {
    let (days, time) = match text.split_once('d') {
        Some((days, time)) => (number(days.trim())?, time.trim()),
        None => (0, text.trim()),
    };
    let mut parts = time.split(':').map(number);
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let seconds = ((i64::from(days) * 24 + i64::from(hours)) * 60 + i64::from(minutes)) * 60
        + i64::from(seconds);
    Some(SignedDuration::from_secs(seconds))
}

fn is_noise(line: &str) -> bool {
    NOISE.iter().any(|words| line.starts_with(words))
        || NOISE_OF_ISV.iter().any(|words| line.contains(words))
        // Below the heads of the statistics stand how long they are of.
        || line.split_ascii_whitespace().all(|word| word.contains(':') || word.ends_with('d'))
}
